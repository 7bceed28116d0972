import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** What one run of `dist/server.js` said and answered. */
export interface ServerRun {
  readonly exitCode: number | null;
  readonly out: string;
  readonly errors: string;
}

/** Runs a command of `scratch-server` to its end. */
export async function scratchServer(
  dataDir: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerRun> {
  const child = spawn(process.execPath, [resolve(__dirname, '../../dist/server.js'), ...args], {
    env: { ...process.env, DATA_DIR: dataDir, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', errors: '' };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    said.out += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said.errors += piece;
  });
  await once(child, 'close');
  return { ...said, exitCode: child.exitCode };
}
