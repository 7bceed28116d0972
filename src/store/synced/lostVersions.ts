import { parseJson } from '../../base/json';
import type { KeyId } from '../../model/ids/ids';
import { integer, text } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';

/**
 * Versions that could not be opened before a restored server lost them. Nobody else may have them any more: they stay,
 * sealed, whatever comes of their items meanwhile, and meet it once they open.
 */
export interface LostVersion {
  readonly id: number;
  /** As it came, to be decoded again. */
  readonly wire: unknown;
}

/**
 * In a new epoch, what waits to be opened of a subject is lost, unless it is the version that the server has.
 * @param stamp of that version; undefined when the server has none
 */
export function setAsideLost(store: StoreTransaction, subject: string, stamp: string | undefined): void {
  const isLost = 'item_id = ? AND stamp IS NOT ?';
  const which = [subject, stamp ?? null];
  // What is unsound never opens: there was only hope that the server would send it whole.
  store.sql.run(
    `INSERT INTO lost_versions(item_id, stamp, key_id, wire)
     SELECT item_id, stamp, key_id, wire FROM unopened WHERE ${isLost} AND reason <> 'unsound'
     ON CONFLICT(item_id, stamp) DO NOTHING`,
    which,
  );
  store.sql.run(`DELETE FROM unopened WHERE ${isLost}`, which);
}

/** Those that one of these keys may open, in order after `after`, at most `limit`. */
export function lostUnder(
  store: StoreTransaction,
  keyIds: readonly KeyId[],
  after: number,
  limit: number,
): readonly LostVersion[] {
  return store.sql
    .all(
      `SELECT id, wire FROM lost_versions WHERE id > ? AND key_id IN (SELECT value FROM json_each(?))
       ORDER BY id LIMIT ?`,
      [after, JSON.stringify(keyIds), limit],
    )
    .map(row => ({ id: integer(row, 'id'), wire: parseJson(text(row, 'wire')) }));
}

export function forgetLost(store: StoreTransaction, id: number): void {
  store.sql.run('DELETE FROM lost_versions WHERE id = ?', [id]);
}

export function forgetEveryLost(store: StoreTransaction): void {
  store.sql.run('DELETE FROM lost_versions');
}

export function countLost(store: StoreTransaction): number {
  const row = store.sql.get('SELECT count(*) AS count FROM lost_versions');
  return row ? integer(row, 'count') : 0;
}
