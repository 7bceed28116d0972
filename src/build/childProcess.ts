import { spawn } from 'node:child_process';
import { systemClock, systemTimers } from '../base/time';
import { repositoryFolder } from './paths';

export interface ChildOptions {
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** `show` passes the output on as it comes; `keep` answers it. Standard input is closed. */
  readonly output: 'show' | 'keep';
  readonly limitMs: number;
}

export interface ChildEnd {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** Why it did not end by itself, in words. */
  readonly broken?: string;
  /** Both streams in the order of arrival; empty unless kept. */
  readonly output: string;
  readonly durationMs: number;
}

/** Runs a script with this process's own node, in the repository's folder, and waits for its end. */
export async function runNode(options: ChildOptions): Promise<ChildEnd> {
  const startedMs = systemClock.monotonic();
  const child = spawn(process.execPath, options.args, {
    cwd: repositoryFolder,
    env: options.environment ?? process.env,
    stdio: options.output === 'show' ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => pieces.push(text));
  }
  let late = false;
  const limit = systemTimers.after(options.limitMs, () => {
    late = true;
    child.kill('SIGKILL');
  });
  const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    },
  ).finally(() => limit.cancel());
  return {
    code: code ?? undefined,
    ...(late
      ? { broken: `stopped after ${options.limitMs / 1000} s` }
      : signal
        ? { broken: `ended by ${signal}` }
        : {}),
    output: pieces.join(''),
    durationMs: systemClock.monotonic() - startedMs,
  };
}

/** Seconds with one decimal, as `1.2 s`. */
export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
