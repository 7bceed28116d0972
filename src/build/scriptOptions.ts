import { parseArgs } from 'node:util';
import { ZodError } from 'zod';
import { messageOf } from '../base/errors';

/** A script of the project was called in a way that it does not know. */
export class WrongUsage extends Error {
  override readonly name = 'WrongUsage';
}

/** As of the terminal: wrong usage. */
const wrongUsageExitCode = 2;

/**
 * What a script is asked to do. When that is not understood, the process ends here, before the script has begun, with
 * one line that says what is possible.
 *
 * @param usage a call with all its options, as `npm run bench -- [activation|store|sync]...`
 * @param read reads the arguments; throws what `parseArgs` and schemas throw, and {@link WrongUsage}
 */
export function scriptOptions<T>(usage: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isWrongUsage(error)) throw error;
    console.error(`${problemOf(error)} Usage: ${usage}`);
    process.exit(wrongUsageExitCode);
  }
}

/** For a script that takes no arguments. */
export function takeNoOptions(usage: string): void {
  scriptOptions(usage, () => parseArgs({ options: {} }));
}

function isWrongUsage(error: unknown): boolean {
  if (error instanceof WrongUsage || error instanceof ZodError) return true;
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** One sentence: Node's own goes on to tell what else could have been meant. */
function problemOf(error: unknown): string {
  const [issue] = error instanceof ZodError ? error.issues : [];
  const text = issue === undefined ? messageOf(error) : `--${String(issue.path[0])}: ${issue.message}`;
  const [sentence = ''] = text.replace(/\s+/g, ' ').split(/\.(?:\s|$)/);
  return `${sentence}.`;
}
