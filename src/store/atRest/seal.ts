import { parseJson } from '../../base/json';
import { decodeConflict, isSensitiveConflict } from '../../model/conflictCodec';
import { type ItemId, isConflictId, isItemId } from '../../model/ids/ids';
import type { Row, SqlValue } from '../../sqlite/database';
import { branded, integer } from '../../sqlite/rows';
import { emptiedMark } from '../emptied';
import { indexedRow, moveInSearchIndex } from '../search/searchIndex';
import type { StoreTransaction } from '../transaction';
import { unpackVersions } from '../versions';

/**
 * Moves what lies in the file between clear and encrypted, when an item becomes sensitive or the policy changes. What
 * was clear may still be read in parts of the file that no row uses: that is noted, and wiped by the scrub.
 */

/** Encrypts an item where it lies, and everything else that holds its text. */
export function sealItem(store: StoreTransaction, itemId: ItemId): void {
  const row = store.sql.get(`SELECT * FROM items WHERE id = ? AND typeof(payload) = 'text'`, [itemId]);
  if (row) {
    moveInSearchIndex(store, indexedRow(row), undefined);
    store.sql.run('UPDATE items SET payload = ? WHERE id = ?', [seal(store, row['payload'], itemId), itemId]);
  }
  sealTraces(store, itemId);
}

/** Encrypts the history of an item, its changes, its conflict records and its unsettled save. */
export function sealTraces(store: StoreTransaction, itemId: ItemId): void {
  unpackVersions(store, itemId, 'item_id = ?', itemId);
  rewrite(store, itemId, payload => (typeof payload === 'string' ? seal(store, payload, itemId) : payload));
  for (const row of store.sql.all(
    `SELECT id, payload FROM conflicts WHERE item_id = ? AND deleted = 0 AND typeof(payload) = 'text'`,
    [itemId],
  )) {
    const id = branded(row, 'id', isConflictId);
    store.sql.run('UPDATE conflicts SET payload = ? WHERE id = ?', [seal(store, row['payload'], id), id]);
  }
  store.sql.run('INSERT OR IGNORE INTO scrubs(item_id) VALUES (?)', [itemId]);
  if (store.memo) store.memo.leavesTraces = true;
}

/** Puts an item that is not sensitive back into clear, with everything else of it. The device must be unlocked. */
export function unsealItem(store: StoreTransaction, itemId: ItemId): void {
  const row = store.sql.get(`SELECT * FROM items WHERE id = ? AND typeof(payload) = 'blob'`, [itemId]);
  if (row) {
    const payload = unseal(store, row['payload'] ?? null, itemId);
    store.sql.run('UPDATE items SET payload = ? WHERE id = ?', [payload, itemId]);
    if (typeof payload === 'string') {
      moveInSearchIndex(store, undefined, { ...indexedRow(row), payload });
    }
  }
  rewrite(store, itemId, payload => unseal(store, payload, itemId));
  for (const conflict of store.sql.all(
    `SELECT id, payload FROM conflicts WHERE item_id = ? AND deleted = 0 AND typeof(payload) = 'blob'`,
    [itemId],
  )) {
    const id = branded(conflict, 'id', isConflictId);
    const record = decodeConflict(store.payloads.read(conflict['payload'], id));
    if (!record.ok || isSensitiveConflict(record.value)) continue;
    const payload = unseal(store, conflict['payload'] ?? null, id);
    store.sql.run('UPDATE conflicts SET payload = ? WHERE id = ?', [payload, id]);
  }
}

/** True when anything in the file can be read only with the local key. */
export function holdsSealedPayloads(store: StoreTransaction): boolean {
  const row = store.sql.get(
    `SELECT 1 FROM items WHERE typeof(payload) = 'blob' AND deleted <> ${emptiedMark}
     UNION ALL SELECT 1 FROM conflicts WHERE typeof(payload) = 'blob'
     UNION ALL SELECT 1 FROM versions WHERE typeof(payload) = 'blob' AND packed = 0
     UNION ALL SELECT 1 FROM changes WHERE typeof(payload) = 'blob' OR typeof(base_payload) = 'blob'
     UNION ALL SELECT 1 FROM unsettled_saves WHERE typeof(payload) = 'blob' OR typeof(base_payload) = 'blob' LIMIT 1`,
  );
  return row !== undefined;
}

/** Items that were encrypted and whose clear text the file, or a snapshot, may still hold; at most `limit`. */
export function scrubDue(store: StoreTransaction, limit: number): readonly ItemId[] {
  return store.sql
    .all('SELECT item_id FROM scrubs ORDER BY item_id LIMIT ?', [limit])
    .map(row => branded(row, 'item_id', isItemId));
}

export function isScrubDue(store: StoreTransaction, itemId: ItemId): boolean {
  return store.sql.get('SELECT 1 FROM scrubs WHERE item_id = ?', [itemId]) !== undefined;
}

/** The scrub of these items is done. */
export function scrubDone(store: StoreTransaction, itemIds: readonly ItemId[]): void {
  for (const itemId of itemIds) store.sql.run('DELETE FROM scrubs WHERE item_id = ?', [itemId]);
}

export function allScrubsDone(store: StoreTransaction): void {
  store.sql.run('DELETE FROM scrubs');
}

/** Every payload of an item outside its own row, in tables that hold whole contents. */
function rewrite(
  store: StoreTransaction,
  itemId: ItemId,
  change: (payload: string | Uint8Array) => SqlValue,
): void {
  for (const { table, key, columns, where } of contentTables) {
    const names = [key, ...columns].join(', ');
    const rows = store.sql.all(`SELECT ${names} FROM ${table} WHERE item_id = ? AND ${where}`, [itemId]);
    for (const row of rows) {
      for (const column of columns) {
        const before = row[column];
        if (typeof before !== 'string' && !(before instanceof Uint8Array)) continue;
        const after = change(before);
        if (after === before) continue;
        store.sql.run(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`, [after, keyOf(row, key)]);
      }
    }
  }
}

const contentTables = [
  { table: 'versions', key: 'id', columns: ['payload'], where: 'packed = 0' },
  { table: 'changes', key: 'id', columns: ['payload', 'base_payload'], where: 'true' },
  { table: 'unsettled_saves', key: 'item_id', columns: ['payload', 'base_payload'], where: 'true' },
] as const;

function keyOf(row: Row, key: 'id' | 'item_id'): SqlValue {
  return key === 'id' ? integer(row, key) : branded(row, key, isItemId);
}

function seal(store: StoreTransaction, payload: SqlValue | undefined, context: string): SqlValue {
  return typeof payload === 'string'
    ? store.payloads.write(parseJson(payload), true, context)
    : (payload ?? null);
}

/** The clear text of a content that is not sensitive; anything else as it is. */
function unseal(store: StoreTransaction, payload: SqlValue, context: string): SqlValue {
  if (!(payload instanceof Uint8Array)) return payload;
  const value = store.payloads.read(payload, context);
  const isSensitive =
    typeof value === 'object' && value !== null && 'sensitive' in value && value.sensitive === true;
  return value === undefined || isSensitive ? payload : store.payloads.write(value, false, context);
}
