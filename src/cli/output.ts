import type { Answer } from './command';
import type { Failure } from './failure';
import { pageOf, plain } from './page';
import type { Terminal } from './terminal';

/** Where answers and failures go: for a person or, with `--json`, for a program. */
export interface Output {
  answer(answer: Answer): void;
  /** One line on standard error; with `--json` also `{"error":{"code","message"}}` on standard output. */
  fail(failure: Failure): void;
  /** A line beside the answer, on standard error. */
  note(message: string): void;
}

export function outputTo(terminal: Terminal, isJson: boolean): Output {
  const page = pageOf(terminal.out, terminal.environment);
  const errorPage = pageOf(terminal.errors, terminal.environment);
  const note = (message: string) => terminal.errors.write(`scratch: ${plain(message)}\n`);
  const complain = ({ message }: Failure) =>
    terminal.errors.write(`${errorPage.paint('bad', 'scratch:')} ${plain(message)}\n`);
  return {
    note,
    answer(answer) {
      const { shortfall } = answer;
      if (isJson) {
        const error = shortfall === undefined ? {} : { error: errorJson(shortfall) };
        const json = answer.json instanceof Object && shortfall ? { ...answer.json, ...error } : answer.json;
        terminal.out.write(`${JSON.stringify(json)}\n`);
      } else {
        const text = answer.text(page);
        if (answer.isExact) terminal.out.write(text);
        else if (text !== '') terminal.out.write(`${text}\n`);
      }
      if (answer.note !== undefined) note(answer.note);
      if (shortfall !== undefined) complain(shortfall);
    },
    fail(failure) {
      complain(failure);
      if (isJson) terminal.out.write(`${JSON.stringify({ error: errorJson(failure) })}\n`);
    },
  };
}

function errorJson({ code, message }: Failure): Failure {
  return { code, message: plain(message) };
}
