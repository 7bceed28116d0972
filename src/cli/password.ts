import { ok, type Result } from '../base/result';
import { type Failure, usage } from './failure';
import { readText } from './input';
import type { Terminal } from './terminal';

/** A secret that a command needs, and the places it may come from besides a prompt. */
export interface SecretQuestion {
  readonly prompt: string;
  /** Asked a second time at the prompt, because a slip could not be undone. */
  readonly isNew: boolean;
  /** The environment variable that may hold it. */
  readonly variable: string;
}

export const passwordQuestion: SecretQuestion = {
  prompt: 'Password: ',
  isNew: false,
  variable: 'SCRATCH_PASSWORD',
};
export const newAccountQuestion: SecretQuestion = {
  prompt: 'Password for the new account: ',
  isNew: true,
  variable: 'SCRATCH_PASSWORD',
};
export const newPasswordQuestion: SecretQuestion = {
  prompt: 'New password: ',
  isNew: true,
  variable: 'SCRATCH_NEW_PASSWORD',
};

/** The recovery phrase comes from standard input or a prompt only. */
export const recoveryPhraseQuestion: SecretQuestion = {
  prompt: 'Recovery phrase (24 words): ',
  isNew: false,
  variable: '',
};

/**
 * Secrets, each from standard input when `fromInput` says so (a line each, in the order of the questions), else from
 * its environment variable, else from a prompt on a terminal. Never from an argument, which other users could read.
 */
export async function askSecrets(
  terminal: Terminal,
  questions: readonly SecretQuestion[],
  fromInput: (question: SecretQuestion) => boolean,
): Promise<Result<readonly string[], Failure>> {
  const lines = questions.some(fromInput) ? await readLines(terminal) : ok([]);
  if (!lines.ok) return lines;
  const waiting = [...lines.value];
  const answers: string[] = [];
  for (const question of questions) {
    const answer = fromInput(question)
      ? given(waiting.shift(), 'Standard input has too few lines: give one secret on each.')
      : await askOne(terminal, question);
    if (!answer.ok) return answer;
    answers.push(answer.value);
  }
  return ok(answers);
}

async function askOne(terminal: Terminal, question: SecretQuestion): Promise<Result<string, Failure>> {
  const fromEnvironment = question.variable === '' ? undefined : terminal.environment[question.variable];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return ok(fromEnvironment);
  if (!terminal.input.isTerminal) {
    const ways = question.variable === '' ? '' : `, or set ${question.variable}`;
    return usage(`There is no terminal to ask on: give the secret on standard input${ways}. See --help.`);
  }
  const answer = given(await terminal.input.askSecret(question.prompt), nothingTyped);
  if (!answer.ok || !question.isNew) return answer;
  const again = await terminal.input.askSecret('The same again: ');
  return again === answer.value ? answer : usage('The two did not match: nothing was done, try again.');
}

const nothingTyped = 'Nothing was typed, so nothing was done.';

function given(text: string | undefined, otherwise: string): Result<string, Failure> {
  return text === undefined || text === '' ? usage(otherwise) : ok(text);
}

async function readLines(terminal: Terminal): Promise<Result<readonly string[], Failure>> {
  const text = await readText('-', terminal);
  return text.ok ? ok(text.value.split(/\r?\n/)) : text;
}
