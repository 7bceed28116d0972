import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ItemId } from '../../../../src/model/ids/ids';
import { editItem } from '../../../../src/sync/edits/localEdits';
import { saveDocument, settleSave } from '../../../../src/sync/edits/settleSave';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';

/** What a document of the editor last read. */
async function open(device: SyncDevice, id: ItemId) {
  const { lastModified, content } = await device.item(id);
  assert.ok(content);
  return { revision: lastModified, body: content.body };
}

async function save(device: SyncDevice, id: ItemId, body: string, base: { revision: string; body: string }) {
  const held = await device.item(id);
  const { content } = held;
  assert.ok(content);
  return device.write(context => saveDocument(context, { ...held, content }, body, base));
}

const settle = (device: SyncDevice, id: ItemId) => device.write(context => settleSave(context, id));

async function twoDevices(body = 'one\ntwo\nthree\n') {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  const id = await laptop.add('Shopping', body);
  await laptop.sync();
  await desktop.sync();
  return { laptop, desktop, id };
}

describe('saving a document', () => {
  it('is an edit of what it last read', async () => {
    const { laptop, id } = await twoDevices();
    assert.equal(await save(laptop, id, 'mine\n', await open(laptop, id)), 'saved');
    assert.equal(await laptop.body(id), 'mine\n');
    assert.equal(await settle(laptop, id), 'nothing');
  });

  it('waits when the item has changed since, also by as many characters, and merges when it settles', async () => {
    const { laptop, desktop, id } = await twoDevices();
    const base = await open(laptop, id);
    await desktop.setBody(id, 'ONE\ntwo\nthree\n');
    await desktop.sync();
    await laptop.sync();
    assert.equal((await laptop.body(id))?.length, base.body.length);
    const before = await laptop.item(id);
    assert.equal(await save(laptop, id, 'one\ntwo\nTHREE\n', base), 'unsettled');
    assert.equal(await laptop.body(id), 'ONE\ntwo\nthree\n', 'nothing is overwritten');
    assert.ok((await laptop.item(id)).modifiedMs > before.modifiedMs);
    assert.equal(await settle(laptop, id), 'merged');
    assert.equal(await laptop.body(id), 'ONE\ntwo\nTHREE\n');
    await laptop.sync();
    await desktop.sync();
    assert.equal(await desktop.body(id), 'ONE\ntwo\nTHREE\n');
  });

  it('knows two changes in one millisecond apart', async () => {
    const { laptop, id } = await twoDevices();
    const base = await open(laptop, id);
    const { content } = await laptop.item(id);
    assert.ok(content);
    await laptop.write(context => {
      editItem(context, id, { content: { ...content, body: 'ONE\ntwo\nthree\n' }, deleted: false });
      editItem(context, id, { content: { ...content, body: 'ONE\ntwo\nThree\n' }, deleted: false });
    });
    assert.equal(await save(laptop, id, 'one\nTWO\nthree\n', base), 'unsettled');
    await settle(laptop, id);
    const kept = [
      await laptop.body(id),
      ...(await laptop.conflicts()).map(({ conflict }) => conflict?.earlier.content.body),
    ];
    assert.ok(kept.some(body => body?.includes('Three')));
    assert.ok((await laptop.body(id))?.includes('TWO'));
  });

  it('keeps the later text and an open conflict, with its base, where both changed the same', async () => {
    const { laptop, desktop, id } = await twoDevices();
    const base = await open(laptop, id);
    await desktop.setBody(id, 'theirs\n');
    await desktop.sync();
    await laptop.sync();
    await save(laptop, id, 'mine\n', base);
    assert.equal(await settle(laptop, id), 'conflict');
    assert.equal(await laptop.body(id), 'mine\n');
    const [open_] = await laptop.openConflicts();
    assert.equal(open_?.conflict?.earlier.content.body, 'theirs\n');
    assert.equal(open_?.conflict?.later.content.body, 'mine\n');
    assert.equal(open_?.conflict?.base?.content.body, 'one\ntwo\nthree\n');
  });

  it('gathers saves that wait on the base of the first', async () => {
    const { laptop, desktop, id } = await twoDevices();
    const base = await open(laptop, id);
    await desktop.setBody(id, 'ONE\ntwo\nthree\n');
    await desktop.sync();
    await laptop.sync();
    await save(laptop, id, 'one\ntwo\nTHREE\n', base);
    const shown = { ...(await open(laptop, id)), body: 'one\ntwo\nTHREE\n' };
    await save(laptop, id, 'one\ntwo\nTHREE\nfour\n', shown);
    await settle(laptop, id);
    assert.equal(await laptop.body(id), 'ONE\ntwo\nTHREE\nfour\n');
  });

  it('of an item that was deleted meanwhile brings it back, with a conflict that says so', async () => {
    const { laptop, desktop, id } = await twoDevices();
    const base = await open(laptop, id);
    await desktop.remove(id);
    await desktop.sync();
    await laptop.sync();
    assert.equal((await laptop.item(id)).deleted, true);
    await save(laptop, id, 'mine\n', base);
    await settle(laptop, id);
    assert.equal((await laptop.item(id)).deleted, false);
    assert.equal(await laptop.body(id), 'mine\n');
    const [record, ...others] = await laptop.openConflicts();
    assert.deepEqual(record?.conflict?.keys, ['deleted']);
    assert.deepEqual(others, []);
  });

  it('that says what the item says already settles to nothing', async () => {
    const { laptop, desktop, id } = await twoDevices();
    const base = await open(laptop, id);
    await desktop.setBody(id, 'same\n');
    await desktop.sync();
    await laptop.sync();
    await save(laptop, id, 'same\n', base);
    assert.equal(await settle(laptop, id), 'nothing');
    assert.deepEqual(await laptop.conflicts(), []);
  });
});
