import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ok, unwrap } from '../../../src/base/result';
import { maxItemsAtOnce } from '../../../src/device/device';
import { wholeItems } from '../../../src/device/items/wholeItems';
import { maxTitleLength } from '../../../src/model/contentCodec';
import { isSearchIndexWhole } from '../../../src/store/search/searchIndex';
import { MemorySecrets, openWindow, type TestWindow } from '../../support/memoryCore';
import { createTestServer } from '../../support/testServer';

const codeOf = (result: { ok: boolean; error?: { code: string } }) => result.error?.code;

async function openDevice(options: Partial<Parameters<typeof openWindow>[0]> = {}): Promise<TestWindow> {
  return openWindow({ fetch: () => new Response(null, { status: 503 }), ...options });
}

/** A device whose secret storage was lost after these were written. */
async function lockedDevice(items: readonly { readonly title: string; readonly sensitive: boolean }[]) {
  const device = await openDevice();
  const ids: string[] = [];
  for (const item of items) ids.push(unwrap(await device.items.create({ kind: 'note', ...item })).id);
  const locked = await openDevice({ database: device.database, secrets: new MemorySecrets() });
  return { locked, ids };
}

describe('items', () => {
  it('are found by a prefix of the id that is theirs alone', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One' }));
    assert.equal(unwrap(await device.items.get(id.slice(0, 8))).id, id);
    assert.equal(unwrap(await device.items.get(id.toUpperCase())).id, id);
    assert.equal(codeOf(await device.items.get('zz')), 'unknownItem');
    assert.equal(codeOf(await device.items.get('')), 'unknownItem');
    assert.equal(codeOf(await device.items.get("%' OR 1=1")), 'unknownItem');
    const firsts = new Map<string, string>();
    for (let count = 0; count < 17; count++) {
      const item = unwrap(await device.items.create({ kind: 'note', title: `Item ${count}` }));
      const first = item.id.slice(0, 1);
      if (firsts.has(first)) {
        assert.equal(codeOf(await device.items.get(first)), 'badInput');
        return;
      }
      firsts.set(first, item.id);
    }
    assert.fail('two of 17 ids share their first digit');
  });

  it('leave no trace of their text by whatever way they become sensitive', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One', sensitive: true }));
    unwrap(await device.items.update(id, { body: 'first' }));
    unwrap(await device.items.update(id, { body: 'in clear', sensitive: false }));
    await device.time.advance(10 * 60_000);
    unwrap(await device.items.update(id, { body: 'in clear, too' }));
    assert.equal(device.sealings.count, 0);
    unwrap(await device.items.update(id, { sensitive: true }));
    assert.equal(device.sealings.count, 1);
    unwrap(await device.items.update(id, { sensitive: false }));
    assert.equal(unwrap(await device.items.restore(id, 1)).sensitive, true);
    assert.equal(device.sealings.count, 2);
  });

  it('are deleted, restored, and brought back to an older version', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One', body: 'first\n' }));
    await device.time.advance(10 * 60_000);
    unwrap(await device.items.update(id, { body: 'second\n' }));
    unwrap(await device.items.delete(id));
    assert.equal(unwrap(await device.items.list({ deleted: true })).length, 1);
    assert.equal(unwrap(await device.items.restore(id)).deleted, false);
    const history = unwrap(await device.items.history(id));
    assert.deepEqual(
      history.map(({ number }) => number),
      history.map((_, index) => history.length - index),
    );
    assert.equal(unwrap(await device.items.restore(id, 1)).body, 'first\n');
    assert.equal(codeOf(await device.items.restore(id, 99)), 'unknownVersion');
  });

  it('bring back the version that was meant when older ones were let go of in between', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One', body: 'first\n' }));
    for (const body of ['second\n', 'third\n']) {
      await device.time.advance(10 * 60_000);
      unwrap(await device.items.update(id, { body }));
    }
    const [, second, first] = unwrap(await device.items.history(id));
    await device.core.store.write(tx =>
      ok(tx.sql.run('DELETE FROM versions WHERE id = (SELECT min(id) FROM versions)')),
    );
    assert.equal(codeOf(await device.items.restore(id, first?.stamp)), 'unknownVersion');
    assert.equal(unwrap(await device.items.restore(id, second?.stamp)).body, 'second\n');
  });

  it('are read whole after a list, in its order, also more than one read takes', async () => {
    const device = await openDevice();
    const items = Array.from({ length: maxItemsAtOnce + 1 }, (_, index) => ({
      kind: 'note' as const,
      title: `Item ${index}`,
      body: `body ${index}\n`,
    }));
    const bulk = device.items.createAll(items);
    await device.time.advance(10);
    unwrap(await bulk);
    const listed = unwrap(await device.items.list({}));
    const whole = unwrap(await wholeItems(device.items, listed));
    assert.deepEqual(
      whole.map(({ body: _body, ...summary }) => summary),
      listed,
    );
    for (const { title, body } of whole) assert.equal(body, `${title.replace('Item', 'body')}\n`);
    const { locked, ids } = await lockedDevice([{ title: 'Secret', sensitive: true }]);
    assert.deepEqual(
      unwrap(await wholeItems(locked.items, unwrap(await locked.items.list({})))).map(({ id, body }) => [
        id,
        body,
      ]),
      [[ids[0], undefined]],
    );
  });

  it('are listed by their folder however it is written', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One', folder: '/a//b/' }));
    for (const folder of ['a/b', '/a/b/']) {
      assert.deepEqual(
        unwrap(await device.items.list({ folder })).map(item => item.id),
        [id],
        folder,
      );
    }
  });

  it('come back when they are edited after they were deleted', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One', body: 'first\n' }));
    unwrap(await device.items.delete(id));
    const edited = unwrap(await device.items.update(id, { body: 'second\n' }));
    assert.deepEqual([edited.deleted, edited.body], [false, 'second\n']);
    assert.deepEqual(unwrap(await device.items.list({ deleted: true })), []);
  });

  it('of a bulk are created all, or none when one is refused', async () => {
    const device = await openDevice();
    const refused = await device.items.createAll([
      { kind: 'note', title: 'One' },
      { kind: 'note', title: '' },
    ]);
    assert.equal(codeOf(refused), 'badInput');
    assert.deepEqual(unwrap(await device.items.list({})), []);
    const { locked } = await lockedDevice([{ title: 'Secret', sensitive: true }]);
    const bulk = await locked.items.createAll([
      ...Array.from({ length: 500 }, (_, index) => ({ kind: 'note' as const, title: `Item ${index}` })),
      { kind: 'note', title: 'Secret', sensitive: true },
    ]);
    assert.equal(codeOf(bulk), 'locked');
    assert.equal(unwrap(await locked.items.list({})).length, 1, 'none of them was created');
  });

  it('of a bulk are found by a search at once, and go into its index when nothing else goes on', async () => {
    for (const isSearchedAtOnce of [true, false]) {
      const device = await openDevice();
      const items = Array.from({ length: 200 }, (_, index) => ({
        kind: 'note' as const,
        title: `Item ${index}`,
      }));
      const bulk = device.items.createAll(items);
      await device.time.advance(10);
      assert.equal(unwrap(await bulk).created, items.length);
      assert.equal(unwrap(await device.store.read(isSearchIndexWhole)), false);
      if (isSearchedAtOnce) {
        assert.equal(unwrap(await device.items.search('item', 500)).length, items.length);
      } else {
        await device.time.advance(10_000);
      }
      assert.equal(unwrap(await device.store.read(isSearchIndexWhole)), true);
    }
  });

  it('that are sensitive are shells while the device is locked; the others work', async () => {
    const { locked, ids } = await lockedDevice([
      { title: 'Secret', sensitive: true },
      { title: 'Plain', sensitive: false },
    ]);
    const [secret = '', plain = ''] = ids;
    const listed = unwrap(await locked.items.list({}));
    assert.equal(listed.find(({ id }) => id === secret)?.title, 'Locked note');
    assert.equal(codeOf(await locked.items.update(secret, { title: 'x' })), 'locked');
    assert.equal(codeOf(await locked.items.delete(secret)), 'locked');
    assert.equal(codeOf(await locked.items.update(plain, { sensitive: true })), 'locked');
    assert.equal(unwrap(await locked.items.update(plain, { title: 'Still here' })).title, 'Still here');
    assert.equal(codeOf(await locked.items.create({ kind: 'note', title: 'x', sensitive: true })), 'locked');
  });

  it('are not written in clear while everything is to be encrypted and the device is locked', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'Plain', body: 'one\n' }));
    await device.time.advance(10 * 60_000);
    unwrap(await device.items.update(id, { body: 'two\n' }));
    unwrap(await device.items.create({ kind: 'note', title: 'Secret', sensitive: true }));
    const locked = await openDevice({
      database: device.database,
      secrets: new MemorySecrets(),
      settings: { encryptionAtRest: 'all' },
    });
    assert.equal(codeOf(await locked.items.update(id, { title: 'x' })), 'locked');
    assert.equal(codeOf(await locked.items.restore(id, 1)), 'locked');
  });

  it('stay sensitive when an older version is brought back', async () => {
    const device = await openDevice();
    const { id } = unwrap(await device.items.create({ kind: 'note', title: 'One', body: 'one\n' }));
    await device.time.advance(10 * 60_000);
    unwrap(await device.items.update(id, { body: 'two\n', sensitive: true }));
    const restored = unwrap(await device.items.restore(id, 1));
    assert.equal(restored.body, 'one\n');
    assert.equal(restored.sensitive, true);
  });
});

