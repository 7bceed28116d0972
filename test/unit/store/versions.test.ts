import assert from 'node:assert/strict';
import { minuteMs } from '../../../src/base/time';
import type { Content } from '../../../src/model/content';
import type { ItemId } from '../../../src/model/ids/ids';
import { removeItem, writeItem } from '../../../src/store/items';
import { Payloads } from '../../../src/store/payloads';
import type { Store } from '../../../src/store/store';
import type { StoreTransaction } from '../../../src/store/transaction';
import { maxVersionsPerItem, pruneVersions } from '../../../src/store/upkeep/versionUpkeep';
import { listVersions, recordVersion, setVersionNumber, versionByStamp } from '../../../src/store/versions';
import {
  desktop,
  inStore,
  itemId,
  laptop,
  note,
  openMemoryStore,
  stampAt,
  testCipher,
} from '../../support/storeFixture';

describe('history', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemoryStore();
  });
  afterEach(() => store.close());

  const id = itemId(1);
  const dayMs = 24 * 60 * minuteMs;
  const prose = 'The history of an item is the states that were overwritten, packed on one of them. '.repeat(
    12,
  );

  /** An edit of the laptop, as the sync folder makes one. */
  const edit = (
    tx: StoreTransaction,
    content: Content,
    atMs: number,
    options: { readonly coalesce?: boolean; readonly deleted?: boolean; readonly item?: ItemId } = {},
  ) => {
    const { coalesce = false, deleted = false, item = id } = options;
    const state = { content, deleted, deviceId: laptop };
    writeItem(tx, { id: item, lastModified: stampAt(atMs), ...state }, atMs);
    recordVersion(tx, item, { stamp: stampAt(atMs), version: 0, ...state }, atMs, coalesce);
  };
  const bodies = (tx: StoreTransaction, item = id) =>
    listVersions(tx, item).map(version => version.content?.body);
  const pruneAll = (tx: StoreTransaction, nowMs: number, keepDays = 90) => {
    let after: string | undefined = '';
    while (after !== undefined) after = pruneVersions(tx, { nowMs, keepDays }, after);
  };

  it('lists every state, the current one first', () =>
    inStore(store, tx => {
      edit(tx, note('one', 'a'), 1);
      edit(tx, note('one', 'b'), 2);
      edit(tx, note('one', 'b'), 3, { deleted: true });
      assert.deepEqual(
        listVersions(tx, id).map(({ stamp, deleted, content, savedMs }) => [
          stamp,
          deleted,
          content?.body,
          savedMs,
        ]),
        [
          [stampAt(3), true, 'b', 3],
          [stampAt(2), false, 'b', 2],
          [stampAt(1), false, 'a', 1],
        ],
      );
    }));

  it('names the server’s version of a state', () =>
    inStore(store, tx => {
      edit(tx, note('one', 'a'), 1);
      edit(tx, note('one', 'b'), 2);
      setVersionNumber(tx, id, stampAt(1), 7);
      assert.equal(versionByStamp(tx, id, stampAt(1))?.version, 7);
      assert.equal(versionByStamp(tx, id, stampAt(2))?.version, 0);
      assert.equal(versionByStamp(tx, id, stampAt(3)), undefined);
    }));

  it('keeps one state of a stretch of editing for each five minutes', () =>
    inStore(store, tx => {
      for (let minute = 0; minute <= 12; minute++) {
        edit(tx, note('one', `minute ${minute}`), 1 + minute * minuteMs, { coalesce: minute > 0 });
      }
      assert.deepEqual(bodies(tx), ['minute 12', 'minute 9', 'minute 4']);
    }));

  it('keeps what a save within a stretch has thrown away', () =>
    inStore(store, tx => {
      edit(tx, note('one', prose), 1);
      edit(tx, note('one', ''), 2, { coalesce: true });
      assert.deepEqual(bodies(tx), ['', prose]);
    }));

  it('keeps the states of another device, and those that were pushed, in a stretch', () =>
    inStore(store, tx => {
      edit(tx, note('one', 'a'), 1);
      const theirs = { content: note('one', 'b'), deleted: false, deviceId: desktop };
      writeItem(tx, { id, lastModified: stampAt(2, desktop), ...theirs }, 2);
      edit(tx, note('one', 'c'), 3, { coalesce: true });
      assert.deepEqual(bodies(tx), ['c', 'b', 'a']);
    }));

  it('notes a state that the item passed by', () =>
    inStore(store, tx => {
      edit(tx, note('one', 'a'), 5);
      const lost = { content: note('one', 'lost'), deleted: false, deviceId: desktop, version: 3 };
      recordVersion(tx, id, { stamp: stampAt(4, desktop), ...lost }, 6, false);
      assert.deepEqual(bodies(tx), ['a', 'lost']);
    }));

  it('reads packed states like all others', () =>
    inStore(store, tx => {
      for (let at = 1; at <= 60; at++) edit(tx, note('one', `${at} ${prose} ${at}`), at);
      const before = listVersions(tx, id);
      pruneAll(tx, 100);
      assert.deepEqual(listVersions(tx, id), before);
      const bytes = tx.sql.get('SELECT sum(length(payload)) AS bytes FROM versions');
      assert(Number(bytes?.['bytes']) < (59 * prose.length) / 10);
      edit(tx, note('one', 'more'), 61);
      assert.deepEqual(
        bodies(tx).slice(1),
        before.map(version => version.content?.body),
      );
    }));

  it('forgets states a time after they were overwritten, but never the current one', () =>
    inStore(store, tx => {
      edit(tx, note('one', 'a'), 1);
      edit(tx, note('one', 'b'), 100 * dayMs);
      edit(tx, note('one', 'c'), 150 * dayMs);
      pruneAll(tx, 180 * dayMs, 90);
      assert.deepEqual(bodies(tx), ['c', 'b', 'a']);
      pruneAll(tx, 191 * dayMs, 90);
      assert.deepEqual(bodies(tx), ['c', 'b']);
      pruneAll(tx, 900 * dayMs, 90);
      assert.deepEqual(bodies(tx), ['c']);
    }));

  it('keeps a bounded number of states, also when those that others are packed on go', () =>
    inStore(store, tx => {
      for (let at = 1; at <= maxVersionsPerItem + 60; at++) {
        edit(tx, note('one', `${at} ${prose}`), at);
        if (at % 25 === 0) pruneAll(tx, at);
      }
      pruneAll(tx, 1000);
      const held = bodies(tx);
      assert.equal(held.length, maxVersionsPerItem + 1);
      assert.deepEqual(
        held,
        held.map((_, index) => `${maxVersionsPerItem + 60 - index} ${prose}`),
      );
    }));

  it('goes through the items step by step', () =>
    inStore(store, tx => {
      for (let number = 1; number <= 500; number++) {
        edit(tx, note('one', 'a'), 1, { item: itemId(number) });
        edit(tx, note('one', 'b'), 2, { item: itemId(number) });
      }
      let steps = 0;
      let after: string | undefined = '';
      while (after !== undefined) {
        after = pruneVersions(tx, { nowMs: 3, keepDays: 90 }, after);
        steps++;
      }
      assert(steps >= 5);
      assert.deepEqual(tx.sql.get('SELECT count(*) AS loose FROM versions WHERE packed = 0'), { loose: 0 });
    }));

  it('goes with an item that is taken away', () =>
    inStore(store, tx => {
      edit(tx, note('one', 'a'), 1);
      edit(tx, note('one', 'b'), 2);
      removeItem(tx, id);
      assert.deepEqual(listVersions(tx, id), []);
      assert.deepEqual(tx.sql.get('SELECT count(*) AS states FROM versions'), { states: 0 });
    }));

  it('encrypts every former state when the item becomes sensitive', async () => {
    await inStore(store, tx => {
      for (let at = 1; at <= 20; at++) edit(tx, note('one', `${at} ${prose}`), at);
      pruneAll(tx, 100);
      edit(tx, note('one', 'last', { sensitive: true }), 21);
      assert.deepEqual(
        tx.sql.all("SELECT id FROM versions WHERE packed = 1 OR typeof(payload) = 'text'"),
        [],
      );
      assert.equal(bodies(tx).length, 21);
      assert.equal(bodies(tx)[20], `1 ${prose}`);
      pruneAll(tx, 100);
      assert.equal(bodies(tx)[20], `1 ${prose}`);
    });
    store.usePayloads(new Payloads(undefined, 'sensitive'));
    await inStore(store, tx => assert.deepEqual(new Set(bodies(tx)), new Set([undefined])));
    store.usePayloads(new Payloads(testCipher(), 'sensitive'));
    await inStore(store, tx => {
      edit(tx, note('one', 'open again'), 22);
      assert.deepEqual(bodies(tx).slice(0, 3), ['open again', 'last', `20 ${prose}`]);
    });
  });
});
