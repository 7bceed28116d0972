import { assert } from '../base/assert';
import type { ItemId } from '../model/ids/ids';
import type { Stamp } from '../model/ids/stamp';
import { integer } from '../sqlite/rows';
import type { StoreTransaction } from './transaction';

/** Items whose content other devices deleted or overwrote lately: what the guard against mass changes counts. */

export interface Overwrite {
  readonly itemId: ItemId;
  /** Deleted, not only changed. */
  readonly deleted: boolean;
  /** That of the version which does it; undefined for an item that the server has pruned. */
  readonly stamp: Stamp | undefined;
}

export function noteOverwrites(
  store: StoreTransaction,
  overwrites: readonly Overwrite[],
  wallMs: number,
): void {
  for (const { itemId, deleted } of overwrites) {
    store.sql.run(
      `INSERT INTO overwritten(item_id, at_ms, deleted) VALUES (?, ?, ?)
       ON CONFLICT(item_id) DO UPDATE SET at_ms = excluded.at_ms, deleted = excluded.deleted`,
      [itemId, wallMs, deleted ? 1 : 0],
    );
  }
}

/** How many were overwritten since `sinceMs`, those of `also` counted once with them. */
export function countOverwrites(
  store: StoreTransaction,
  sinceMs: number,
  also: readonly Overwrite[],
): { readonly changed: number; readonly deleted: number } {
  const known = new Map(also.map(overwrite => [String(overwrite.itemId), overwrite.deleted]));
  const row = store.sql.get(
    `SELECT count(*) AS changed, coalesce(sum(deleted), 0) AS deleted FROM overwritten WHERE at_ms > ?
       AND item_id NOT IN (SELECT value FROM json_each(?))`,
    [sinceMs, JSON.stringify([...known.keys()])],
  );
  assert(row, 'count answers a row');
  return {
    changed: integer(row, 'changed') + known.size,
    deleted: integer(row, 'deleted') + [...known.values()].filter(Boolean).length,
  };
}

export function forgetOverwrites(store: StoreTransaction, untilMs: number): void {
  store.sql.run('DELETE FROM overwritten WHERE at_ms <= ?', [untilMs]);
}

/** Keeps what a mass change would overwrite, until a person has answered. */
export function holdOverwrites(store: StoreTransaction, overwrites: readonly Overwrite[]): void {
  for (const { itemId, stamp } of overwrites) {
    store.sql.run(
      `INSERT INTO held_overwrites(item_id, stamp) VALUES (?, ?)
       ON CONFLICT(item_id) DO UPDATE SET stamp = excluded.stamp`,
      [itemId, stamp ?? null],
    );
  }
}

/** True of the version that is held, and of the item's end on the server; not of what was written on that version. */
export function isHeldOverwrite(
  store: StoreTransaction,
  { itemId, stamp }: Pick<Overwrite, 'itemId' | 'stamp'>,
): boolean {
  const row = store.sql.get('SELECT stamp FROM held_overwrites WHERE item_id = ?', [itemId]);
  return row !== undefined && (stamp === undefined || row['stamp'] === stamp);
}

export function forgetHeldOverwrites(store: StoreTransaction): void {
  store.sql.run('DELETE FROM held_overwrites');
}
