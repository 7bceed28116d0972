import type { StoreTransaction } from './transaction';

/** Takes deleted items, and their history, away for good; those whose deletion is not pushed yet stay. */
export function forgetDeletedItems(store: StoreTransaction): number {
  const forgettable = `SELECT id FROM items WHERE deleted = 1
    AND id NOT IN (SELECT item_id FROM changes WHERE acknowledged_ms IS NULL)`;
  store.sql.run(`DELETE FROM versions WHERE item_id IN (${forgettable})`);
  return store.sql.run(`DELETE FROM items WHERE id IN (${forgettable})`);
}
