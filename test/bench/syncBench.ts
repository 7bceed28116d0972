import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { defined } from '../../src/base/assert';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { undiciHttp } from '../../src/cli/undiciHttp';
import type { Device } from '../../src/device/device';
import { maxSearchWaitMs } from '../../src/device/indexing';
import type { NewItemJson } from '../../src/device/json';
import { defaultDeviceSettings, openDevice } from '../../src/device/openDevice';
import type { SecretName } from '../../src/device/secrets';
import type { Section } from './report';
import { sampleItems } from './sampleItems';

/** Sync over loopback HTTP between two devices and a server process, durable on both ends, encryption and gzip on. */

const items = 10_000;
const edits = 100;
const seed = 1;

export async function benchSync(progress: (line: string) => void): Promise<Section> {
  progress(`sync: ${items} notes of 1 KB between two devices`);
  const folder = await mkdtemp(path.join(tmpdir(), 'scratch-bench-'));
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
    return sectionOf([
      { what: `bulk import of ${items}`, took: bulk },
      { what: 'the search that finishes the index after it', took: indexed },
      { what: `first push of ${items}`, took: push, mustBeUnderMs: 2000 },
      { what: `first pull of ${items}`, took: pull, mustBeUnderMs: 1500 },
      { what: 'the search that finishes the index after it', took: pullIndexed },
      { what: 'idle cycle', took: idle },
      { what: `${edits} edits, push`, took: editsOut },
      { what: `${edits} edits, pull until durable`, took: editsIn, mustBeUnderMs: 50 },
    ]);
  } finally {
    await laptop.close();
    await desktop.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Figure {
  readonly what: string;
  readonly took: { readonly ms: number; readonly longestBlockMs: number };
  readonly mustBeUnderMs?: number;
}

function sectionOf(figures: readonly Figure[]): Section {
  const millis = (value: number) => String(Math.round(value));
  return {
    title: 'Sync',
    text:
      `${items} notes of 1 KB and ${edits} edits over loopback HTTP, durable on both ends, encrypted and compressed. ` +
      'Both devices are in one process here, and the server in another. An import and a first pull leave the search ' +
      'index to steps that follow when nothing else goes on; a search that comes first finishes it.',
    tables: [
      {
        head: ['what', 'ms', 'longest block of the thread, ms', 'must be under', ''],
        rows: figures.map(({ what, took, mustBeUnderMs: limit }) => [
          what,
          millis(took.ms),
          millis(took.longestBlockMs),
          limit === undefined ? '' : millis(limit),
          limit === undefined ? '' : took.ms < limit ? 'reached' : `missed by ${millis(took.ms - limit)} ms`,
        ]),
      },
    ],
  };
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

async function timed(work: () => Promise<unknown>): Promise<{ ms: number; longestBlockMs: number }> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const startedMs = systemClock.monotonic();
  await work();
  const ms = systemClock.monotonic() - startedMs;
  delays.disable();
  return { ms, longestBlockMs: delays.max / 1e6 };
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
  const wasm = require.resolve('sql.js/dist/sql-wasm.wasm');
  return unwrap(
    await openDevice({
      folder,
      wasm: async () => readFileSync(wasm),
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
  const script = path.join(__dirname, '..', '..', 'dist', 'server.js');
  const child = spawn(process.execPath, [script, 'serve'], {
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
