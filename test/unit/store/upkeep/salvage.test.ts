import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { createChangeId } from '../../../../src/model/ids/createId';
import { isAccountId, isConflictId } from '../../../../src/model/ids/ids';
import type { Stamp } from '../../../../src/model/ids/stamp';
import { readItem, writeItem } from '../../../../src/store/items';
import type { OpenedStore, Recovered } from '../../../../src/store/openStore';
import {
  freeze,
  isOutboxEmpty,
  itemChangeInFlight,
  putWaitingItemChange,
  putWaitingRecordChange,
  thaw,
  waitingItemChange,
} from '../../../../src/store/outbox';
import { searchItems } from '../../../../src/store/search/searchItems';
import { clearState, type DeviceState, readState, writeState } from '../../../../src/store/state';
import type { Store } from '../../../../src/store/store';
import { setSyncedItem } from '../../../../src/store/synced/syncedVersions';
import type { StoreTransaction } from '../../../../src/store/transaction';
import { repairSalvaged } from '../../../../src/store/upkeep/salvage';
import { pruneVersions } from '../../../../src/store/upkeep/versionUpkeep';
import { listVersions } from '../../../../src/store/versions';
import {
  desktop,
  inStore,
  itemId,
  laptop,
  note,
  openMemoryStore,
  putItem,
  stampAt,
} from '../../../support/storeFixture';
import { StoreFolder } from '../../../support/storeFolder';

const putAccount = (tx: StoreTransaction) => {
  const accountId = '00000000-0000-4000-8000-00000000000a';
  assert(isAccountId(accountId));
  writeState(tx, 'account', { id: accountId, login: 'ada', server: 'https://scratch.example' });
  writeState(tx, 'device', { id: laptop, name: 'laptop' });
};
const putSynced = (tx: StoreTransaction, number: number, title: string, atMs: number) => {
  putItem(tx, itemId(number), note(title), atMs);
  const stamp = stampAt(atMs);
  setSyncedItem(tx, itemId(number), {
    version: 1,
    stamp,
    deleted: false,
    ancestors: [stampAt(atMs - 1)],
    keyId: undefined,
  });
};
/** Item 4, as another device wrote it. */
const putTheirs = (tx: StoreTransaction, stamp: Stamp) => {
  const item = { id: itemId(4), content: note('theirs'), lastModified: stamp, deviceId: desktop };
  writeItem(tx, { ...item, deleted: false }, 0);
  setSyncedItem(tx, item.id, { version: 1, stamp, deleted: false, ancestors: [], keyId: undefined });
};
const putEdit = (tx: StoreTransaction, number: number, title: string, atMs: number) => {
  const held = readItem(tx, itemId(number));
  putItem(tx, itemId(number), note(title), atMs);
  putWaitingItemChange(tx, {
    itemId: itemId(number),
    type: 'upsert',
    stamp: stampAt(atMs),
    rawMs: atMs,
    content: note(title),
    base: { version: held?.version ?? 0, stamp: held?.syncedStamp, deleted: false, content: held?.content },
    ancestors: [],
  });
};

