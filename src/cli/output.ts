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
        terminal.out.write(`${JSON.stringify(withShortfall(answer))}\n`);
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

/** A list stays one: what is left undone is then in its entries, and in the exit code. */
function withShortfall({ json, shortfall }: Answer): unknown {
  if (shortfall === undefined || !(json instanceof Object) || Array.isArray(json)) return json;
  return { ...json, error: errorJson(shortfall) };
}

function errorJson({ code, message }: Failure): Failure {
  return { code, message: plain(message) };
}
