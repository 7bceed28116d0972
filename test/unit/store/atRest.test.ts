import assert from 'node:assert/strict';
import { systemRandom } from '../../../src/base/random';
import { unwrap } from '../../../src/base/result';
import type { Conflict } from '../../../src/model/conflict';
import { createChangeId } from '../../../src/model/ids/createId';
import { type ConflictId, isConflictId } from '../../../src/model/ids/ids';
import { readConflict, writeConflict } from '../../../src/store/conflicts';
import { readItem } from '../../../src/store/items';
import type { OpenedStore } from '../../../src/store/openStore';
import {
  acknowledge,
  freeze,
  itemChangeInFlight,
  putWaitingItemChange,
  waitingItemChange,
} from '../../../src/store/outbox';
import { Payloads } from '../../../src/store/payloads';
import { searchItems } from '../../../src/store/search/searchItems';
import type { StoreTransaction } from '../../../src/store/transaction';
import { putUnsettledSave, readUnsettledSave } from '../../../src/store/unsettledSaves';
import { pruneVersions } from '../../../src/store/upkeep/versionUpkeep';
import { listVersions } from '../../../src/store/versions';
import {
  desktop,
  inStore,
  itemId,
  laptop,
  note,
  putItem,
  stampAt,
  testCipher,
} from '../../support/storeFixture';
import { StoreFolder } from '../../support/storeFolder';

