import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import path from 'node:path';
import { defined } from '../../src/base/assert';
import { systemCodeOf } from '../../src/base/errors';
import { secondMs, systemClock, systemTimers } from '../../src/base/time';

const distFolder = path.resolve(__dirname, '../../dist');
const startLimitMs = 20 * secondMs;
const stopLimitMs = 15 * secondMs;
const pollMs = 50;

/** A real server process on its embedded store. */
export interface ServerProcess {
  readonly url: string;
  readonly dataDir: string;
  /** Everything it has printed until now, both streams. */
  printed(): string;
  /** Waits for a line that fits and answers what the pattern caught first. */
  prints(pattern: RegExp): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Ends it in good order and answers its exit code; idempotent. */
  stop(): Promise<number | null>;
  /** Ends it at once. */
  kill(): Promise<void>;
}

/**
 * Starts `dist/server.js` on the loopback address and waits until it is ready.
 *
 * @param wrapper a command that runs the command that is put behind it
 */
export async function startServer(
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
): Promise<ServerProcess> {
  const port = Number(environment['PORT'] ?? (await freePort()));
  const [command = '', ...args] = [...wrapper, process.execPath, path.join(distFolder, 'server.js'), 'serve'];
  const child = spawn(command, args, {
    env: { ...process.env, HOST: '127.0.0.1', DATA_DIR: dataDir, ...environment, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  const url = `${environment['TLS_CERT'] === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const killer = () => child.kill('SIGKILL');
  process.once('exit', killer);
  const ended = once(child, 'close').then(() => process.off('exit', killer));
  await untilReady(child, port, () => text);
  return {
    url,
    dataDir,
    printed: () => text,
    prints: pattern => untilCaught(pattern, () => text),
    signal: name => void child.kill(name),
    async stop() {
      child.kill('SIGTERM');
      const limit = systemTimers.after(stopLimitMs, () => child.kill('SIGKILL'));
      await ended;
      limit.cancel();
      return child.exitCode;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface ScratchRun {
  readonly exitCode: number | null;
  readonly out: string;
  readonly errors: string;
  /** Of the whole process. */
  readonly durationMs: number;
}

/** Runs `dist/cli.js` as a person's shell would, without a terminal. */
export async function scratch(
  home: string,
  args: readonly string[],
  options: { readonly input?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<ScratchRun> {
  const startedMs = systemClock.monotonic();
  const child = spawn(process.execPath, [path.join(distFolder, 'cli.js'), ...args], {
    env: { ...process.env, SCRATCH_HOME: home, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const written = { out: '', errors: '' };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    written.out += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    written.errors += piece;
  });
  child.stdin.on('error', () => undefined); // a command that reads no input may end before it was given
  child.stdin.end(options.input ?? '');
  await once(child, 'close');
  return { ...written, exitCode: child.exitCode, durationMs: systemClock.monotonic() - startedMs };
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return defined(typeof address === 'object' ? address?.port : undefined, 'a listening socket has a port');
}

async function untilReady(child: ChildProcess, port: number, printed: () => string): Promise<void> {
  const startedMs = systemClock.monotonic();
  while (systemClock.monotonic() - startedMs < startLimitMs) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (printed().includes('listening') && (await accepts(port))) return;
    await systemTimers.sleep(pollMs);
  }
  child.kill('SIGKILL');
  throw new Error(`the server did not start: ${printed()}`);
}

async function untilCaught(pattern: RegExp, printed: () => string): Promise<string> {
  const startedMs = systemClock.monotonic();
  while (systemClock.monotonic() - startedMs < startLimitMs) {
    const caught = pattern.exec(printed())?.[1];
    if (caught !== undefined) return caught;
    await systemTimers.sleep(pollMs);
  }
  throw new Error(`the server did not print ${pattern}: ${printed()}`);
}

async function accepts(port: number): Promise<boolean> {
  const probe = createConnection({ port, host: '127.0.0.1' });
  try {
    await once(probe, 'connect');
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    probe.destroy();
  }
}
