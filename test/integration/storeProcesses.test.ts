import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defined } from '../../src/base/assert';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { isItemId } from '../../src/model/ids/ids';
import { readItem } from '../../src/store/items';
import type { OpenedStore } from '../../src/store/openStore';
import { waitingItemChange } from '../../src/store/outbox';
import { searchItems } from '../../src/store/search/searchItems';
import type { StoreTransaction } from '../../src/store/transaction';
import { listVersions } from '../../src/store/versions';
import { isExtended } from '../support/extended';
import { type Worker, WorkerPool } from '../support/sqliteProcesses';
import { seededFractions } from '../support/sqliteSeed';
import { inStore } from '../support/storeFixture';
import { StoreFolder } from '../support/storeFolder';

const killRounds = isExtended ? 300 : 30;

describe('processes that write items through one store', () => {
  let folder: StoreFolder;
  let pool: WorkerPool;
  beforeEach(() => {
    folder = new StoreFolder();
    mkdirSync(join(folder.path, 'bundle'));
    pool = new WorkerPool(join(folder.path, 'bundle'), 'storeWorker.ts');
  });
  afterEach(async () => {
    await pool.killAll();
    await folder.remove();
  });

  for (const writers of [1, 3]) {
    it(`lose nothing acknowledged when ${writers} of them are killed, ${killRounds} rounds`, async () => {
      const fraction = seededFractions(`kill -9, windows: ${writers}`);
      const opened = await folder.open();
      let started = 0;
      const start = () => pool.start('write', folder.path, `w${started++}`);
      const running = Array.from({ length: writers }, start);
      let acknowledged = 0;
      for (let round = 0; round < killRounds; round++) {
        const [victim] = running.splice(Math.floor(fraction() * running.length), 1);
        const killed = defined(victim, 'a writer runs');
        await killed.waitFor('acknowledged');
        await systemTimers.sleep(fraction() * 60);
        await killed.kill();
        acknowledged += await checkAcknowledged(opened, killed);
        running.push(start());
        if (round % 10 === 9) unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
      }
      await pool.killAll();
      for (const worker of running) acknowledged += await checkAcknowledged(opened, worker);
      await checkSound(opened);
      console.log(`        ${killRounds} kills, ${acknowledged} acknowledged writes, all there`);
    }).timeout(isExtended ? 900_000 : 180_000);
  }

  it('create 500 items each, eight at once, without an error', async () => {
    const workers = Array.from({ length: 8 }, (_, index) => pool.start('burst', folder.path, `p${index}`));
    const startMs = systemClock.monotonic();
    const codes = await Promise.all(workers.map(worker => worker.ended()));
    const tookMs = systemClock.monotonic() - startMs;
    assert.deepEqual(
      codes,
      workers.map(() => 0),
      workers.flatMap(worker => worker.lines).join('\n'),
    );
    const longestMs = workers.map(worker => Number(worker.lines.at(-1)?.split(' ')[1]));
    const opened = await folder.open();
    assert.equal((await inStore(opened.store, tx => searchItems(tx, 'burst p3', 1000))).length, 500);
    const counted = await inStore(opened.store, tx => tx.sql.get('SELECT count(*) AS items FROM items'));
    assert.deepEqual(counted, { items: 4000 });
    await checkSound(opened);
    const seconds = (millis: number) => (millis / 1000).toFixed(1);
    console.log(
      `        4,000 items in ${seconds(tookMs)} s, the longest wait ${seconds(Math.max(...longestMs))} s`,
    );
  }).timeout(600_000);
});

/** Each item holds the last edit that was acknowledged, or one that came after it. Answers how many edits that were. */
async function checkAcknowledged({ store }: OpenedStore, worker: Worker): Promise<number> {
  const last = new Map<string, number>();
  for (const line of worker.lines) {
    const [word, id, count] = line.split(' ');
    assert.equal(word, 'acknowledged', line);
    last.set(id ?? '', Number(count));
  }
  await inStore(store, tx => {
    for (const [id, count] of last) {
      assert(isItemId(id));
      const item = readItem(tx, id);
      assert(item?.content, `item ${id} is there`);
      const held = Number(/^edit (\d+) /.exec(item.content.body)?.[1]);
      assert(
        held === count || held === count + 12,
        `item ${id} holds edit ${held} after ${count} was acknowledged`,
      );
      assert.equal(item.deleted, held % 11 === 0);
      checkWhole(tx, id);
    }
  });
  return worker.lines.length;
}

/** No write is there in part: the item, its change and its history tell the same. */
function checkWhole(tx: StoreTransaction, id: Parameters<typeof readItem>[1]): void {
  const item = readItem(tx, id);
  const change = waitingItemChange(tx, id);
  assert.deepEqual(change?.content, item?.content);
  assert.equal(change?.stamp, item?.lastModified);
  const [current] = listVersions(tx, id);
  assert.equal(current?.stamp, item?.lastModified);
}

async function checkSound({ maintenance }: OpenedStore): Promise<void> {
  unwrap(await maintenance.applyAtRest());
  const digest = { current: () => '', recompute: () => '' };
  const findings = unwrap(await maintenance.doctor({ digest, mend: false }));
  assert.deepEqual(
    findings.filter(finding => finding.level !== 'ok'),
    [],
  );
}
