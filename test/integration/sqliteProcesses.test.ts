import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined } from '../../src/base/assert';
import { ok, unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import type { LivenessStrategy } from '../../src/sqlite/lock/liveness';
import { type OpenedDatabase, openDatabase } from '../../src/sqlite/openDatabase';
import { isExtended } from '../support/extended';
import { openAt, optionsFor } from '../support/sqliteFiles';
import { type Worker, WorkerPool } from '../support/sqliteProcesses';
import { seededFractions } from '../support/sqliteSeed';

const killRounds = isExtended ? 300 : 30;
const lockKills = isExtended ? 150 : 25;
const noticedCommits = 100;

describe('processes on one file', () => {
  let folder = '';
  let pool: WorkerPool;
  const path = () => join(folder, 'store', 'store.db');
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sqlite-processes-'));
    pool = new WorkerPool(folder);
  });
  afterEach(async () => {
    await pool.killAll();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const writers of [1, 3]) {
    it(`lose no acknowledged write when ${writers} of them are killed, ${killRounds} rounds`, async () => {
      const fraction = seededFractions(`kill -9, writers: ${writers}`);
      const checker = await openAt(path(), { lockWaitMs: 30_000 });
      let names = 0;
      const start = () => {
        const name = `w${names++}`;
        return { name, worker: pool.start('write', path(), name) };
      };
      const running = Array.from({ length: writers }, start);
      let acknowledged = 0;
      for (let round = 0; round < killRounds; round++) {
        const victim = defined(
          running.splice(Math.floor(fraction() * running.length), 1)[0],
          'a writer runs',
        );
        await victim.worker.waitFor('acknowledged');
        await systemTimers.sleep(fraction() * 60);
        await victim.worker.kill();
        acknowledged += await checkWrites(checker, victim.name, victim.worker);
        running.push(start());
        if (round % 10 === 9) assert.deepEqual(await checker.integrityCheck(), ok([]), `round ${round}`);
      }
      await pool.killAll();
      for (const { name, worker } of running) acknowledged += await checkWrites(checker, name, worker);
      assert.deepEqual(await checker.integrityCheck(), ok([]));
      const counts = unwrap(
        await checker.read(tx => ({
          items: tx.get('SELECT count(*) AS count FROM item')?.['count'],
          counted: tx.get("SELECT value FROM meta WHERE key = 'items'")?.['value'],
          indexed: tx.get("SELECT count(*) AS count FROM search WHERE search MATCH 'text'")?.['count'],
        })),
      );
      assert.equal(counts.items, counts.counted, 'no transaction is there in part');
      assert.equal(counts.items, counts.indexed, 'the full-text index has every item');
      const locks = readdirSync(join(folder, 'store', 'locks'));
      console.log(
        `        ${killRounds} kills, ${acknowledged} acknowledged writes, all there; ` +
          `${locks.filter(name => name.includes('.dead-')).length} locks taken over from the dead`,
      );
      await checker.close();
    }).timeout(isExtended ? 900_000 : 180_000);
  }

  for (const liveness of ['startTime', 'socket'] as const) {
    it(`write 500 items each, eight at once, without an error (known by ${liveness})`, () =>
      writeAtOnce(liveness)).timeout(600_000);

    it(`are never inside the lock together, although they are killed again and again (known by ${liveness})`, () =>
      stressLock(liveness)).timeout(180_000);
  }

  async function writeAtOnce(liveness: LivenessStrategy): Promise<void> {
    const startMs = systemClock.monotonic();
    const workers = Array.from({ length: 8 }, (_, index) =>
      pool.start('burst', path(), `p${index}`, liveness),
    );
    const codes = await Promise.all(workers.map(worker => worker.ended()));
    assert.deepEqual(
      codes,
      workers.map(() => 0),
      workers.flatMap(worker => worker.lines).join('\n'),
    );
    const longestMs = workers.map(worker => Number(worker.lines.at(-1)?.split(' ')[1]));
    const database = await openAt(path());
    const count = await database.read(tx => tx.get('SELECT count(*) AS count FROM item'));
    assert.deepEqual(count, ok({ count: 4000 }));
    assert.deepEqual(await database.integrityCheck(), ok([]));
    await database.close();
    console.log(
      `        4,000 writes in ${seconds(systemClock.monotonic() - startMs)} s, ` +
        `the longest took ${seconds(Math.max(...longestMs))} s with its wait`,
    );
  }

  async function stressLock(liveness: LivenessStrategy): Promise<void> {
    const fraction = seededFractions(`lock stress, ${liveness}`);
    const base = join(folder, 'stress');
    const workers = Array.from({ length: 5 }, (_, index) => pool.start('lock', base, `l${index}`, liveness));
    const everyone = [...workers];
    await Promise.all(workers.map(worker => worker.waitFor('round')));
    for (let kill = 0; kill < lockKills; kill++) {
      await systemTimers.sleep(20 + fraction() * 60);
      const index = Math.floor(fraction() * workers.length);
      await workers[index]?.kill();
      const next = pool.start('lock', base, `k${kill}`, liveness);
      workers[index] = next;
      everyone.push(next);
    }
    await Promise.all(workers.map(worker => worker.waitFor('round')));
    await pool.killAll();
    const lines = everyone.flatMap(worker => worker.lines);
    assert.deepEqual(
      lines.filter(line => !line.startsWith('round')),
      [],
    );
    const takenOver = readdirSync(`${base}.locks`).filter(name => name.includes('.dead-')).length;
    console.log(`        ${lines.length} times inside, ${lockKills} kills, ${takenOver} locks taken over`);
  }

  it('take over from a thread that was terminated while it held the lock', async () => {
    const holder = await pool.startHolder(path());
    const waiting = await openDatabase({ ...optionsFor(path()), lockWaitMs: 50 });
    assert.equal(
      waiting.ok ? 'opened' : waiting.error.type,
      'busy',
      'while the thread runs it keeps the lock',
    );
    await holder.terminate();
    const database = await openAt(path());
    assert.deepEqual(await database.quickCheck(), ok([]));
    await database.close();
  }).timeout(60_000);

  it(`notice ${noticedCommits} commits of another process`, async () => {
    const worker = pool.start('commit', path(), 'c');
    await worker.waitFor('ready');
    const database = await openAt(path());
    const waits: number[] = [];
    let hear = (): void => undefined;
    database.onForeignCommit(() => hear());
    for (let commit = 0; commit < noticedCommits; commit++) {
      const heard = new Promise<number>(resolve => {
        hear = () => resolve(systemClock.now());
      });
      const reported = worker.lines.length;
      worker.send('go');
      const heardMs = await heard;
      while (worker.lines.length === reported) await systemTimers.sleep(1);
      waits.push(Math.max(0, heardMs - Number(worker.lines[reported]?.split(' ')[1])));
    }
    waits.sort((left, right) => left - right);
    const p95 = waits[Math.floor(waits.length * 0.95)] ?? 0;
    console.log(
      `        from commit to notice: p50 ${waits[Math.floor(waits.length / 2)]} ms, p95 ${p95} ms`,
    );
    await database.close();
  }).timeout(60_000);
});

/** Checks that every write that the process has acknowledged is there. Answers how many these are. */
async function checkWrites(database: OpenedDatabase, name: string, worker: Worker): Promise<number> {
  const failures = worker.lines.filter(line => !line.startsWith('acknowledged'));
  assert.deepEqual(failures, []);
  const present = new Set(
    unwrap(await database.read(tx => tx.all('SELECT id FROM item WHERE id GLOB ?', [`${name}-*`]))).map(
      row => row['id'],
    ),
  );
  for (const line of worker.lines) {
    const write = Number(line.split(' ')[1]);
    assert.ok(present.has(`${name}-${write}-0`), `write ${write} of ${name} was acknowledged and is gone`);
  }
  return worker.lines.length;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
