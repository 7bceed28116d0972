import { assert } from '../base/assert';
import type { JsonObject } from '../base/json';
import { unwrap } from '../base/result';
import type { Conflict, ConflictState } from '../model/conflict';
import { decodeConflict, encodeConflict, isSensitiveConflict } from '../model/conflictCodec';
import { type ConflictId, isConflictId } from '../model/ids/ids';
import { isStamp, type Stamp } from '../model/ids/stamp';
import type { Row } from '../sqlite/database';
import { branded, flag, integer, optionalBranded, text } from '../sqlite/rows';
import { sealsItem } from './atRest/itemSeal';
import { wireExtraOf } from './items';
import type { StoreTransaction } from './transaction';

/** A conflict record as this device holds it. */
export interface StoredConflict {
  readonly id: ConflictId;
  /** Undefined when it is encrypted at rest and the device is locked, or was closed so long ago that it was trimmed. */
  readonly conflict: Conflict | undefined;
  readonly revision: number;
  readonly stamp: Stamp;
  /** A record that was pruned everywhere. */
  readonly deleted: boolean;
  readonly version: number;
  readonly syncedStamp: Stamp | undefined;
  readonly wireExtra: JsonObject | undefined;
}

export function readConflict(store: StoreTransaction, id: ConflictId): StoredConflict | undefined {
  const row = store.sql.get('SELECT * FROM conflicts WHERE id = ?', [id]);
  return row && storedConflict(store, row);
}

export function findConflictIds(
  store: StoreTransaction,
  prefix: string,
  limit: number,
): readonly ConflictId[] {
  return store.sql
    .all(
      'SELECT id FROM conflicts WHERE deleted = 0 AND trimmed = 0 AND id >= ? AND id < ? ORDER BY id LIMIT ?',
      [prefix, `${prefix}g`, limit],
    )
    .map(row => branded(row, 'id', isConflictId));
}

/** Newest first. */
export function listConflicts(
  store: StoreTransaction,
  states: readonly ConflictState[],
): readonly StoredConflict[] {
  const marks = states.map(() => '?').join(',');
  return store.sql
    .all(
      `SELECT * FROM conflicts WHERE deleted = 0 AND trimmed = 0 AND state IN (${marks}) ORDER BY detected_at DESC`,
      states,
    )
    .map(row => storedConflict(store, row));
}

export function countOpenConflicts(store: StoreTransaction): number {
  const row = store.sql.get(`SELECT count(*) AS total FROM conflicts WHERE deleted = 0 AND state = 'open'`);
  assert(row, 'count answers a row');
  return integer(row, 'total');
}

/** How many pairs were merged without a person, and how many a person has answered, on any device. */
export function countClosedConflicts(store: StoreTransaction): {
  readonly automatically: number;
  readonly byPerson: number;
} {
  const row = store.sql.get(
    `SELECT coalesce(sum(state = 'auto'), 0) AS automatically, coalesce(sum(state = 'resolved'), 0) AS by_person
     FROM conflicts WHERE deleted = 0 AND state IN ('auto', 'resolved')`,
  );
  assert(row, 'a sum answers a row');
  return { automatically: integer(row, 'automatically'), byPerson: integer(row, 'by_person') };
}

export function itemIdsInConflict(store: StoreTransaction): ReadonlySet<string> {
  return new Set(
    store.sql
      .all(`SELECT DISTINCT item_id FROM conflicts WHERE deleted = 0 AND state = 'open'`)
      .map(row => text(row, 'item_id')),
  );
}

/** Writes a state of a record; what is known of the server's version stays as it is. */
export function writeConflict(store: StoreTransaction, conflict: Conflict): void {
  const seals = isSensitiveConflict(conflict) || sealsItem(store, conflict.itemId);
  store.sql.run(
    `INSERT INTO conflicts(id, item_id, payload, state, revision, stamp, detected_at, deleted, version)
       VALUES (?,?,?,?,?,?,?,0,0)
     ON CONFLICT(id) DO UPDATE SET payload = excluded.payload, state = excluded.state, deleted = 0, trimmed = 0,
       revision = excluded.revision, stamp = excluded.stamp`,
    [
      conflict.id,
      conflict.itemId,
      store.payloads.write(encodeConflict(conflict), seals, conflict.id),
      conflict.state,
      conflict.revision,
      conflict.stamp,
      conflict.detectedAt,
    ],
  );
}

/** The record was pruned on the server: its row stays, so that its version is known, without its texts. */
export function markConflictPruned(store: StoreTransaction, id: ConflictId): void {
  store.sql.run(`UPDATE conflicts SET deleted = 1, payload = '{}', state = 'resolved' WHERE id = ?`, [id]);
}

/**
 * Takes the texts of closed records that are older than `before`, and of those beyond `maxClosed`; their rows stay, so
 * that their versions are known. At most `limit` at a time.
 * @returns how many were trimmed
 */
export function trimClosedConflicts(
  store: StoreTransaction,
  options: { readonly before: string; readonly maxClosed: number; readonly limit: number },
): number {
  return store.sql.run(
    `UPDATE conflicts SET payload = '{}', trimmed = 1 WHERE id IN (SELECT id FROM (
       SELECT id, detected_at, row_number() OVER (ORDER BY detected_at DESC) AS place FROM conflicts
       WHERE state <> 'open' AND deleted = 0 AND trimmed = 0)
     WHERE (detected_at < ? OR place > ?)
       AND id NOT IN (SELECT item_id FROM changes WHERE acknowledged_ms IS NULL) LIMIT ?)`,
    [options.before, options.maxClosed, options.limit],
  );
}

/**
 * Records that were closed before `before` and that the server still has, oldest first, with what their deletion has to
 * come after; without those of which something is to be sent. At most `limit`.
 */
export function closedConflictsOnServer(
  store: StoreTransaction,
  options: { readonly before: string; readonly limit: number },
): readonly { readonly id: ConflictId; readonly stamp: Stamp }[] {
  return store.sql
    .all(
      `SELECT id, stamp FROM conflicts WHERE state IN ('auto', 'resolved') AND detected_at < ?1 AND stamp < ?1
         AND deleted = 0 AND version > 0 AND id NOT IN (SELECT item_id FROM changes WHERE acknowledged_ms IS NULL)
       ORDER BY detected_at LIMIT ?2`,
      [options.before, options.limit],
    )
    .map(row => ({ id: branded(row, 'id', isConflictId), stamp: branded(row, 'stamp', isStamp) }));
}

/** What is known of records without their texts is of no use to another account. */
export function forgetTrimmedConflicts(store: StoreTransaction): void {
  const trimmed = 'SELECT id FROM conflicts WHERE trimmed = 1 OR deleted = 1';
  store.sql.run(`DELETE FROM changes WHERE acknowledged_ms IS NULL AND item_id IN (${trimmed})`);
  store.sql.run('DELETE FROM conflicts WHERE trimmed = 1 OR deleted = 1');
}

function storedConflict(store: StoreTransaction, row: Row): StoredConflict {
  const id = branded(row, 'id', isConflictId);
  const deleted = flag(row, 'deleted');
  const value = deleted || flag(row, 'trimmed') ? undefined : store.payloads.read(row['payload'], id);
  return {
    id,
    conflict: value === undefined ? undefined : unwrap(decodeConflict(value)),
    revision: integer(row, 'revision'),
    stamp: branded(row, 'stamp', isStamp),
    deleted,
    version: integer(row, 'version'),
    syncedStamp: optionalBranded(row, 'synced_stamp', isStamp),
    wireExtra: wireExtraOf(row),
  };
}
