import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { systemCodeOf } from '../../src/base/errors';
import { secondMs, systemTimers } from '../../src/base/time';
import { HostError } from './hostError';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Both output streams are appended here. */
  readonly logFile: string;
  readonly limitMs: number;
}

/** How a command ended: its exit code, or in words why there is none. */
export type CommandEnd = { readonly code: number } | { readonly reason: string };

/** Runs a command to its end. */
export async function runCommandLine(command: Command): Promise<CommandEnd> {
  const log = await open(command.logFile, 'a');
  try {
    const child = spawn(command.file, command.args, {
      cwd: command.folder,
      env: command.environment ?? process.env,
      stdio: ['ignore', log.fd, log.fd],
    });
    let late = false;
    const limit = systemTimers.after(command.limitMs, () => {
      late = true;
      child.kill('SIGKILL');
    });
    return await new Promise<CommandEnd>((resolve, reject) => {
      child.once('error', error =>
        systemCodeOf(error) === 'ENOENT'
          ? resolve({ reason: `${command.file} is not installed` })
          : reject(error),
      );
      child.once('close', (code, signal) => {
        if (late) resolve({ reason: `it took longer than ${command.limitMs / secondMs} s` });
        else if (code !== null) resolve({ code });
        else resolve({ reason: `it was ended by ${signal}` });
      });
    }).finally(() => limit.cancel());
  } finally {
    await log.close();
  }
}

/** Runs a command that is not expected to fail; a {@link HostError} that starts with `failure` quotes the log's end. */
export async function runOrExplain(failure: string, command: Command): Promise<void> {
  const end = await runCommandLine(command);
  if ('code' in end && end.code === 0) return;
  const reason = 'code' in end ? `exit code ${end.code}` : end.reason;
  throw new HostError(`${failure}: ${reason}. ${await endOfLog(command.logFile)}`);
}

/** Where a log is and the line near its end that says most, for an error message. */
export async function endOfLog(logFile: string): Promise<string> {
  const lines = await lastLines(logFile, 40);
  const telling = lines.findLast(line => /^[\w\s.:[\]-]*error\b/i.test(line)) ?? lines.at(-1);
  return `${telling ? `It said "${telling.trim()}"` : 'It said nothing'}; its log is ${logFile}.`;
}

/** The last lines of a text file that are not empty; none when there is no such file. */
export async function lastLines(file: string, count: number): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-count);
}
