import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { unwrap } from '../../../../src/base/result';
import type { NewItemJson, OutlineJson } from '../../../../src/device/json';
import { MemorySecrets, openWindow, type TestWindow } from '../../../support/memoryCore';

async function deviceWith(
  items: readonly Partial<NewItemJson>[],
  options: Partial<Parameters<typeof openWindow>[0]> = {},
): Promise<TestWindow> {
  const device = await openWindow({ fetch: () => new Response(null, { status: 503 }), ...options });
  for (const item of items) unwrap(await device.items.create({ kind: 'note', title: 'One', ...item }));
  return device;
}

const sorted = ({ places }: OutlineJson) =>
  places.map(({ kind, folder, count }) => `${kind}/${folder} ${count}`).sort();

describe('the outline of the items', () => {
  it('counts the items of each folder, and the deleted ones', async () => {
    const device = await deviceWith([
      { folder: 'a' },
      { folder: 'a' },
      { folder: 'a/b' },
      {},
      { kind: 'snippet', folder: 'a' },
    ]);
    const [first] = unwrap(await device.items.page({ kind: 'note', folder: 'a' }, 10));
    assert.ok(first);
    unwrap(await device.items.delete(first.id));
    const outline = unwrap(await device.items.outline());
    assert.deepEqual(sorted(outline), ['note/ 1', 'note/a 1', 'note/a/b 1', 'snippet/a 1']);
    assert.equal(outline.deleted, 1);
  });

  it('counts sensitive items where they lie, together with the others', async () => {
    const device = await deviceWith([{ folder: 'a' }, { folder: 'a', sensitive: true }, { sensitive: true }]);
    assert.deepEqual(sorted(unwrap(await device.items.outline())), ['note/ 1', 'note/a 2']);
    const [hidden] = unwrap(await device.items.page({ kind: 'note', folder: '' }, 10));
    assert.ok(hidden);
    unwrap(await device.items.update(hidden.id, { folder: 'b' }));
    assert.deepEqual(sorted(unwrap(await device.items.outline())), ['note/a 2', 'note/b 1']);
    unwrap(await device.items.delete(hidden.id));
    assert.deepEqual(sorted(unwrap(await device.items.outline())), ['note/a 2']);
  });

  it('tells nothing but the kind of sensitive items while the device is locked', async () => {
    const device = await deviceWith([{ folder: 'a' }, { title: 'Hidden', folder: 'a', sensitive: true }]);
    const locked = await deviceWith([], { database: device.database, secrets: new MemorySecrets() });
    assert.deepEqual(sorted(unwrap(await locked.items.outline())), ['note/ 1', 'note/a 1']);
    const [item] = unwrap(await locked.items.page({ kind: 'note', folder: '' }, 10));
    assert.equal(item?.title, 'Locked note');
  });
});

describe('a page of a folder', () => {
  it('has the pinned items first, then by title whatever its case, cut at the limit', async () => {
    const titles = ['cherry', 'Banana', 'apple', 'Date'];
    const device = await deviceWith([...titles.map(title => ({ title })), { title: 'zebra', pinned: true }]);
    const page = async (limit: number) =>
      unwrap(await device.items.page({ kind: 'note', folder: '' }, limit)).map(({ title }) => title);
    assert.deepEqual(await page(10), ['zebra', 'apple', 'Banana', 'cherry', 'Date']);
    assert.deepEqual(await page(3), ['zebra', 'apple', 'Banana']);
  });

  it('has sensitive items in their place among the others', async () => {
    const device = await deviceWith([
      { title: 'a' },
      { title: 'B', sensitive: true },
      { title: 'c' },
      { title: 'D', sensitive: true, pinned: true },
    ]);
    const page = async (limit: number) =>
      unwrap(await device.items.page({ kind: 'note', folder: '' }, limit)).map(({ title }) => title);
    assert.deepEqual(await page(10), ['D', 'a', 'B', 'c']);
    assert.deepEqual(await page(3), ['D', 'a', 'B']);
  });

  it('tells of each item whether it waits to be pushed', async () => {
    const device = await deviceWith([{ title: 'a' }]);
    const [item] = unwrap(await device.items.page({ kind: 'note', folder: '' }, 1));
    assert.equal(item?.pending, true);
    assert.deepEqual(unwrap(await device.items.summary(item?.id ?? '')), item);
  });
});
