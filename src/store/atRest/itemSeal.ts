import type { ItemId } from '../../model/ids/ids';
import type { StoreTransaction } from '../transaction';

/**
 * Whether everything of an item is encrypted at rest, its history and records included: it is when the item itself is,
 * also where an older state or another side was not sensitive.
 */
export function sealsItem(store: StoreTransaction, itemId: ItemId): boolean {
  const row = store.sql.get(`SELECT 1 FROM items WHERE id = ? AND typeof(payload) = 'blob'`, [itemId]);
  return row !== undefined;
}
