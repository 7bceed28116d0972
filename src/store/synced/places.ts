import { assert } from '../../base/assert';
import { isKind, type Kind, kinds } from '../../model/content';
import { type ItemId, isItemId } from '../../model/ids/ids';
import { isStamp, type Stamp } from '../../model/ids/stamp';
import { branded, integer, text } from '../../sqlite/rows';
import { listedColumns, type StoredItem, storedItem } from '../items';
import type { StoreTransaction } from '../transaction';

/**
 * Where live items lie, for a tree that is read in parts: an index by place and title answers at a cost that does not
 * grow with the texts. It holds what lies in the file in clear; the places of sealed items are inside them.
 */

export interface Place {
  readonly kind: Kind;
  /** The folder itself, not those below it; empty for none. */
  readonly folder: string;
}

export interface PlaceCount extends Place {
  readonly count: number;
}

/** A live item that is sealed: its place can be told only by opening it. */
export interface SealedRow {
  readonly id: ItemId;
  readonly lastModified: Stamp;
}

/** Of the content of a row, when it lies there in clear; else null. */
const inClear = (expression: string) =>
  `CASE WHEN typeof(payload) = 'text' AND json_valid(payload) THEN ${expression} END`;
const folderColumn = inClear(`json_extract(payload, '$.folder')`);
const unpinnedColumn = inClear(`NOT json_extract(payload, '$.pinned')`);
const titleColumn = inClear(`json_extract(payload, '$.title')`);
const shownOrder = `${unpinnedColumn}, ${titleColumn} COLLATE NOCASE, id`;

export const placesIndex = `CREATE INDEX items_by_place ON items(deleted, type, ${folderColumn}, ${shownOrder})`;

/** How many live items lie where, sealed ones left out. */
export function countPlaces(store: StoreTransaction): readonly PlaceCount[] {
  return store.sql
    .all(
      `SELECT type, ${folderColumn} AS folder, count(*) AS total FROM items WHERE deleted = 0
       GROUP BY type, ${folderColumn} HAVING folder IS NOT NULL`,
    )
    .map(row => ({
      kind: branded(row, 'type', isKind),
      folder: text(row, 'folder'),
      count: integer(row, 'total'),
    }));
}

export function countDeleted(store: StoreTransaction): number {
  const row = store.sql.get('SELECT count(*) AS total FROM items WHERE deleted = 1');
  assert(row, 'count answers a row');
  return integer(row, 'total');
}

/** The items of a place, pinned ones first, then by title; sealed ones left out. Without bodies and overlays. */
export function listPlace(
  store: StoreTransaction,
  { kind, folder }: Place,
  limit: number,
): readonly StoredItem[] {
  return store.sql
    .all(
      `SELECT ${listedColumns} FROM items WHERE deleted = 0 AND type = ? AND ${folderColumn} = ?
       ORDER BY ${shownOrder} LIMIT ?`,
      [kind, folder, limit],
    )
    .map(row => storedItem(store, row));
}

export function listSealed(store: StoreTransaction): readonly SealedRow[] {
  const select = `SELECT id, last_modified FROM items WHERE deleted = 0 AND type = ? AND ${folderColumn} IS NULL`;
  return kinds
    .flatMap(kind => store.sql.all(select, [kind]))
    .map(row => ({
      id: branded(row, 'id', isItemId),
      lastModified: branded(row, 'last_modified', isStamp),
    }));
}
