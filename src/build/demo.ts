import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endOfLog } from '../../test/host/commands';
import { ensureHost } from '../../test/host/install';
import { stopGroup } from '../../test/host/processGroup';
import type { Progress } from '../../test/host/progress';
import { freePort, startWorkbench, type WorkbenchServer } from '../../test/host/server';
import { toBase64Url } from '../base/encoding';
import { systemCodeOf } from '../base/errors';
import { systemRandom } from '../base/random';
import { minuteMs, secondMs, systemClock, systemTimers } from '../base/time';
import { buildAll } from './bundles';
import { runNode } from './childProcess';
import { demoItems } from './demoItems';
import { distFolder } from './paths';
import { extensionId, writeVsix } from './vsix';

/** The whole product on this machine: a server and two workbenches, signed in to one fresh account. */
export interface Demo {
  readonly serverUrl: string;
  readonly login: string;
  readonly password: string;
  readonly laptop: WorkbenchServer;
  readonly desktop: WorkbenchServer;
  /** The server's log file. */
  readonly serverLog: string;
  /** Home folders of the two devices, as the terminal takes them. */
  readonly homes: { readonly laptop: string; readonly desktop: string };
  /** Resolves with words when something that was started has ended by itself. */
  readonly broken: Promise<string>;
  /** Takes the server away, so that both devices are offline. */
  stopServer(): Promise<void>;
  /** Brings the server back, with the same address and data. */
  startServer(): Promise<void>;
  /** Stops everything and removes what it wrote. Idempotent. */
  stop(): Promise<void>;
}

export interface DemoOptions {
  readonly progress: Progress;
  /** Told when a usual port is taken and another one is used. */
  readonly note: (message: string) => void;
  /** As in `WorkbenchOptions`: true for a program that drives the windows. */
  readonly testDriver: boolean;
}

/** The ports that are used when they are free. */
const usualPorts = { server: 8787, laptop: 8801, desktop: 8802 } as const;
const serverStartLimitMs = 20 * secondMs;
/** The server ends within 10 s. */
const stopLimitMs = 12 * secondMs;
const commandLimitMs = minuteMs;
const pollMs = 50;
const login = 'demo';
const passwordBytes = 9;

