import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ok, unwrap } from '../../../src/base/result';
import { continueAtRest } from '../../../src/store/atRest/atRestPolicy';
import { holdsSealedPayloads } from '../../../src/store/atRest/seal';
import { emptyDeletedItems } from '../../../src/store/emptied';
import { listItems, readItem, readItemEvenEmptied } from '../../../src/store/items';
import { Payloads } from '../../../src/store/payloads';
import { createSnapshotReader } from '../../../src/store/snapshots/snapshotReader';
import { clearState, writeState } from '../../../src/store/state';
import { setSyncedItem } from '../../../src/store/synced/syncedVersions';
import { countLostEdits, requeueLostEdits } from '../../../src/store/upkeep/outboxRepair';
import { resolveConflict } from '../../../src/sync/edits/resolveConflict';
import { outliveTombstones } from '../../support/pruning';
import {
  inStore,
  itemId,
  note,
  openMemoryStore,
  putItem,
  stampAt,
  testCipher,
} from '../../support/storeFixture';
import { createAccount, type SyncDevice } from '../../support/syncDevice';

const secretWord = 'wombat';

/** Two devices with an item that was deleted on one, and emptied from its Deleted items. */
async function withEmptied() {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  const id = await laptop.add(secretWord, `${secretWord}\n`);
  await laptop.setBody(id, `${secretWord} again\n`);
  await laptop.sync();
  await desktop.sync();
  const before = await account.backUp();
  const fetched = unwrap(await desktop.transport.item(id));
  await laptop.remove(id);
  await laptop.sync();
  assert.equal(await empty(laptop), 1);
  return { account, laptop, desktop, id, before, old: fetched.answer };
}

const empty = (device: SyncDevice) => device.write(({ store }) => emptyDeletedItems(store));

/** What a person sees in Deleted items. */
const deletedOf = (device: SyncDevice) =>
  device.read(store => listItems(store, { deleted: true }).map(({ content }) => content?.title));

async function textsOf(device: SyncDevice): Promise<string> {
  const tables = [
    'items',
    'versions',
    'changes',
    'conflicts',
    'unopened',
    'unsettled_saves',
    'search_source',
  ];
  return device.read(store => JSON.stringify(tables.map(table => store.sql.all(`SELECT * FROM ${table}`))));
}

