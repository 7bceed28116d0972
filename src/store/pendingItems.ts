import type { ItemId } from '../model/ids/ids';
import { text } from '../sqlite/rows';
import type { StoreTransaction } from './transaction';

/** Items with an edit of a person that was not acknowledged yet; sealing anew is no such edit. */
export function pendingItemIds(store: StoreTransaction): ReadonlySet<string> {
  const rows = store.sql.all(`SELECT DISTINCT item_id FROM changes WHERE ${isPending}`);
  return new Set(rows.map(row => text(row, 'item_id')));
}

export function isItemPending(store: StoreTransaction, id: ItemId): boolean {
  const row = store.sql.get(`SELECT 1 AS one FROM changes WHERE item_id = ? AND ${isPending} LIMIT 1`, [id]);
  return row !== undefined;
}

const isPending = `acknowledged_ms IS NULL AND collection = 'item' AND reseal = 0`;
