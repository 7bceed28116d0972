import { assert } from '../../base/assert';
import type { JsonObject } from '../../base/json';
import { maxAncestors } from '../../model/ancestors';
import { type ConflictId, type ItemId, isConflictId, isItemId, type KeyId } from '../../model/ids/ids';
import { isStamp, type Stamp } from '../../model/ids/stamp';
import type { Row } from '../../sqlite/database';
import { branded, flag, integer, optionalBranded } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';

/** Which of the server's versions this device holds, or has made its own change on. */
export interface SyncedVersion {
  readonly version: number;
  readonly stamp: Stamp;
  readonly deleted: boolean;
}

export interface SyncedSubject extends SyncedVersion {
  readonly subject: ItemId | ConflictId;
}

/** The version that is held of an item; undefined before the first push or pull. */
export function syncedItem(store: StoreTransaction, id: ItemId): SyncedVersion | undefined {
  const row = store.sql.get('SELECT version, synced_stamp, synced_deleted FROM items WHERE id = ?', [id]);
  return row && syncedVersionOf(row);
}

export function syncedRecord(store: StoreTransaction, id: ConflictId): SyncedVersion | undefined {
  const row = store.sql.get(
    'SELECT version, synced_stamp, deleted AS synced_deleted FROM conflicts WHERE id = ?',
    [id],
  );
  return row && syncedVersionOf(row);
}

/** A version as it comes from the server, or as the server has taken it. */
export interface TakenVersion extends SyncedVersion {
  /** Of the key that its payload is sealed with; undefined when that is not known. */
  readonly keyId: KeyId | undefined;
  /** Fields of the wire that this version of the product does not know; left out: they stay as they are. */
  readonly wireExtra?: JsonObject | undefined;
}

export interface TakenItemVersion extends TakenVersion {
  readonly ancestors: readonly Stamp[];
}

/**
 * @param synced undefined: the server holds nothing of it. What it held stays known as an ancestor, for other devices
 *   may still hold it.
 */
export function setSyncedItem(
  store: StoreTransaction,
  id: ItemId,
  synced: TakenItemVersion | undefined,
): void {
  if (synced === undefined) {
    store.sql.run(
      `UPDATE items SET version = 0, synced_stamp = NULL, synced_deleted = 0, key_id = NULL, ancestors = ${ancestorsWithSynced}
       WHERE id = ?`,
      [id],
    );
    return;
  }
  store.sql.run(
    `UPDATE items SET version = ?, synced_stamp = ?, synced_deleted = ?, ancestors = ?, key_id = ?,
       wire_extra = coalesce(?, wire_extra) WHERE id = ?`,
    [
      synced.version,
      synced.stamp,
      synced.deleted ? 1 : 0,
      JSON.stringify(synced.ancestors),
      synced.keyId ?? null,
      synced.wireExtra === undefined ? null : JSON.stringify(synced.wireExtra),
      id,
    ],
  );
}

/** Of a row of `items`, as SQL: the ancestors of what is made on it, newest first. */
export const ancestorsWithSynced = `(SELECT json_group_array(value) FROM (
  SELECT items.synced_stamp AS value WHERE items.synced_stamp IS NOT NULL
  UNION ALL SELECT value FROM json_each(items.ancestors) LIMIT ${maxAncestors}))`;

export function setSyncedRecord(
  store: StoreTransaction,
  id: ConflictId,
  synced: TakenVersion | undefined,
): void {
  store.sql.run(
    `UPDATE conflicts SET version = ?, synced_stamp = ?, key_id = ?, wire_extra = coalesce(?, wire_extra)
     WHERE id = ?`,
    [
      synced?.version ?? 0,
      synced?.stamp ?? null,
      synced?.keyId ?? null,
      synced?.wireExtra === undefined ? null : JSON.stringify(synced.wireExtra),
      id,
    ],
  );
}

/** Everything that the server has a version of, in order of the subjects' ids after `after`, at most `limit`. */
export function listSyncedItems(
  store: StoreTransaction,
  after: string,
  limit: number,
): readonly SyncedSubject[] {
  return store.sql
    .all(
      'SELECT id, version, synced_stamp, synced_deleted FROM items WHERE version > 0 AND id > ? ORDER BY id LIMIT ?',
      [after, limit],
    )
    .map(row => ({ subject: branded(row, 'id', isItemId), ...held(row) }));
}

export function listSyncedRecords(
  store: StoreTransaction,
  after: string,
  limit: number,
): readonly SyncedSubject[] {
  return store.sql
    .all(
      `SELECT id, version, synced_stamp, deleted AS synced_deleted FROM conflicts
       WHERE version > 0 AND id > ? ORDER BY id LIMIT ?`,
      [after, limit],
    )
    .map(row => ({ subject: branded(row, 'id', isConflictId), ...held(row) }));
}

/**
 * Live items of which the server's payload is sealed with another key than this, and that nothing is about to be sent
 * of; in the order of their ids after `after`.
 */
export function itemsSealedOtherwise(
  store: StoreTransaction,
  keyId: KeyId,
  after: string,
  limit: number,
): readonly ItemId[] {
  return store.sql
    .all(
      `SELECT id FROM items WHERE version > 0 AND deleted = 0 AND synced_deleted = 0 AND key_id IS NOT ? AND id > ?
         AND NOT EXISTS (SELECT 1 FROM changes WHERE item_id = items.id AND acknowledged_ms IS NULL)
       ORDER BY id LIMIT ?`,
      [keyId, after, limit],
    )
    .map(row => branded(row, 'id', isItemId));
}

/** The same of conflict records. */
export function recordsSealedOtherwise(
  store: StoreTransaction,
  keyId: KeyId,
  after: string,
  limit: number,
): readonly ConflictId[] {
  return store.sql
    .all(
      `SELECT id FROM conflicts WHERE version > 0 AND deleted = 0 AND key_id IS NOT ? AND id > ?
         AND NOT EXISTS (SELECT 1 FROM changes WHERE item_id = conflicts.id AND acknowledged_ms IS NULL)
       ORDER BY id LIMIT ?`,
      [keyId, after, limit],
    )
    .map(row => branded(row, 'id', isConflictId));
}

function syncedVersionOf(row: Row): SyncedVersion | undefined {
  return integer(row, 'version') === 0 ? undefined : held(row);
}

function held(row: Row): SyncedVersion {
  const stamp = optionalBranded(row, 'synced_stamp', isStamp);
  assert(stamp !== undefined, 'a version of the server has a stamp');
  return { version: integer(row, 'version'), stamp, deleted: flag(row, 'synced_deleted') };
}
