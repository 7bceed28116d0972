import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unwrap } from '../../../../src/base/result';
import { dayMs, hourMs } from '../../../../src/base/time';
import type { Conflict, ConflictState } from '../../../../src/model/conflict';
import { isConflictId } from '../../../../src/model/ids/ids';
import {
  countOpenConflicts,
  listConflicts,
  readConflict,
  writeConflict,
} from '../../../../src/store/conflicts';
import type { OpenedStore } from '../../../../src/store/openStore';
import { putWaitingRecordChange } from '../../../../src/store/outbox';
import { readState } from '../../../../src/store/state';
import { setSyncedRecord, syncedRecord } from '../../../../src/store/synced/syncedVersions';
import type { StoreTransaction } from '../../../../src/store/transaction';
import {
  keepAcknowledgedDays,
  keepClosedConflictDays,
  maxAcknowledgedChanges,
  maxClosedConflicts,
  pruneLogs,
} from '../../../../src/store/upkeep/hygiene';
import { inStore, itemId, laptop, note, putItem, stampAt } from '../../../support/storeFixture';
import { StoreFolder } from '../../../support/storeFolder';

describe('hygiene', () => {
  let folder: StoreFolder;
  let opened: OpenedStore;
  beforeEach(async () => {
    folder = new StoreFolder();
    opened = await folder.open();
  });
  afterEach(() => folder.remove());

  const nowMs = 1000 * dayMs;
  const pruneAll = (tx: StoreTransaction) => {
    for (let isDone = false; !isDone; ) isDone = pruneLogs(tx, nowMs);
  };
  const idleUntilDone = async () => {
    folder.skippedMs += hourMs;
    for (let step = 0; step < 1000; step++) {
      const { waitMs } = unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
      if (waitMs > 60_000) return step;
    }
    throw new Error('the upkeep has no end');
  };
  const statesOf = async () =>
    (await inStore(opened.store, tx => tx.sql.all('SELECT id FROM versions'))).length;

  it('keeps history and snapshots while the clock is a year ahead for some hours', async () => {
    await inStore(opened.store, tx => {
      for (let edit = 0; edit < 10; edit++) putItem(tx, itemId(1), note(`edit ${edit}`), folder.nowMs + edit);
    });
    const { snapshots } = opened.maintenance;
    for (let taken = 0; taken < 6; taken++) unwrap(await snapshots.take('command'));
    folder.nowMs += 400 * dayMs;
    for (let round = 0; round < 10; round++) await idleUntilDone();
    assert.equal(await statesOf(), 9);
    assert.equal(unwrap(snapshots.list()).filter(({ reason }) => reason === 'command').length, 6);
  });

  it('lets go of what is too old, also after a long rest', async () => {
    await inStore(opened.store, tx => {
      for (let edit = 0; edit < 10; edit++) putItem(tx, itemId(1), note(`edit ${edit}`), folder.nowMs + edit);
    });
    const { snapshots } = opened.maintenance;
    for (let taken = 0; taken < 6; taken++) unwrap(await snapshots.take('command'));
    folder.nowMs += 100 * dayMs;
    for (let round = 0; round < 60; round++) await idleUntilDone();
    assert.equal(await statesOf(), 0);
    unwrap(await snapshots.take('rollback'));
    assert.equal(unwrap(snapshots.list()).length, 3);
  });

  const conflict = (number: number, atMs: number, state: ConflictState): Conflict => {
    const id = String(number).padStart(32, '0');
    assert(isConflictId(id));
    const side = {
      stamp: stampAt(atMs),
      deviceId: laptop,
      deviceName: 'laptop',
      version: 0,
      deleted: false,
      content: note('side'),
    };
    return {
      ...{ id, itemId: itemId(1), earlier: side, later: side, outcome: 'merged', keys: [] },
      ...{ detectedAt: stampAt(atMs), detectedBy: laptop, state, revision: 1, stamp: stampAt(atMs) },
    };
  };

  it('lets go of acknowledged changes by age and by number, and of no other', () =>
    inStore(opened.store, tx => {
      const insert = (number: number, acknowledgedMs: number | null) =>
        tx.sql.run(
          `INSERT INTO changes(collection, item_id, change_type, timestamp, base_version, base_deleted, ancestors,
             acknowledged_ms) VALUES ('item', ?, 'upsert', ?, 0, 0, '[]', ?)`,
          [itemId(number), stampAt(number), acknowledgedMs],
        );
      for (let number = 0; number < 700; number++) insert(number, nowMs - (keepAcknowledgedDays + 1) * dayMs);
      for (let number = 0; number < maxAcknowledgedChanges + 5; number++) insert(number, nowMs);
      for (let number = 0; number < 10; number++) insert(number, null);
      pruneAll(tx);
      assert.deepEqual(
        tx.sql.get(
          'SELECT count(*) AS all_rows, sum(acknowledged_ms IS NULL) AS waiting, min(acknowledged_ms) AS oldest FROM changes',
        ),
        { all_rows: maxAcknowledgedChanges + 10, waiting: 10, oldest: nowMs },
      );
    }));

  it('takes the texts of closed records by age and number, and keeps what is known of their versions', () =>
    inStore(opened.store, tx => {
      const oldMs = nowMs - (keepClosedConflictDays + 1) * dayMs;
      writeConflict(tx, conflict(1, oldMs, 'open'));
      writeConflict(tx, conflict(2, oldMs, 'resolved'));
      writeConflict(tx, conflict(3, oldMs, 'auto'));
      writeConflict(tx, conflict(4, nowMs, 'auto'));
      writeConflict(tx, conflict(5, oldMs, 'resolved'));
      const { id, stamp } = conflict(2, oldMs, 'resolved');
      setSyncedRecord(tx, id, { version: 4, stamp, deleted: false, keyId: undefined });
      putWaitingRecordChange(tx, { conflictId: conflict(5, oldMs, 'resolved').id, stamp });
      pruneAll(tx);
      assert.equal(countOpenConflicts(tx), 1);
      assert.deepEqual(
        new Set(listConflicts(tx, ['open', 'resolved', 'auto']).map(record => Number(record.id))),
        new Set([1, 4, 5]),
      );
      assert.equal(readConflict(tx, id)?.conflict, undefined);
      assert.equal(readConflict(tx, id)?.deleted, false);
      assert.deepEqual(syncedRecord(tx, id), { version: 4, stamp, deleted: false });
      writeConflict(tx, { ...conflict(2, oldMs, 'open'), revision: 2 });
      assert.equal(readConflict(tx, id)?.conflict?.revision, 2);

      for (let number = 10; number < maxClosedConflicts + 30; number++) {
        writeConflict(tx, conflict(number, nowMs - number, 'auto'));
      }
      pruneAll(tx);
      assert.equal(listConflicts(tx, ['auto', 'resolved']).length, maxClosedConflicts + 1); // one waits to be pushed
    }));

  it('works step by step, gives space back, and then rests', async () => {
    await inStore(opened.store, tx => {
      for (let number = 0; number < 1200; number++) {
        putItem(tx, itemId(number), note(`title ${number}`, 'x'.repeat(3000)), number + 1);
        putItem(tx, itemId(number), note(`title ${number}`, 'y'.repeat(3000)), number + 2);
      }
      for (let number = 0; number < 1100; number++)
        tx.sql.run('DELETE FROM items WHERE id = ?', [itemId(number)]);
      for (let number = 0; number < 1100; number++)
        tx.sql.run('DELETE FROM versions WHERE item_id = ?', [itemId(number)]);
    });
    const before = folder.sizeBytes();
    assert((await idleUntilDone()) > 5);
    assert(folder.sizeBytes() < before / 2);
    assert((await idleUntilDone()) <= 8);
    await inStore(opened.store, tx =>
      assert.deepEqual(tx.sql.get('SELECT count(*) AS loose FROM versions WHERE packed = 0'), { loose: 0 }),
    );
    assert.deepEqual(
      unwrap(opened.maintenance.snapshots.list()).map(snapshot => snapshot.reason),
      ['daily'],
    );
  });

  it('merges the parts of the index that single saves leave, and then writes nothing any more', async () => {
    for (let number = 0; number < 60; number++) {
      await inStore(opened.store, tx =>
        putItem(tx, itemId(number), note(`title ${number}`, 'body '), folder.nowMs + number),
      );
    }
    const parts = () =>
      inStore(opened.store, tx =>
        Number(tx.sql.get('SELECT count(*) AS parts FROM search_segdir')?.['parts']),
      );
    const before = await parts();
    await idleUntilDone();
    assert((await parts()) < before / 2);
    await idleUntilDone();
    const changeCounterAt = 24;
    const counter = () => readFileSync(folder.storeFile).readUInt32BE(changeCounterAt);
    const writes = counter();
    await idleUntilDone();
    assert.equal(counter(), writes);
  });

  it('merges the parts of the index that large writes leave, with the writes', async () => {
    const textsPerWrite = 40;
    for (let write = 0; write < 15; write++) {
      await inStore(opened.store, tx => {
        for (let text = 0; text < textsPerWrite; text++) {
          const number = write * textsPerWrite + text;
          putItem(tx, itemId(number), note(`title ${number}`, `word${number} `.repeat(60)), number + 1);
        }
      });
    }
    const [most] = await inStore(opened.store, tx =>
      tx.sql.all('SELECT count(*) AS parts FROM search_segdir GROUP BY level ORDER BY parts DESC LIMIT 1'),
    );
    assert(Number(most?.['parts']) < 12, `${most?.['parts']} parts of one size`);
  });

  it('checks a large file first, and between rounds, when a process has ended in its work', async () => {
    await inStore(opened.store, tx => {
      for (let number = 0; number < 20; number++) {
        putItem(tx, itemId(number), note(`title ${number}`, 'x'.repeat(1024 * 1024)), number + 1);
      }
    });
    const dueMarker = join(folder.path, 'locks', 'store.db.check-due');
    const dieInWork = () => writeFileSync(dueMarker, 'a test');
    dieInWork();
    await folder.close();
    opened = await folder.open();
    assert(folder.sizeBytes() > 16 * 1024 * 1024);
    assert(existsSync(dueMarker), 'the opening of a large file does not wait for a check');
    unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
    assert.equal(existsSync(dueMarker), false);
    await idleUntilDone();
    dieInWork();
    const { waitMs } = unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
    assert.equal(existsSync(dueMarker), false);
    assert(waitMs < 1000, 'and then the upkeep goes on');
  });

  describe('of a process that is about to end', () => {
    const changeCounterAt = 24;
    const counter = () => readFileSync(folder.storeFile).readUInt32BE(changeCounterAt);
    const round = async (maxMs = 60_000) =>
      unwrap(await opened.maintenance.round({ historyKeepDays: 90, maxMs }));
    const reasons = () => unwrap(opened.maintenance.snapshots.list()).map(({ reason }) => reason);
    const looseVersions = () =>
      inStore(opened.store, tx =>
        Number(tx.sql.get('SELECT count(*) AS loose FROM versions WHERE packed = 0')?.['loose']),
      );
    const edit = (items: number, atMs: number) =>
      inStore(opened.store, tx => {
        for (let number = 0; number < items; number++)
          putItem(tx, itemId(number), note(`title ${number}`, `body ${atMs}`), atMs);
      });

    it('is one round a day, and nothing is written while none is due', async () => {
      await edit(5, 1);
      await edit(5, 2);
      await round();
      assert.deepEqual(reasons(), ['daily']);
      assert.equal(await looseVersions(), 0);
      await edit(5, 3);
      const writes = counter();
      await round();
      folder.nowMs += dayMs - 1;
      await round();
      assert.equal(counter(), writes);
      folder.nowMs += 1;
      await round();
      assert.deepEqual(reasons(), ['daily', 'daily']);
      assert.equal(await looseVersions(), 0);
    });

    it('goes on where the process before it ran out of time', async () => {
      const items = 730;
      for (const atMs of [1, 2]) await edit(items, atMs);
      const loose: number[] = [];
      const isDone = () => inStore(opened.store, tx => (readState(tx, 'upkeep')?.doneMs ?? 0) > 0);
      while (!(await isDone())) {
        await round(0);
        loose.push(await looseVersions());
        await folder.close();
        opened = await folder.open();
        assert(loose.length < 40, 'it comes to an end');
      }
      assert(loose.includes(items - 500), loose.join(' '));
      assert.equal(loose.at(-1), 0);
    });

    it('checks the file when a process has ended in its work', async () => {
      await round();
      const dueMarker = join(folder.path, 'locks', 'store.db.check-due');
      writeFileSync(dueMarker, 'a test');
      await round();
      assert.equal(existsSync(dueMarker), false);
    });

    it('is left to another process that is at it', async () => {
      await edit(5, 1);
      const other = await folder.open();
      const [here, there] = await Promise.all(
        [opened, other].map(each => each.maintenance.round({ historyKeepDays: 90, maxMs: 60_000 })),
      );
      assert(here?.ok && there?.ok);
      assert.deepEqual(reasons(), ['daily']);
    });
  });

  it('looks at every page once a week, whichever process it is', async () => {
    const checkedMs = () => inStore(opened.store, tx => readState(tx, 'upkeep')?.checkedMs);
    await idleUntilDone();
    const firstMs = await checkedMs();
    assert.equal(firstMs, folder.nowMs);
    folder.nowMs += 7 * dayMs - 1;
    await folder.close();
    opened = await folder.open();
    await idleUntilDone();
    assert.equal(await checkedMs(), firstMs);
    folder.nowMs += 1;
    await idleUntilDone();
    assert.equal(await checkedMs(), folder.nowMs);
  });

  it('is done by one process at a time', async () => {
    const other = await folder.open();
    await inStore(opened.store, tx => {
      for (let number = 0; number < 50; number++)
        putItem(tx, itemId(number), note(`title ${number}`), number + 1);
    });
    const both = await Promise.all(
      [opened, other].flatMap(each => [
        each.maintenance.idle({ historyKeepDays: 90 }),
        each.maintenance.applyAtRest(),
        each.maintenance.idle({ historyKeepDays: 90 }),
      ]),
    );
    assert(both.every(step => step.ok));
    unwrap(await other.maintenance.idle({ historyKeepDays: 90 }));
  });
});