describe('encryption at rest', () => {
  let folder: StoreFolder;
  let opened: OpenedStore;
  beforeEach(async () => {
    folder = new StoreFolder();
    opened = await folder.open();
  });
  afterEach(() => folder.remove());

  const id = itemId(1);
  const words = /velvet|hammer|canyon|marble|thunder/;
  const text = (word: string, fill = 10) => `a text about ${word} `.repeat(fill);

  /** An item with a trace of its text wherever the store may keep one, each with a word of its own. */
  const leaveTraces = (tx: StoreTransaction) => {
    putItem(tx, id, note('velvet title', text('velvet')), 1);
    putItem(tx, id, note('title', text('hammer', 300)), 2);
    putItem(tx, id, note('title', text('canyon')), 3);
    pruneVersions(tx, { nowMs: 4, keepDays: 90 }, '');
    putWaitingItemChange(tx, {
      itemId: id,
      type: 'upsert',
      stamp: stampAt(3),
      rawMs: 3,
      content: note('title', text('canyon')),
      base: { version: 1, stamp: stampAt(2), deleted: false, content: note('title', text('hammer')) },
      ancestors: [],
    });
    writeConflict(tx, conflict());
    const saved = note('title', text('thunder'));
    putUnsettledSave(tx, { itemId: id, base: note('title', text('canyon')), saved }, 4);
  };
  const conflict = (state: 'open' | 'resolved' = 'open'): Conflict => {
    const side = (millis: number, body: string) => ({
      stamp: stampAt(millis),
      deviceId: laptop,
      deviceName: 'laptop',
      version: 0,
      deleted: false,
      content: note('title', body),
    });
    return {
      id: conflictId,
      itemId: id,
      earlier: side(1, text('velvet')),
      later: side(2, text('marble')),
      outcome: 'lastWriterWins',
      keys: [],
      detectedAt: stampAt(2),
      detectedBy: laptop,
      state,
      revision: 1,
      stamp: stampAt(2),
    };
  };

  it('leaves no trace of a sensitive item’s text anywhere in the folder', async () => {
    await inStore(opened.store, leaveTraces);
    for (const reason of ['command', 'daily', 'massChange'] as const) {
      unwrap(await opened.maintenance.snapshots.take(reason));
      await inStore(opened.store, tx => putItem(tx, itemId(2), note('other', 'canyons are elsewhere'), 5));
    }
    assert.equal(folder.filesWith(words).length, 4);
    await inStore(opened.store, tx => {
      putItem(tx, itemId(2), note('other', 'nothing'), 6);
      putItem(tx, id, note('title', text('canyon'), { sensitive: true }), 7);
    });
    await inStore(opened.store, tx => {
      writeConflict(tx, conflict('resolved'));
      assert.deepEqual(readConflict(tx, conflictId)?.conflict, conflict('resolved'));
      assert.equal(readUnsettledSave(tx, id)?.saved.body, text('thunder'));
      assert.equal(waitingItemChange(tx, id)?.base.content?.body, text('hammer'));
      assert.deepEqual(
        listVersions(tx, id).map(version => version.content?.title),
        ['title', 'title', 'title', 'velvet title'],
      );
      assert.deepEqual(searchItems(tx, 'velvet', 5), []);
    });
    unwrap(await opened.maintenance.applyAtRest());
    await inStore(opened.store, tx => putItem(tx, itemId(2), note('other', 'more'), 8));
    for (const snapshot of unwrap(opened.maintenance.snapshots.list())) {
      if (snapshot.reason === 'massChange') continue; // taken while another item spoke of canyons
      const reader = unwrap(await opened.maintenance.snapshots.open(snapshot.id));
      const [edit] = unwrap(await reader.edits([id]));
      assert.equal(edit?.content?.body, text('canyon'));
      await reader.close();
    }
    await folder.close();
    assert.deepEqual(folder.filesWith(/velvet|hammer|marble|thunder/), []);
    const canyons = folder.filesWith('canyon ');
    assert.deepEqual(canyons, []);
  });

  it('keeps in mind what is to be wiped until it is', async () => {
    await inStore(opened.store, leaveTraces);
    await inStore(opened.store, tx => putItem(tx, id, note('title', 'new', { sensitive: true }), 7));
    opened.store.usePayloads(new Payloads(undefined, 'sensitive'));
    unwrap(await opened.maintenance.applyAtRest());
    await folder.close();
    const again = await folder.open();
    assert.notDeepEqual(folder.filesWith(words), []);
    for (let step = 0; step < 20; step++) unwrap(await again.maintenance.idle({ historyKeepDays: 90 }));
    await folder.close();
    assert.deepEqual(folder.filesWith(words), []);
  });

  it('takes the texts out of a change that was accepted', async () => {
    await inStore(opened.store, leaveTraces);
    await inStore(opened.store, tx => {
      const waiting = waitingItemChange(tx, id);
      assert(waiting);
      freeze(tx, waiting, { changeId: createChangeId(systemRandom), frozen: '{}', keyId: undefined }, 5);
      const flying = itemChangeInFlight(tx, id);
      assert(flying);
      acknowledge(tx, flying, 6);
      assert.deepEqual(tx.sql.get('SELECT payload, base_payload, frozen FROM changes'), {
        payload: null,
        base_payload: null,
        frozen: null,
      });
    });
  });

  it('encrypts everything when the policy says so, and brings it back', async () => {
    await inStore(opened.store, tx => {
      leaveTraces(tx);
      for (let number = 2; number <= 250; number++)
        putItem(tx, itemId(number), note(`velvet ${number}`), number);
      writeConflict(tx, { ...conflict(), id: conflictIdOf('f'), itemId: itemId(999) });
    });
    unwrap(await opened.maintenance.snapshots.take('command'));
    opened.store.usePayloads(new Payloads(testCipher(), 'all'));
    unwrap(await opened.maintenance.applyAtRest());
    await inStore(opened.store, tx => {
      assert.equal(readItem(tx, itemId(250))?.content?.title, 'velvet 250');
      assert.equal(listVersions(tx, id).length, 3);
    });
    await folder.close();
    assert.deepEqual(folder.filesWith(words), []);

    const again = await folder.open();
    unwrap(await again.maintenance.applyAtRest());
    again.store.usePayloads(new Payloads(undefined, 'sensitive'));
    await inStore(again.store, tx => {
      assert.equal(readItem(tx, itemId(250))?.content?.title, 'velvet 250');
      assert.equal(listVersions(tx, id).at(-1)?.content?.title, 'velvet title');
      assert.equal(waitingItemChange(tx, id)?.base.content?.body, text('hammer'));
      assert.deepEqual(readConflict(tx, conflictId)?.conflict, conflict());
      assert.equal(searchItems(tx, 'velvet', 500).length, 249);
      assert.equal(searchItems(tx, 'canyon', 500).length, 1);
    });
  });

  it('goes on with a change of the policy that was cut off', async () => {
    await inStore(opened.store, tx => {
      for (let number = 1; number <= 250; number++)
        putItem(tx, itemId(number), note(`velvet ${number}`), number);
    });
    opened.store.usePayloads(new Payloads(testCipher(), 'all'));
    unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
    const sealed = () =>
      inStore(opened.store, tx =>
        tx.sql.get("SELECT count(*) AS n FROM items WHERE typeof(payload) = 'blob'"),
      );
    assert.deepEqual(await sealed(), { n: 100 });
    await folder.close();
    opened = await folder.open({ payloads: new Payloads(testCipher(), 'all') });
    for (let step = 0; step < 5; step++) unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
    assert.deepEqual(await sealed(), { n: 250 });
    await folder.close();
    assert.deepEqual(folder.filesWith('velvet'), []);
  });

  it('hides what is encrypted from a device that is locked, and from another key', async () => {
    await inStore(opened.store, tx => {
      putItem(tx, id, note('secret', 'text', { sensitive: true }), 1);
      putItem(tx, itemId(2), note('open', 'text'), 2);
    });
    for (const payloads of [
      new Payloads(undefined, 'sensitive'),
      new Payloads(testCipher(0x33), 'sensitive'),
    ]) {
      opened.store.usePayloads(payloads);
      await inStore(opened.store, tx => {
        assert.equal(readItem(tx, id)?.content, undefined);
        assert.equal(readItem(tx, itemId(2))?.content?.title, 'open');
      });
    }
  });

  it('keeps the other side of a sensitive item’s record encrypted, whoever wrote it', () =>
    inStore(opened.store, tx => {
      putItem(tx, id, note('title', 'x', { sensitive: true }), 1);
      writeConflict(tx, { ...conflict(), detectedBy: desktop });
      assert.deepEqual(tx.sql.get('SELECT typeof(payload) AS form FROM conflicts'), { form: 'blob' });
      const content = note('title', text('velvet'));
      const base = { version: 1, stamp: stampAt(1), deleted: false, content };
      const change = {
        itemId: id,
        type: 'upsert',
        stamp: stampAt(9),
        rawMs: 9,
        content,
        base,
        ancestors: [],
      } as const;
      putWaitingItemChange(tx, change);
      assert.deepEqual(tx.sql.get('SELECT typeof(payload) AS a, typeof(base_payload) AS b FROM changes'), {
        a: 'blob',
        b: 'blob',
      });
    }));
});

function conflictIdOf(digit: string): ConflictId {
  const conflictIdDigits = 32;
  const text = digit.repeat(conflictIdDigits);
  if (!isConflictId(text)) throw new Error(`not a conflict id: ${text}`);
  return text;
}

const conflictId = conflictIdOf('c');
