import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { defined } from '../../src/base/assert';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { undiciHttp } from '../../src/cli/undiciHttp';
import type { SecretName } from '../../src/device/account/secrets';
import type { Device } from '../../src/device/device';
import { maxSearchWaitMs } from '../../src/device/items/indexing';
import type { NewItemJson } from '../../src/device/json';
import { defaultDeviceSettings, openDevice } from '../../src/device/openDevice';
import { sampleItems } from './sampleItems';

/** The process of the sync benchmark: `FOLDER SERVER_SCRIPT WASM`. Writes one JSON object to standard output. */
const [folder = '', serverScript = '', wasmPath = ''] = process.argv.slice(2);

const items = 10_000;
const edits = 100;
const seed = 1;

async function main(): Promise<void> {
  const server = await startServer(path.join(folder, 'server'));
  const laptop = await device(path.join(folder, 'laptop'));
  const desktop = await device(path.join(folder, 'desktop'));
  try {
    const account = { server: server.origin, login: 'bench', password: systemRandom.uuid() };
    unwrap(await laptop.account.signUp({ ...account, deviceName: 'laptop' }));
    const many = notes(items);
    const bulk = await timed(async () => unwrap(await laptop.items.createAll(many)));
    const push = await timed(() => sync(laptop));
    const indexed = await timed(() => finishIndex(laptop));
    unwrap(
      await desktop.account.signIn({
        ...account,
        deviceName: 'desktop',
        secret: { password: account.password },
      }),
    );
    const pull = await timed(() => sync(desktop));
    const pullIndexed = await timed(() => finishIndex(desktop));
    const idle = await timed(() => sync(desktop));
    const latest = unwrap(await laptop.items.list({ limit: edits }));
    for (const [index, { id }] of latest.entries()) {
      unwrap(await laptop.items.update(id, { body: `edited ${index}` }));
    }
    const editsOut = await timed(() => sync(laptop));
    const editsIn = await timed(() => sync(desktop));
    const figures = { bulk, indexed, push, pull, pullIndexed, idle, editsOut, editsIn };
    writeSync(1, `${JSON.stringify(figures)}\n`);
  } finally {
    await laptop.close();
    await desktop.close();
    await server.stop();
  }
}

/** Searches until none has to finish the index first, which each does for a bounded time. */
async function finishIndex(device: Device): Promise<void> {
  for (let tookMs = maxSearchWaitMs; tookMs >= maxSearchWaitMs; ) {
    const startMs = systemClock.monotonic();
    unwrap(await device.items.search('word', 1));
    tookMs = systemClock.monotonic() - startMs;
  }
}

async function sync(device: Device): Promise<void> {
  unwrap(await device.sync.now({ trigger: 'command' }));
}

interface Took {
  readonly ms: number;
  /** The processor time of this process: what it takes on a machine that nothing else runs on, but for the disk. */
  readonly cpuMs: number;
  readonly longestBlockMs: number;
}

async function timed(work: () => Promise<unknown>): Promise<Took> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const startedMs = systemClock.monotonic();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  const ms = systemClock.monotonic() - startedMs;
  delays.disable();
  return { ms, cpuMs: (user + system) / 1000, longestBlockMs: delays.max / 1e6 };
}

function notes(count: number): readonly NewItemJson[] {
  const samples = sampleItems(seed);
  return Array.from({ length: count }, () => {
    const { title, body, folder, tags } = samples.next();
    return { kind: 'note', title, body, folder, tags };
  });
}

async function device(folder: string): Promise<Device> {
  const held = new Map<SecretName, string>();
  return unwrap(
    await openDevice({
      folder,
      wasm: async () => readFileSync(wasmPath),
      secrets: {
        get: async name => held.get(name),
        set: async (name, value) => void held.set(name, value),
        delete: async name => void held.delete(name),
      },
      http: undiciHttp(systemTimers),
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      logger: silentLogger,
      settings: { ...defaultDeviceSettings, syncEnabled: false },
    }),
  );
}

async function startServer(folder: string): Promise<{ origin: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const child = spawn(process.execPath, [serverScript, 'serve'], {
    env: { ...process.env, DATA_DIR: folder, PORT: String(port), SIGN_UP: 'open', LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const origin = `http://127.0.0.1:${port}`;
  await answering(origin, child);
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()));
  return {
    origin,
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function answering(origin: string, child: ChildProcess): Promise<void> {
  const maxTries = 200;
  for (let tries = 0; tries < maxTries && child.exitCode === null; tries++) {
    const answered = await fetch(`${origin}/readyz`).then(
      answer => answer.ok,
      () => false, // not listening yet
    );
    if (answered) return;
    await systemTimers.sleep(50);
  }
  throw new Error('the server did not start; run npm run build first');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? defined(address, 'it listens').port : 0));
    });
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
