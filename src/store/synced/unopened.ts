import { parseJson } from '../../base/json';
import {
  type ConflictId,
  type ItemId,
  isConflictId,
  isItemId,
  isKeyId,
  type KeyId,
} from '../../model/ids/ids';
import { isStamp, type Stamp } from '../../model/ids/stamp';
import { branded, flag, integer, text } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';
import { forgetEveryLost } from './lostVersions';

/**
 * Versions of the server that could not be opened: kept sealed, so that nothing is lost, and tried again later. After a
 * rotation there may be as many as the account has items, so they are read some at a time.
 */

export type UnopenedReason = 'keyMissing' | 'newerFormat' | 'unsound';

/** What is known of such a version without opening it. */
export interface UnopenedVersion {
  readonly subject: ItemId | ConflictId;
  readonly reason: UnopenedReason;
  readonly version: number;
  readonly stamp: Stamp;
  readonly deleted: boolean;
}

/** A version as it came, to be decoded again. */
export interface SealedVersion {
  readonly subject: string;
  readonly wire: unknown;
}

export function keepUnopened(
  store: StoreTransaction,
  version: {
    readonly itemId: string;
    readonly keyId: string;
    readonly version: number;
    readonly timestamp: string;
    readonly changeType: 'upsert' | 'delete';
  },
  reason: UnopenedReason,
): void {
  store.sql.run(
    `INSERT INTO unopened(item_id, wire, reason, key_id, version, stamp, deleted) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT(item_id) DO UPDATE SET wire = excluded.wire, reason = excluded.reason, key_id = excluded.key_id,
       version = excluded.version, stamp = excluded.stamp, deleted = excluded.deleted`,
    [
      version.itemId,
      JSON.stringify(version),
      reason,
      version.keyId,
      version.version,
      version.timestamp,
      version.changeType === 'delete' ? 1 : 0,
    ],
  );
}

export function forgetUnopened(store: StoreTransaction, subject: string): void {
  store.sql.run('DELETE FROM unopened WHERE item_id = ?', [subject]);
}

/** They were of another account. */
export function forgetEveryUnopened(store: StoreTransaction): void {
  store.sql.run('DELETE FROM unopened');
  forgetEveryLost(store);
}

/** Without their payloads, in the order of the subjects' ids after `after`, at most `limit`. */
export function listUnopened(
  store: StoreTransaction,
  after: string,
  limit: number,
): readonly UnopenedVersion[] {
  return store.sql
    .all(
      `SELECT item_id, reason, version, stamp, deleted FROM unopened INDEXED BY unopened_versions
       WHERE item_id > ? ORDER BY item_id LIMIT ?`,
      [after, limit],
    )
    .map(row => ({
      subject: branded(row, 'item_id', isSubject),
      reason: reasonOf(text(row, 'reason')),
      version: integer(row, 'version'),
      stamp: branded(row, 'stamp', isStamp),
      deleted: flag(row, 'deleted'),
    }));
}

/**
 * Those that one of these keys may open, in the order of the subjects' ids after `after`, at most `limit`. What is
 * unsound is not among them: no key opens it.
 */
export function unopenedUnder(
  store: StoreTransaction,
  keyIds: readonly KeyId[],
  after: string,
  limit: number,
): readonly SealedVersion[] {
  return store.sql
    .all(
      `SELECT item_id, wire FROM unopened WHERE item_id IN (
         SELECT item_id FROM unopened INDEXED BY unopened_versions
         WHERE item_id > ? AND reason <> 'unsound' AND key_id IN (SELECT value FROM json_each(?))
         ORDER BY item_id LIMIT ?)
       ORDER BY item_id`,
      [after, JSON.stringify(keyIds), limit],
    )
    .map(row => ({
      subject: text(row, 'item_id'),
      wire: parseJson(text(row, 'wire')),
    }));
}

export function unsoundSubjects(store: StoreTransaction, limit: number): readonly string[] {
  return store.sql
    .all(
      `SELECT item_id FROM unopened INDEXED BY unopened_versions WHERE reason = 'unsound' ORDER BY item_id LIMIT ?`,
      [limit],
    )
    .map(row => text(row, 'item_id'));
}

/** A key that a version waits for and that is none of these. */
export function awaitedKey(store: StoreTransaction, held: readonly KeyId[]): KeyId | undefined {
  const row = store.sql.get(
    `SELECT key_id FROM unopened INDEXED BY unopened_versions
     WHERE reason = 'keyMissing' AND key_id NOT IN (SELECT value FROM json_each(?)) LIMIT 1`,
    [JSON.stringify(held)],
  );
  return row && branded(row, 'key_id', isKeyId);
}

export function countUnopened(store: StoreTransaction): ReadonlyMap<UnopenedReason, number> {
  return new Map(
    store.sql
      .all('SELECT reason, count(*) AS count FROM unopened INDEXED BY unopened_versions GROUP BY reason')
      .map(row => [reasonOf(text(row, 'reason')), integer(row, 'count')]),
  );
}

/** Those that a restored server has lost are among them. */
export function hasUnopened(store: StoreTransaction): boolean {
  return store.sql.get('SELECT 1 FROM unopened UNION ALL SELECT 1 FROM lost_versions LIMIT 1') !== undefined;
}

const isSubject = (value: string): value is ItemId | ConflictId => isItemId(value) || isConflictId(value);

function reasonOf(value: string): UnopenedReason {
  return value === 'keyMissing' || value === 'newerFormat' ? value : 'unsound';
}
