import type { Row } from '../sqlite/database';
import type { StoreTransaction } from './transaction';

/** Items that were emptied from Deleted items: rows without a text, by which the deletion stays known to sync. */

/** The value of `items.deleted` for them; 1 is an item that is in Deleted items. */
export const emptiedMark = 2;

export const isEmptiedRow = (row: Row): boolean => row['deleted'] === emptiedMark;

/** What stands for the text. It keeps the form of one, by which the traces of an item are encrypted or not. */
export const emptiedPayload = (isSealed: boolean): string | Uint8Array =>
  isSealed ? new Uint8Array() : '{}';

/**
 * Empties Deleted items: takes the texts of what is deleted away for good, with its history and its closed conflict
 * records. The rows stay, so that the deletion can be told to a server that has lost it, and an old version is known for
 * what it is. What is not pushed yet, or waits to be opened or merged, stays as it is.
 * @returns how many
 */
export function emptyDeletedItems(store: StoreTransaction): number {
  const { sql } = store;
  sql.run(`DELETE FROM versions WHERE item_id IN (${emptiable})`);
  sql.run(
    `UPDATE conflicts SET payload = '{}', trimmed = 1 WHERE item_id IN (${emptiable}) AND state <> 'open'
       AND deleted = 0 AND trimmed = 0 AND id NOT IN (${inOutbox})`,
  );
  const unknown = sql.run(`DELETE FROM items WHERE version = 0 AND id IN (${emptiable})`);
  const known = sql.run(
    `UPDATE items SET deleted = ${emptiedMark}, type = 'note', wire_extra = NULL,
       payload = CASE typeof(payload) WHEN 'blob' THEN x'' ELSE '{}' END WHERE id IN (${emptiable})`,
  );
  return unknown + known;
}

/** The server, or the account, that they were to be told to is gone. */
export function forgetEmptiedItems(store: StoreTransaction): void {
  const emptied = `SELECT id FROM items WHERE deleted = ${emptiedMark}`;
  store.sql.run(`DELETE FROM changes WHERE acknowledged_ms IS NULL AND item_id IN (${emptied})`);
  store.sql.run(`DELETE FROM items WHERE deleted = ${emptiedMark}`);
}

const inOutbox = 'SELECT item_id FROM changes WHERE acknowledged_ms IS NULL';
const emptiable = `SELECT id FROM items WHERE deleted = 1 AND id NOT IN (${inOutbox}
  UNION ALL SELECT item_id FROM unopened UNION ALL SELECT item_id FROM lost_versions
  UNION ALL SELECT item_id FROM unsettled_saves)`;