describe('a salvaged store', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemoryStore();
    await inStore(store, tx => {
      putAccount(tx);
      putSynced(tx, 1, 'synced', 10);
      putSynced(tx, 2, 'synced', 20);
      putEdit(tx, 2, 'edited', 30);
      putEdit(tx, 3, 'new', 40);
    });
  });
  afterEach(() => store.close());

  it('is left as it is when no row is missing, and asks for a comparison', () =>
    inStore(store, tx => {
      repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 });
      assert.equal(readState(tx, 'reconcile'), 'digestMismatch');
      assert.equal(readItem(tx, itemId(1))?.version, 1);
      assert.equal(waitingItemChange(tx, itemId(1)), undefined);
      assert.equal(waitingItemChange(tx, itemId(2))?.base.content?.title, 'synced');
      assert.equal(waitingItemChange(tx, itemId(3))?.rawMs, 40);
    }));

  it('sends edits whose changes are lost', () =>
    inStore(store, tx => {
      tx.sql.run('DELETE FROM changes');
      repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 });
      const edited = waitingItemChange(tx, itemId(2));
      assert(edited);
      assert.equal(edited.content?.title, 'edited');
      assert.deepEqual(edited.base, {
        version: 1,
        stamp: stampAt(20),
        deleted: false,
        content: note('synced'),
      });
      assert.deepEqual(edited.ancestors, [stampAt(20), stampAt(19)]);
      assert.equal(waitingItemChange(tx, itemId(3))?.base.version, 0);
      assert.equal(waitingItemChange(tx, itemId(1)), undefined);
    }));

  it('sends an edit whose change is lost on top of the change that is in flight', () =>
    inStore(store, tx => {
      const waiting = waitingItemChange(tx, itemId(2));
      assert(waiting);
      freeze(tx, waiting, { changeId: createChangeId(systemRandom), frozen: '{}', keyId: undefined }, 41);
      putItem(tx, itemId(2), note('edited again'), 50);
      repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 });
      const edited = waitingItemChange(tx, itemId(2));
      assert.equal(edited?.content?.title, 'edited again');
      assert.deepEqual(edited.base, {
        version: 0,
        stamp: stampAt(30),
        deleted: false,
        content: note('edited'),
      });
      assert.deepEqual(edited.ancestors, [stampAt(30)]);
    }));

  it('keeps items whose row is lost but not their change', () =>
    inStore(store, tx => {
      tx.sql.run('DELETE FROM items');
      repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 });
      assert.equal(readItem(tx, itemId(1)), undefined);
      const edited = readItem(tx, itemId(2));
      assert.equal(edited?.content?.title, 'edited');
      assert.equal(edited.version, 1);
      assert.equal(edited.syncedStamp, stampAt(20));
      assert.equal(edited.lastModified, stampAt(30));
      assert.equal(edited.deviceId, laptop);
      assert.equal(readItem(tx, itemId(3))?.version, 0);
    }));

  it('sends again what was sent when the sent bytes are lost', () =>
    inStore(store, tx => {
      const waiting = waitingItemChange(tx, itemId(3));
      assert(waiting);
      freeze(tx, waiting, { changeId: createChangeId(systemRandom), frozen: '{}', keyId: undefined }, 41);
      tx.sql.run('UPDATE changes SET frozen = NULL');
      repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 });
      assert.equal(waitingItemChange(tx, itemId(3))?.content?.title, 'new');
    }));

  it('takes no version for the server’s when the account is lost, and deletes nothing for it', async () => {
    await inStore(store, tx => clearState(tx, 'account'));
    await inStore(store, tx => repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 }));
    await inStore(store, tx => {
      for (const number of [1, 2, 3]) {
        assert.equal(readItem(tx, itemId(number))?.version, 0);
        assert.equal(waitingItemChange(tx, itemId(number))?.base.stamp, undefined);
      }
    });
  });

  describe('does not let the clock fall behind', () => {
    const clockAfter = async (clock: DeviceState['clock'] | undefined, wallMs = 0) => {
      await inStore(store, tx => (clock ? writeState(tx, 'clock', clock) : clearState(tx, 'clock')));
      await inStore(store, tx => repairSalvaged(tx.sql, { incompleteTables: [], wallMs }));
      return inStore(store, tx => readState(tx, 'clock'));
    };

    it('what the device has stamped', async () => {
      assert.deepEqual(await clockAfter({ millis: 35, counter: 3 }), { millis: 40, counter: 0 });
      assert.deepEqual(await clockAfter({ millis: 40, counter: 3 }), { millis: 40, counter: 3 });
    });

    it('what it has stamped of items whose rows are lost, as their history and what was sent of them tell', async () => {
      await inStore(store, tx => {
        putEdit(tx, 3, 'newest', 50);
        putEdit(tx, 3, 'older again', 45);
        tx.sql.run('DELETE FROM items');
        tx.sql.run('DELETE FROM changes');
      });
      assert.deepEqual(await clockAfter(undefined), { millis: 50, counter: 0 });
      await inStore(store, tx => {
        putEdit(tx, 3, 'sent', 60);
        tx.sql.run('UPDATE changes SET acknowledged_ms = 61');
        tx.sql.run('DELETE FROM items');
      });
      assert.deepEqual(await clockAfter(undefined), { millis: 60, counter: 0 });
    });

    it('the time, for what was stamped last may have left no row', async () => {
      assert.deepEqual(await clockAfter(undefined, 70), { millis: 70, counter: 0 });
      await inStore(store, tx => writeState(tx, 'clockOffsetMs', 20.4));
      assert.deepEqual(await clockAfter(undefined, 70), { millis: 90, counter: 0 });
    });

    it('and takes no stamp of another device for its own', async () => {
      await inStore(store, tx => putTheirs(tx, stampAt(80, desktop)));
      assert.deepEqual(await clockAfter(undefined), { millis: 40, counter: 0 });
    });
  });

  describe('when a record of what met may be lost', () => {
    const theirs = stampAt(35, desktop);
    beforeEach(() =>
      inStore(store, tx => {
        putTheirs(tx, theirs);
        putEdit(tx, 4, 'edited here', 50);
      }),
    );
    const repair = async (...incompleteTables: string[]) => {
      await inStore(store, tx => repairSalvaged(tx.sql, { incompleteTables, wallMs: 0 }));
      return inStore(store, tx => ({
        held: readItem(tx, itemId(4))?.syncedStamp,
        base: waitingItemChange(tx, itemId(4))?.base.stamp,
      }));
    };

    it('lets an edit meet the version of another device anew', async () => {
      assert.deepEqual(await repair('items'), { held: theirs, base: theirs });
      assert.deepEqual(await repair('conflicts'), { held: undefined, base: undefined });
      await inStore(store, tx => {
        assert.equal(waitingItemChange(tx, itemId(4))?.content?.title, 'edited here');
        assert.deepEqual(waitingItemChange(tx, itemId(4))?.ancestors, []);
        assert.equal(waitingItemChange(tx, itemId(2))?.base.content?.title, 'synced', 'its own version');
      });
    });

    it('knows it by a change that waits without its record', async () => {
      const record = 'c'.repeat(32);
      assert(isConflictId(record));
      await inStore(store, tx => putWaitingRecordChange(tx, { conflictId: record, stamp: stampAt(51) }));
      assert.deepEqual(await repair(), { held: undefined, base: undefined });
    });

    it('lets what waits behind a change in flight follow that one', async () => {
      await inStore(store, tx => {
        const flying = waitingItemChange(tx, itemId(4));
        assert(flying?.content);
        freeze(tx, flying, { changeId: createChangeId(systemRandom), frozen: '{}', keyId: undefined }, 51);
        putItem(tx, itemId(4), note('edited again'), 60);
        putWaitingItemChange(tx, {
          itemId: itemId(4),
          type: 'upsert',
          stamp: stampAt(60),
          rawMs: 60,
          content: note('edited again'),
          base: { version: 0, stamp: flying.stamp, deleted: false, content: flying.content },
          ancestors: [flying.stamp, theirs],
        });
      });
      assert.deepEqual(await repair('conflicts'), { held: undefined, base: stampAt(50) });
      await inStore(store, tx => {
        const flying = itemChangeInFlight(tx, itemId(4));
        assert(flying);
        thaw(tx, flying);
        const waiting = waitingItemChange(tx, itemId(4));
        assert.deepEqual([waiting?.base.stamp, waiting?.ancestors], [undefined, [stampAt(50)]]);
      });
    });
  });

  it('forgets former states that cannot be read without a lost one', () =>
    inStore(store, tx => {
      for (let at = 50; at < 60; at++) putItem(tx, itemId(1), note(`a title that goes on and on ${at}`), at);
      pruneVersions(tx, { nowMs: 60, keepDays: 90 }, '');
      const before = listVersions(tx, itemId(1)).length;
      tx.sql.run('DELETE FROM versions WHERE packed = 1 AND base_id IS NULL AND item_id = ?', [itemId(1)]);
      repairSalvaged(tx.sql, { incompleteTables: [], wallMs: 40 });
      const after = listVersions(tx, itemId(1));
      assert(after.length < before);
      assert(after.every(version => version.content !== undefined));
    }));
});

