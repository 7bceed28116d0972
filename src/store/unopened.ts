import { parseJson } from '../base/json';
import { optionalText, text } from './rows';
import type { StoreTransaction } from './transaction';

/** Versions of the server that could not be opened: kept sealed, so that nothing is lost, and tried again later. */

export type UnopenedReason =
  | 'keyMissing'
  | 'newerFormat'
  | 'unsound'
  /** The server was restored and has it no more: it is pushed again when it opens. */
  | 'lost';

export interface UnopenedVersion {
  readonly subject: string;
  readonly reason: UnopenedReason;
  readonly keyId: string;
  /** That of the version; undefined when it cannot be read either. */
  readonly stamp: string | undefined;
  /** The version as it came, to be decoded again. */
  readonly wire: unknown;
}

const maxUnopenedRead = 10_000;

export function keepUnopened(
  store: StoreTransaction,
  version: { readonly itemId: string; readonly keyId: string },
  reason: UnopenedReason,
): void {
  store.sql.run(
    `INSERT INTO unopened(item_id, wire, reason, key_id) VALUES (?, ?, ?, ?)
     ON CONFLICT(item_id) DO UPDATE SET wire = excluded.wire, reason = excluded.reason, key_id = excluded.key_id`,
    [version.itemId, JSON.stringify(version), reason, version.keyId],
  );
}

export function forgetUnopened(store: StoreTransaction, subject: string): void {
  store.sql.run('DELETE FROM unopened WHERE item_id = ?', [subject]);
}

/** The server has lost it, in another epoch. */
export function markUnopenedLost(store: StoreTransaction, subject: string): void {
  const reason: UnopenedReason = 'lost';
  store.sql.run('UPDATE unopened SET reason = ? WHERE item_id = ?', [reason, subject]);
}

/** They were of another account. */
export function forgetEveryUnopened(store: StoreTransaction): void {
  store.sql.run('DELETE FROM unopened');
}

export function listUnopened(store: StoreTransaction): readonly UnopenedVersion[] {
  return store.sql
    .all(`SELECT *, json_extract(wire, '$.timestamp') AS stamp FROM unopened LIMIT ?`, [maxUnopenedRead])
    .map(row => ({
      subject: text(row, 'item_id'),
      reason: reasonOf(text(row, 'reason')),
      keyId: text(row, 'key_id'),
      stamp: optionalText(row, 'stamp'),
      wire: parseJson(text(row, 'wire')),
    }));
}

export function hasUnopened(store: StoreTransaction): boolean {
  return store.sql.get('SELECT 1 FROM unopened LIMIT 1') !== undefined;
}

function reasonOf(value: string): UnopenedReason {
  return value === 'keyMissing' || value === 'newerFormat' || value === 'lost' ? value : 'unsound';
}