/** Builds, installs the real editor where it is missing, and starts everything. What it started ends when it throws. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { progress } = options;
  await progress.step('Building', buildAll);
  const host = await ensureHost(progress);
  const folder = await mkdtemp(path.join(tmpdir(), 'scratch-demo-'));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopAll([...stops].reverse());
    return stopping;
  };
  try {
    const vsix = path.join(folder, 'extension.vsix');
    await progress.step('Packing the extension', () => writeVsix(vsix));
    const port = await portFor('server', options);
    let server = await progress.step('Starting the server', () => startServer(folder, port));
    stops.push(() => server.stop());
    const password = toBase64Url(systemRandom.bytes(passwordBytes));
    const account = { url: server.url, password };
    const homes = { laptop: homeOf(folder, 'laptop'), desktop: homeOf(folder, 'desktop') };
    await progress.step('Making an account with sample items', () => signDevicesUp(account, homes));
    const workbench = async (name: 'laptop' | 'desktop') => {
      const started = await startWorkbench(host, {
        dataDir: path.join(folder, name),
        folder: await projectFolder(folder, name),
        settings: { 'scratchSync.server.url': server.url, 'window.title': titleOf(name) },
        environment: { SCRATCH_SECRETS_FOLDER: path.join(homes[name], 'secrets') },
        extensions: [vsix],
        port: await portFor(name, options),
        testDriver: options.testDriver,
      });
      stops.push(() => started.stop());
      return started;
    };
    const laptop = await progress.step('Starting the workbench "laptop"', () => workbench('laptop'));
    const desktop = await progress.step('Starting the workbench "desktop"', () => workbench('desktop'));
    const { url: serverUrl, log: serverLog, ended: broken } = server;
    return {
      ...{ serverUrl, login, password, laptop, desktop, serverLog, homes, broken, stop },
      stopServer: async () => {
        await server.stop();
      },
      startServer: async () => {
        server = await startServer(folder, port);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface StartedServer {
  readonly url: string;
  readonly log: string;
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

async function startServer(folder: string, port: number): Promise<StartedServer> {
  const log = path.join(folder, 'server.log');
  const handle = await open(log, 'a');
  const child = spawn(process.execPath, [path.join(distFolder, 'server.js'), 'serve'], {
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: path.join(folder, 'server'),
      SIGN_UP: 'open',
    },
    stdio: ['ignore', handle.fd, handle.fd],
    detached: true, // a process group of its own: Ctrl+C reaches this process alone, which stops the others in order
  });
  await handle.close();
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(`The server could not be started: ${error.message}`));
    child.once('exit', () => resolve(`The server has ended. Its log is ${log}.`));
  });
  if (child.pid === undefined) throw new Error(await ended);
  const stop = stopGroup(child.pid, stopLimitMs);
  const url = `http://127.0.0.1:${port}`;
  if (!(await untilReady(`${url}/readyz`, child))) {
    await stop();
    throw new Error(`The server did not start: ${(await endOfLog(log)) || 'it logged nothing'}`);
  }
  return { url, log, ended, stop };
}

async function untilReady(address: string, child: ChildProcess): Promise<boolean> {
  const startedMs = systemClock.monotonic();
  while (systemClock.monotonic() - startedMs < serverStartLimitMs) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    if (await answers(address)) return true;
    await systemTimers.sleep(pollMs);
  }
  return false;
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(address, { signal: AbortSignal.timeout(secondMs) })).ok;
  } catch (error) {
    if (systemCodeOf(error) === 'ECONNREFUSED') return false;
    if (error instanceof Error && error.name === 'TimeoutError') return false;
    throw error;
  }
}

/** Both devices are set up by the terminal, in the folders where the extension keeps its store. */
async function signDevicesUp(
  account: { readonly url: string; readonly password: string },
  homes: Demo['homes'],
): Promise<void> {
  const where = ['--server', account.url, '--login', login];
  const run = (home: string, args: readonly string[]) => scratch(home, args, account.password);
  await run(homes.laptop, ['sign-up', ...where, '--device', 'laptop']);
  for (const item of demoItems) await run(homes.laptop, ['add', ...item]);
  await run(homes.laptop, ['sync']);
  await run(homes.desktop, ['sign-in', ...where, '--device', 'desktop']);
  await run(homes.desktop, ['sync']);
}

async function scratch(home: string, args: readonly string[], password: string): Promise<void> {
  const end = await runNode({
    args: [path.join(distFolder, 'cli.js'), ...args],
    environment: { ...process.env, SCRATCH_HOME: home, SCRATCH_PASSWORD: password },
    output: 'keep',
    limitMs: commandLimitMs,
  });
  if (end.code !== 0) throw new Error(`scratch ${args[0]} failed: ${end.broken ?? end.output.trim()}`);
}

/** The extension's folder in the user data of a workbench, which is the home of its device. */
function homeOf(folder: string, name: string): string {
  return path.join(folder, name, 'user-data/User/globalStorage', extensionId);
}

/** In the editor's own syntax. */
function titleOf(name: string): string {
  return `\${activeEditorShort}\${separator}${name} — Scratch Sync`;
}

async function projectFolder(folder: string, name: string): Promise<string> {
  const project = path.join(folder, `project on ${name}`);
  await mkdir(project);
  await writeFile(path.join(project, 'README.md'), projectReadme(name));
  await writeFile(path.join(project, 'loop.ts'), "const names = ['Ada', 'Grace'];\n\n");
  return project;
}

function projectReadme(name: string): string {
  return `# A project on the ${name}

Open **Scratch** in the activity bar. Write in an item and save it: the other workbench has it a moment later.
Edit one line on both while the server is stopped, and see how the conflict waits without getting in the way.
`;
}

async function portFor(name: keyof typeof usualPorts, { note }: DemoOptions): Promise<number> {
  const usual = usualPorts[name];
  if (await isFree(usual)) return usual;
  const other = await freePort();
  note(`Port ${usual} is busy, so the ${name} uses ${other}.`);
  return other;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', error => (systemCodeOf(error) === 'EADDRINUSE' ? resolve(false) : reject(error)));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Stops one after another; one that fails does not keep the others from stopping. */
async function stopAll(stops: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const stop of stops) await stop().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw new AggregateError(errors, 'Not everything could be stopped');
}