describe('a damaged store file', () => {
  let folder: StoreFolder;
  beforeEach(() => {
    folder = new StoreFolder();
  });
  afterEach(() => folder.remove());

  const fill = async (opened: OpenedStore) => {
    await inStore(opened.store, tx => {
      putAccount(tx);
      for (let number = 1; number <= 400; number++)
        putSynced(tx, number, `title ${number} of many`, 1000 + number);
      for (let number = 1; number <= 400; number += 4) putEdit(tx, number, `edited ${number}`, 5000 + number);
    });
  };
  const pageBytes = 4096;
  /** More than there are tables and indexes: without the first page of a table none of its rows is found. */
  const rootPages = 60;
  /** Overwrites one page in every so many with noise. */
  const damage = (every: number) => {
    const bytes = readFileSync(folder.storeFile);
    for (let at = rootPages * pageBytes; at + pageBytes <= bytes.length; at += every * pageBytes) {
      bytes.set(systemRandom.bytes(pageBytes), at);
    }
    writeFileSync(folder.storeFile, bytes);
  };

  it('is set aside, and what can be read goes on: found, sendable, and compared with the server', async () => {
    await fill(await folder.open());
    await folder.close();
    damage(9);
    const before = readFileSync(folder.storeFile);
    let told: Recovered | undefined;
    const opened = await folder.open({
      onRecovered: recovered => {
        told = recovered;
      },
    });
    if (opened.recovered === undefined) unwrap(await opened.maintenance.doctor({ ...digest, mend: true }));
    assert(told);
    assert(told.items > 100, `only ${told.items} items were kept`);
    assert(existsSync(told.setAside));
    assert.deepEqual(readFileSync(told.setAside), before);
    for (let step = 0; step < 20; step++) unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
    await inStore(opened.store, tx => {
      assert.equal(readState(tx, 'reconcile'), 'digestMismatch');
      const held = Array.from({ length: 400 }, (_, index) => readItem(tx, itemId(index + 1))).filter(
        item => item,
      );
      assert.equal(
        searchItems(tx, 'title', 1000).length + searchItems(tx, 'edited', 1000).length,
        held.length,
      );
      for (const item of held) {
        if (item?.content?.title.startsWith('edited')) assert(waitingItemChange(tx, item.id));
      }
    });
    const findings = unwrap(await opened.maintenance.doctor({ ...digest, mend: false }));
    assert.deepEqual(
      findings.filter(finding => finding.level === 'error'),
      [],
    );
    assert(findings.some(finding => /What was damaged is kept/.test(finding.found)));
  });

  it('that is cut short is opened with what it still holds', async () => {
    await fill(await folder.open());
    await folder.close();
    const bytes = readFileSync(folder.storeFile);
    writeFileSync(folder.storeFile, bytes.subarray(0, Math.floor(bytes.length / 2 / pageBytes) * pageBytes));
    const opened = await folder.open();
    assert.equal(opened.recovered?.isComplete, false);
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('works'), 9000));
  });

  it('that is nothing of a database at all begins anew, and the old one stays', async () => {
    writeFileSync(folder.storeFile, 'not a database, whatever its name says'.repeat(200));
    const opened = await folder.open();
    assert(opened.recovered);
    assert(existsSync(opened.recovered.setAside));
    assert.equal(await inStore(opened.store, tx => isOutboxEmpty(tx)), true);
  });
});

const digest = { digest: { current: () => '', recompute: () => '' } };
