import type { Content } from '../model/content';
import { type ItemId, isItemId } from '../model/ids/ids';
import { branded } from '../sqlite/rows';
import { sealsItem } from './atRest/itemSeal';
import type { StoreTransaction } from './transaction';

/** Saves of documents whose item had changed since the document read it: kept whole until they are merged. */

export interface UnsettledSave {
  readonly itemId: ItemId;
  /** The item as the document read it. */
  readonly base: Content;
  /** The item as the document saved it. */
  readonly saved: Content;
}

/** Keeps a save; a later one of the same item takes its place, on the base of the first. */
export function putUnsettledSave(store: StoreTransaction, save: UnsettledSave, wallMs: number): void {
  const seals = save.base.sensitive || save.saved.sensitive || sealsItem(store, save.itemId);
  store.sql.run(
    `INSERT INTO unsettled_saves(item_id, base_payload, payload, saved_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT(item_id) DO UPDATE SET payload = excluded.payload, saved_ms = excluded.saved_ms`,
    [
      save.itemId,
      store.payloads.writeContent(save.base, save.itemId, seals),
      store.payloads.writeContent(save.saved, save.itemId, seals),
      wallMs,
    ],
  );
}

export function readUnsettledSave(store: StoreTransaction, itemId: ItemId): UnsettledSave | undefined {
  const row = store.sql.get('SELECT * FROM unsettled_saves WHERE item_id = ?', [itemId]);
  if (!row) return undefined;
  const base = store.payloads.readContent(row, 'base_payload', itemId);
  const saved = store.payloads.readContent(row, 'payload', itemId);
  return base && saved && { itemId, base, saved };
}

export function unsettledItemIds(store: StoreTransaction): readonly ItemId[] {
  return store.sql
    .all('SELECT item_id FROM unsettled_saves ORDER BY saved_ms')
    .map(row => branded(row, 'item_id', isItemId));
}

export function removeUnsettledSave(store: StoreTransaction, itemId: ItemId): void {
  store.sql.run('DELETE FROM unsettled_saves WHERE item_id = ?', [itemId]);
}
