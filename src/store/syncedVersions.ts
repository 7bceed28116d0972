import { assert } from '../base/assert';
import type { JsonObject } from '../base/json';
import { type ConflictId, type ItemId, isConflictId, isItemId } from '../model/ids/ids';
import { isStamp, type Stamp } from '../model/ids/stamp';
import type { Row } from '../sqlite/database';
import { branded, flag, integer, optionalBranded } from './rows';
import type { StoreTransaction } from './transaction';

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

/** @param synced undefined: the server holds nothing of it */
export function setSyncedItem(
  store: StoreTransaction,
  id: ItemId,
  synced:
    | (SyncedVersion & { readonly ancestors: readonly Stamp[]; readonly wireExtra?: JsonObject | undefined })
    | undefined,
): void {
  store.sql.run(
    `UPDATE items SET version = ?, synced_stamp = ?, synced_deleted = ?, ancestors = ?,
       wire_extra = coalesce(?, wire_extra) WHERE id = ?`,
    [
      synced?.version ?? 0,
      synced?.stamp ?? null,
      synced?.deleted ? 1 : 0,
      JSON.stringify(synced?.ancestors ?? []),
      synced?.wireExtra === undefined ? null : JSON.stringify(synced.wireExtra),
      id,
    ],
  );
}

export function setSyncedRecord(
  store: StoreTransaction,
  id: ConflictId,
  synced: (Omit<SyncedVersion, 'deleted'> & { readonly wireExtra?: JsonObject | undefined }) | undefined,
): void {
  store.sql.run(
    'UPDATE conflicts SET version = ?, synced_stamp = ?, wire_extra = coalesce(?, wire_extra) WHERE id = ?',
    [
      synced?.version ?? 0,
      synced?.stamp ?? null,
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

function syncedVersionOf(row: Row): SyncedVersion | undefined {
  return integer(row, 'version') === 0 ? undefined : held(row);
}

function held(row: Row): SyncedVersion {
  const stamp = optionalBranded(row, 'synced_stamp', isStamp);
  assert(stamp !== undefined, 'a version of the server has a stamp');
  return { version: integer(row, 'version'), stamp, deleted: flag(row, 'synced_deleted') };
}