describe('conflicts of a device', () => {
  /** Two windows of two devices in conflict about one item, of which `title` is the title. */
  async function inConflict(title: string) {
    const { app } = await createTestServer();
    const fetch = (request: Request) => app.fetch(request);
    const server = 'http://127.0.0.1:8787';
    const account = { server, login: 'ada', deviceName: 'x'.repeat(80) };
    const [left, right] = [await openWindow({ fetch }), await openWindow({ fetch })];
    unwrap(await left.account.signUp({ ...account, password: 'pass word' }));
    unwrap(await right.account.signIn({ ...account, secret: { password: 'pass word' } }));
    const sync = async (device: TestWindow) => unwrap(await device.sync.now({ trigger: 'command' }));
    const { id } = unwrap(await left.items.create({ kind: 'note', title, body: 'one\n' }));
    await sync(left);
    await sync(right);
    unwrap(await left.items.update(id, { body: 'left\n' }));
    await right.time.advance(1000);
    unwrap(await right.items.update(id, { body: 'right\n' }));
    await sync(left);
    await sync(right);
    await sync(left);
    const [conflict] = unwrap(await left.conflicts.list({ all: false }));
    assert.ok(conflict);
    return { left, right, sync, id, conflict };
  }

  it('name the sides as the reader sees them', async () => {
    const { left, right, conflict } = await inConflict('Shopping');
    assert.equal(conflict.local.body, 'left\n');
    assert.equal(conflict.remote.body, 'right\n');
    assert.equal(conflict.base?.body, 'one\n');
    assert.equal(conflict.winner, 'remote');
    const [other] = unwrap(await right.conflicts.list({ all: false }));
    assert.equal(other?.id, conflict.id);
    assert.equal(other.local.body, 'right\n');
    assert.equal(other.winner, 'local');
    assert.equal(codeOf(await left.conflicts.get('ff')), 'unknownConflict');
  });

  it('keep both, also when the title is as long as a title may be', async () => {
    const { left, right, sync, conflict } = await inConflict('x'.repeat(maxTitleLength));
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'both' }));
    const titles = unwrap(await left.items.list({})).map(({ title }) => title);
    assert.equal(titles.length, 2);
    for (const title of titles) assert.ok(title.length <= maxTitleLength);
    await sync(left);
    await sync(right);
    assert.equal(unwrap(await right.items.list({})).length, 2);
    assert.deepEqual(unwrap(await right.conflicts.list({ all: false })), []);
  });

  it('are resolved by an edited merge without markers only', async () => {
    const { left, right, sync, id, conflict } = await inConflict('Shopping');
    const { text, hasMarkers } = unwrap(await left.conflicts.mergeText(conflict.id));
    assert.ok(hasMarkers);
    assert.equal(codeOf(await left.conflicts.resolve(conflict.id, { body: text })), 'markersRemain');
    unwrap(await left.conflicts.resolve(conflict.id, { body: 'both\r\n' }));
    await sync(left);
    await sync(right);
    assert.equal(unwrap(await right.items.get(id)).body, 'both\n');
    assert.equal(unwrap(await right.conflicts.get(conflict.id)).state, 'resolved');
  });

  it('are taken back: the text as it was, and the conflict open again on every device', async () => {
    const { left, right, sync, id, conflict } = await inConflict('Shopping');
    assert.equal(codeOf(await left.conflicts.undo(conflict.id)), 'badInput');
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'local' }));
    assert.equal(unwrap(await left.items.get(id)).body, 'left\n');
    unwrap(await left.conflicts.undo(conflict.id));
    assert.equal(unwrap(await left.items.get(id)).body, 'right\n');
    await sync(left);
    await sync(right);
    assert.equal(unwrap(await right.conflicts.list({ all: false })).length, 1);
    assert.equal(unwrap(await right.items.get(id)).body, 'right\n');
  });

  it('are answered anew by the side that is named', async () => {
    const { left, id, conflict } = await inConflict('Shopping');
    const ids = async () => unwrap(await left.items.list({})).map(({ id: each }) => each);
    const body = async () => unwrap(await left.items.get(id)).body;
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'local' }));
    assert.equal(await body(), 'left\n');
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'remote' }));
    assert.equal(await body(), 'right\n');
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'local' }));
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'both' }));
    assert.equal(await body(), 'right\n');
    const [copy] = (await ids()).filter(each => each !== id);
    assert.ok(copy);
    assert.equal(unwrap(await left.items.get(copy)).body, 'left\n');
  });

  it('keep what was written after them with the side that it was written on', async () => {
    const { left, id, conflict } = await inConflict('Shopping');
    unwrap(await left.items.update(id, { body: 'right and more\n' }));
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'remote' }));
    assert.equal(unwrap(await left.items.get(id)).body, 'right and more\n');
  });

  it('leave an item sensitive that became so after they arose', async () => {
    const { left, id, conflict } = await inConflict('Shopping');
    unwrap(await left.items.update(id, { sensitive: true }));
    unwrap(await left.conflicts.resolve(conflict.id, { keep: 'both' }));
    for (const item of unwrap(await left.items.list({}))) assert.equal(item.sensitive, true);
  });
});
