import { closeSync, constants, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parentPort } from 'node:worker_threads';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { ok, unwrap } from '../../src/base/result';
import { hourMs, systemClock, systemTimers } from '../../src/base/time';
import { nodeFileCalls } from '../../src/sqlite/files/fileCalls';
import { readHostFacts } from '../../src/sqlite/lock/hostFacts';
import { createPresence, type LivenessStrategy } from '../../src/sqlite/lock/liveness';
import { ProcessLock } from '../../src/sqlite/lock/processLock';
import { type OpenedDatabase, openDatabase } from '../../src/sqlite/openDatabase';
import { describeStorageError } from '../../src/sqlite/storageErrors';
import { testApplicationId, testMigrations } from './sqliteSchema';

/**
 * A process of its own for the tests with real processes. Its arguments are the job, the path of the file, its own
 * name, the path of the wasm file and how it is known to live. It reports in lines on standard output, written before the next step is begun.
 */
const [job = '', path = '', name = '', wasmPath = '', strategy = ''] = process.argv.slice(2);
const liveness: LivenessStrategy = strategy === 'socket' ? 'socket' : 'startTime';

const jobs: Readonly<Record<string, () => Promise<void>>> = {
  write: writeForEver,
  burst: writeManyItems,
  commit: commitOnRequest,
  lock: holdTheLockAgainAndAgain,
  hold: holdTheStore,
};

const run = jobs[job];
if (run === undefined) throw new Error(`no such job: ${job}`);
run().catch((error: unknown) => {
  report(`failed ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 1;
});

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

async function open(): Promise<OpenedDatabase> {
  const opened = await openDatabase({
    path,
    migrations: testMigrations,
    applicationId: testApplicationId,
    wasm: () => readFileSync(wasmPath),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger: silentLogger,
    cacheKib: 64,
    lockWaitMs: 30_000,
    liveness,
  });
  if (!opened.ok) throw new Error(describeStorageError(opened.error));
  return opened.value;
}

/** One item, and now and then so many that pages are written before the commit. */
function putItems(database: OpenedDatabase, write: number) {
  return database.write(tx => {
    const items = write % 10 === 0 ? 30 : 1;
    for (let item = 0; item < items; item++) {
      const body = `word${write} ${'text of some length '.repeat(20)}`;
      tx.run('INSERT INTO item(id, body) VALUES (?, ?)', [`${name}-${write}-${item}`, body]);
    }
    tx.run("INSERT INTO meta VALUES ('items', ?) ON CONFLICT(key) DO UPDATE SET value = value + ?", [
      items,
      items,
    ]);
    return ok();
  });
}

/** Reports `acknowledged <write>` for each write that the store has acknowledged, until it is killed. */
async function writeForEver(): Promise<void> {
  const database = await open();
  for (let write = 0; ; write++) {
    unwrap(await putItems(database, write));
    report(`acknowledged ${write}`);
  }
}

/** Writes 500 items, one by one, and reports `longest <milliseconds>`: how long the slowest took, waiting included. */
async function writeManyItems(): Promise<void> {
  const writes = 500;
  const database = await open();
  let longestMs = 0;
  for (let write = 0; write < writes; write++) {
    const startMs = systemClock.monotonic();
    const outcome = await database.write(tx =>
      ok(tx.run('INSERT INTO item(id, body) VALUES (?, ?)', [`${name}-${write}`, `word${write} of ${name}`])),
    );
    if (!outcome.ok) throw new Error(describeStorageError(outcome.error));
    longestMs = Math.max(longestMs, systemClock.monotonic() - startMs);
  }
  await database.close();
  report(`longest ${longestMs}`);
}

/** Commits once for each line on standard input, and reports `committed <milliseconds since 1970>`. */
async function commitOnRequest(): Promise<void> {
  const database = await open();
  report('ready');
  let write = 0;
  for await (const _request of createInterface({ input: process.stdin })) {
    unwrap(await putItems(database, ++write));
    report(`committed ${systemClock.now()}`);
  }
  await database.close();
}

/** Holds the lock of the file for ever, which it tells the thread that has started it. */
async function holdTheStore(): Promise<void> {
  await (await open()).close();
  await openDatabase({
    path,
    migrations: [...testMigrations, { version: 2, up: () => undefined }],
    applicationId: testApplicationId,
    wasm: () => readFileSync(wasmPath),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger: silentLogger,
    migrationBackup: () => {
      parentPort?.postMessage('holding');
      return systemTimers.sleep(hourMs); // a promise alone would not keep the thread alive
    },
  });
}

/** Takes the lock, reports `violation` when another process is inside it, and gives it back, until it is killed. */
async function holdTheLockAgainAndAgain(): Promise<void> {
  const common = { clock: systemClock, timers: systemTimers, random: systemRandom, logger: silentLogger };
  const presence = await createPresence({ facts: readHostFacts(), strategy: liveness, ...common });
  const folder = `${path}.locks`;
  const lock = unwrap(
    await ProcessLock.open({ folder, name: 'stress', presence, files: nodeFileCalls, ...common }),
  );
  const insidePath = `${path}.inside`;
  for (let round = 1; ; round++) {
    unwrap(await lock.acquire(30_000));
    const inside = await processInside(insidePath);
    if (inside !== undefined) report(`violation: ${process.pid} met ${inside}`);
    const descriptor = openSync(insidePath, constants.O_CREAT | constants.O_WRONLY | constants.O_TRUNC);
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
    const untilMs = systemClock.monotonic() + systemRandom.fraction() * 2;
    while (systemClock.monotonic() < untilMs) readFileSync(insidePath);
    unlinkSync(insidePath);
    lock.release();
    report(`round ${round}`);
    if (systemRandom.fraction() < 0.3) await systemTimers.sleep(systemRandom.fraction() * 3);
  }
}

/**
 * The process that is inside the lock. One that was killed there could not take its word back, and may not be quite gone
 * yet; one that lives takes it back, or goes on for long.
 */
async function processInside(insidePath: string): Promise<number | undefined> {
  const text = textInside(insidePath);
  if (text === undefined) return undefined;
  const processId = Number(text);
  const facts = readHostFacts();
  const untilMs = systemClock.monotonic() + maxDyingMs;
  while (processId > 0 && facts.isRunning(processId)) {
    if (textInside(insidePath) !== text || systemClock.monotonic() > untilMs) return processId;
    await systemTimers.sleep(1);
  }
  return undefined;
}

const maxDyingMs = 10_000;

function textInside(insidePath: string): string | undefined {
  try {
    return readFileSync(insidePath, 'utf8');
  } catch {
    return undefined; // nobody is inside
  }
}