describe('an item that was emptied from Deleted items', () => {
  it('leaves nothing to read or find, and is not there for a person', async () => {
    const { laptop, id } = await withEmptied();
    assert.ok(!(await textsOf(laptop)).includes(secretWord));
    assert.deepEqual(await deletedOf(laptop), []);
    assert.equal(await laptop.read(store => readItem(store, id)), undefined);
  });

  it('does not come back when everything is read anew, and nothing differs from the server', async () => {
    const { laptop } = await withEmptied();
    await laptop.write(({ store }) => clearState(store, 'cursor'));
    await laptop.sync();
    await laptop.write(({ store }) => writeState(store, 'reconcile', 'digestMismatch'));
    assert.equal((await laptop.sync()).report.diverged, false);
    assert.deepEqual(await deletedOf(laptop), []);
    assert.ok(!(await textsOf(laptop)).includes(secretWord));
  });

  it('is deleted on a server again that was restored from before the deletion, by its deletion alone', async () => {
    const { account, laptop, desktop, id, before } = await withEmptied();
    await account.restore(before);
    for (const device of [laptop, desktop, laptop]) await device.sync();
    assert.deepEqual(await deletedOf(laptop), []);
    assert.equal((await desktop.item(id)).deleted, true);
    assert.deepEqual(await deletedOf(desktop), [secretWord], 'with the text that it still had');
    assert.equal((await desktop.sync()).report.diverged, false);
    const phone = await account.device('phone');
    await phone.sync();
    assert.deepEqual(await deletedOf(phone), [], 'who has no text of it shows no nameless item');
    assert.equal(await phone.read(store => readItemEvenEmptied(store, id)?.emptied), true);
  });

  it('meets an edit of a restored server as the deletion that it was', async () => {
    const { account, laptop, desktop, id, before } = await withEmptied();
    await account.restore(before);
    await desktop.time.advance(1000);
    await desktop.setBody(id, `${secretWord} edited\n`);
    await desktop.sync();
    for (const device of [laptop, desktop, laptop]) await device.sync();
    for (const device of [laptop, desktop]) assert.equal(await device.body(id), `${secretWord} edited\n`);
    const [record] = await laptop.openConflicts();
    assert.deepEqual([record?.conflict?.earlier.deleted, record?.conflict?.later.deleted], [true, false]);
  });

  it('is not brought back by an old version in a new guise', async () => {
    const { laptop, old } = await withEmptied();
    laptop.http.intercept = async (_, send) => {
      laptop.http.intercept = undefined;
      const answer = await send();
      if (!answer.ok) return answer;
      const page = JSON.parse(new TextDecoder().decode(answer.value.body));
      page.changes = [{ ...old, version: 9 }];
      return { ok: true, value: { ...answer.value, body: new TextEncoder().encode(JSON.stringify(page)) } };
    };
    assert.equal((await laptop.sync()).report.unsound, 1);
    assert.deepEqual(await deletedOf(laptop), []);
  });

  it('is forgotten when the server has pruned its deletion', async () => {
    const { account, laptop, desktop, id } = await withEmptied();
    await desktop.sync();
    await outliveTombstones(account, [laptop, desktop], []);
    await laptop.write(({ store }) => writeState(store, 'reconcile', 'cursorExpired'));
    await laptop.sync();
    assert.equal(await laptop.read(store => readItemEvenEmptied(store, id)), undefined);
  });

  it('comes back when another device restores it, or a snapshot is gone back to', async () => {
    const { laptop, desktop, id } = await withEmptied();
    await desktop.sync();
    const { content } = await desktop.item(id);
    assert(content);
    await desktop.edit(id, content);
    await desktop.sync();
    const reader = createSnapshotReader(laptop.store, desktop.store);
    assert.deepEqual(unwrap(await reader.differences()), [id]);
    assert.equal(unwrap(await reader.edits([id]))[0]?.content?.title, secretWord);
    const back = createSnapshotReader(desktop.store, laptop.store);
    assert.deepEqual(unwrap(await back.edits([id])), [{ itemId: id, content: undefined, deleted: true }]);
    await laptop.sync();
    assert.equal(await laptop.body(id), `${secretWord} again\n`);
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('stays whole while its deletion is not pushed, and loses its closed records with its text', async () => {
    const { laptop, desktop } = await withEmptied();
    const id = await laptop.add('quokka', 'one\n');
    for (const device of [laptop, desktop]) await device.sync();
    await laptop.setBody(id, 'quokka of the laptop\n');
    await laptop.sync();
    await desktop.setBody(id, 'quokka of the desktop\n');
    for (const device of [desktop, laptop]) await device.sync();
    const [record] = await laptop.openConflicts();
    await laptop.write(context => {
      assert(record?.conflict);
      resolveConflict(context, record.conflict, { keep: 'later', as: 'keepLocal' });
    });
    await laptop.sync();
    await laptop.remove(id);
    assert.equal(await empty(laptop), 0);
    await laptop.sync();
    assert.equal(await empty(laptop), 1);
    assert.ok(!(await textsOf(laptop)).includes('quokka'));
  });

  it('is sent again, as a deletion, when a damage has lost the change that was to tell of it', async () => {
    const { account, laptop, id, before } = await withEmptied();
    await account.restore(before);
    laptop.http.intercept = async (request, send) =>
      request.method === 'POST'
        ? { ok: false, error: { type: 'unreachable', code: '', detail: '' } }
        : send();
    await laptop.cycle();
    laptop.http.intercept = undefined;
    unwrap(
      await laptop.store.write(({ sql }) => {
        sql.run('DELETE FROM changes');
        assert.equal(countLostEdits(sql), 1);
        return ok(requeueLostEdits(sql));
      }),
    );
    await laptop.sync();
    const phone = await account.device('phone');
    await phone.sync();
    assert.equal(await phone.read(store => readItemEvenEmptied(store, id)?.deleted), true);
  });

  it('keeps the form of what was encrypted at rest, without needing a key', async () => {
    const store = await openMemoryStore(new Payloads(testCipher(), 'all'));
    const held = async () => {
      const rows = await inStore(store, ({ sql }) => sql.all('SELECT payload FROM items'));
      return rows.map(({ payload }) => payload);
    };
    await inStore(store, tx => {
      putItem(tx, itemId(1), note(secretWord), 1000, true);
      const stamp = stampAt(1000);
      setSyncedItem(tx, itemId(1), { version: 1, stamp, deleted: true, ancestors: [], keyId: undefined });
      assert.equal(emptyDeletedItems(tx), 1);
    });
    assert.deepEqual(await held(), [new Uint8Array()]);
    assert.equal(await inStore(store, holdsSealedPayloads), false);
    store.usePayloads(new Payloads(testCipher(), 'sensitive'));
    await inStore(store, tx => {
      writeState(tx, 'atRest', { policy: 'all' });
      continueAtRest(tx);
      assert.equal(readItemEvenEmptied(tx, itemId(1))?.content, undefined);
    });
    assert.deepEqual(await held(), [new Uint8Array()]);
  });
});
