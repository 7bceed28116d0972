import { fromUtf8, toUtf8 } from '../../src/base/encoding';
import { err, ok, type Result, unwrap } from '../../src/base/result';
import { type Content, emptyContent, type NoteContent } from '../../src/model/content';
import { type DeviceId, type ItemId, isDeviceId, isItemId } from '../../src/model/ids/ids';
import { formatStamp, type Stamp } from '../../src/model/ids/stamp';
import type { StorageError } from '../../src/sqlite/database';
import { writeItem } from '../../src/store/items';
import { type AtRestCipher, Payloads } from '../../src/store/payloads';
import { storeMigrations } from '../../src/store/schema';
import { createStore, type Store } from '../../src/store/store';
import type { StoreTransaction } from '../../src/store/transaction';
import { openMemoryDatabase } from './memoryDatabase';

/** A store in memory, unlocked, that seals sensitive items with {@link testCipher}. */
export async function openMemoryStore(
  payloads: Payloads = new Payloads(testCipher(), 'sensitive'),
): Promise<Store> {
  return createStore(await openMemoryDatabase(storeMigrations), payloads);
}

/** Seals by a mask that hides the text from a search of the bytes. It hides nothing from anybody who looks. */
export function testCipher(mask = 0x5a): AtRestCipher {
  const masked = (bytes: Uint8Array) => bytes.map(byte => byte ^ mask);
  return {
    seal: (text, context) => masked(toUtf8(`${context}\n${text}`)),
    open: (bytes, context) => {
      const text = fromUtf8(masked(bytes));
      return text?.startsWith(`${context}\n`) ? text.slice(context.length + 1) : undefined;
    },
  };
}

/** What a write answers. Storage does not fail in a test that uses this. */
export async function inStore<T>(store: Store, work: (store: StoreTransaction) => T): Promise<T> {
  const done: Result<T, StorageError | { readonly type: 'never' }> = await store.write(tx => ok(work(tx)));
  return unwrap(done);
}

/** What happens is undone: the answer of `work` comes from a transaction that is rolled back. */
export async function tryInStore<T>(store: Store, work: (store: StoreTransaction) => T): Promise<T> {
  const done = await store.write(tx => err({ type: 'undone' as const, value: work(tx) }));
  if (done.ok || done.error.type !== 'undone') throw new Error('the transaction was not undone');
  return done.error.value;
}

export const laptop = deviceId('00000000000000aa');
export const desktop = deviceId('00000000000000bb');

export function deviceId(text: string): DeviceId {
  if (!isDeviceId(text)) throw new Error(`not a device id: ${text}`);
  return text;
}

/** The item ids of a test are counted. */
export function itemId(number: number): ItemId {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  if (!isItemId(id)) throw new Error(`not an item id: ${id}`);
  return id;
}

export function stampAt(millis: number, device: DeviceId = laptop): Stamp {
  return formatStamp({ millis, counter: 0, deviceId: device });
}

export function note(title: string, body = '', fields: Partial<NoteContent> = {}): Content {
  const empty = emptyContent('note', title);
  if (empty.kind !== 'note') throw new Error('a note is a note');
  return { ...empty, body, ...fields };
}

/** Writes an item as an edit made at that time would. */
export function putItem(
  store: StoreTransaction,
  id: ItemId,
  content: Content,
  atMs: number,
  deleted = false,
): void {
  writeItem(store, { id, content, lastModified: stampAt(atMs), deviceId: laptop, deleted }, atMs);
}
