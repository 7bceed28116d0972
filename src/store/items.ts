import * as z from 'zod';
import { assert, defined } from '../base/assert';
import { type JsonObject, parseJson } from '../base/json';
import { type Content, emptiedContent, isKind, type Kind } from '../model/content';
import { sameContent } from '../model/contentCodec';
import { type DeviceId, type ItemId, isDeviceId, isItemId } from '../model/ids/ids';
import { isStamp, parseStamp, type Stamp } from '../model/ids/stamp';
import type { Row, SqlValue } from '../sqlite/database';
import { branded, flag, integer, optionalBranded, optionalText, text } from '../sqlite/rows';
import { sealTraces } from './atRest/seal';
import { emptiedMark, emptiedPayload, isEmptiedRow } from './emptied';
import { type IndexedRow, indexedRow, indexNewRow, moveInSearchIndex } from './search/searchIndex';
import type { StoreTransaction } from './transaction';
import { deleteVersions, keepOverwritten } from './versions';

/** What this device holds of an item. */
export interface StoredItem {
  readonly id: ItemId;
  readonly kind: Kind;
  /** Undefined when it is encrypted at rest and the device is locked, or emptied. */
  readonly content: Content | undefined;
  readonly lastModified: Stamp;
  readonly deviceId: DeviceId;
  readonly deleted: boolean;
  /** Deleted, and emptied from Deleted items: only what sync has to know is left. */
  readonly emptied: boolean;
  /** The server's version that this is, or was made on; 0 before the first push. */
  readonly version: number;
  /** The stamp of that version; undefined with version 0. */
  readonly syncedStamp: Stamp | undefined;
  /** Whether that version is a tombstone. */
  readonly syncedDeleted: boolean;
  /** The stamps of the versions before that one, newest first; known of an item that the server has no more, too. */
  readonly ancestors: readonly Stamp[];
  /** Milliseconds since 1970; grows strictly with every write of the item. */
  readonly modifiedMs: number;
  readonly createdMs: number;
  /** Fields of the wire that this version does not know; sent back with the next change. */
  readonly wireExtra: JsonObject | undefined;
}

/** The part of an item that an edit, here or elsewhere, sets. */
export interface ItemWrite {
  readonly id: ItemId;
  readonly content: Content;
  readonly lastModified: Stamp;
  readonly deviceId: DeviceId;
  readonly deleted: boolean;
}

export interface ItemFilter {
  readonly kind?: Kind;
  /** The folder itself, not those below it. */
  readonly folder?: string;
  readonly tag?: string;
  readonly deleted: boolean;
  readonly limit?: number;
}

/** A page of a list cannot be larger; a list without a limit is read whole. */
const maxListedItems = 1_000_000;

/** An item that a person can see, in Deleted items at least. */
export function readItem(store: StoreTransaction, id: ItemId): StoredItem | undefined {
  const item = readItemEvenEmptied(store, id);
  return item?.emptied ? undefined : item;
}

/** What is held of an item, for sync. */
export function readItemEvenEmptied(store: StoreTransaction, id: ItemId): StoredItem | undefined {
  const row = store.sql.get('SELECT * FROM items WHERE id = ?', [id]);
  return row && storedItem(store, row);
}

/** The server's version that the item is, or was made on; undefined when there is no such item. */
export function itemVersion(store: StoreTransaction, id: ItemId): number | undefined {
  const row = store.sql.get('SELECT version FROM items WHERE id = ?', [id]);
  return row && integer(row, 'version');
}

/** The fields of an item's wire form that this version does not know. */
export function itemWireExtra(store: StoreTransaction, id: ItemId): JsonObject | undefined {
  const row = store.sql.get('SELECT wire_extra FROM items WHERE id = ?', [id]);
  return row && wireExtraOf(row);
}

/** The item of a row's number, which the search index knows it by. */
export function readItemOfRow(store: StoreTransaction, rid: number): StoredItem | undefined {
  const row = store.sql.get('SELECT * FROM items WHERE rid = ?', [rid]);
  return row && storedItem(store, row);
}

/** The ids that start with `prefix`, of what a person can see, at most `limit`. */
export function findItemIds(store: StoreTransaction, prefix: string, limit: number): readonly ItemId[] {
  return store.sql
    .all(`SELECT id FROM items WHERE id >= ? AND id < ? AND deleted <> ${emptiedMark} ORDER BY id LIMIT ?`, [
      prefix,
      `${prefix}g`,
      limit,
    ])
    .map(row => branded(row, 'id', isItemId));
}

/** The columns of a {@link StoredItem} whose content comes without body and overlays, which lists do not show. */
export const listedColumns = `id, type, last_modified, deleted, owner_device_id, version, synced_stamp, synced_deleted,
  ancestors, modified_ms, created_ms, wire_extra,
  CASE WHEN typeof(payload) = 'text' AND json_valid(payload) THEN json_set(json_remove(payload, '$.overlays'), '$.body', '', '$.overlays', json('{}'))
    ELSE payload END AS payload`;

/** Newest first. Contents come without bodies and overlays, which lists do not show. */
export function listItems(store: StoreTransaction, filter: ItemFilter): readonly StoredItem[] {
  const conditions = ['deleted = ?'];
  const parameters: SqlValue[] = [filter.deleted ? 1 : 0];
  if (filter.kind) {
    conditions.push('type = ?');
    parameters.push(filter.kind);
  }
  const inMemory = filter.folder !== undefined || filter.tag !== undefined;
  const limit = inMemory ? maxListedItems : (filter.limit ?? maxListedItems);
  const rows = store.sql.all(
    `SELECT ${listedColumns} FROM items WHERE ${conditions.join(' AND ')} ORDER BY last_modified DESC LIMIT ?`,
    [...parameters, limit],
  );
  const items = rows.map(row => storedItem(store, row));
  if (!inMemory) return items;
  return items
    .filter(item => filter.folder === undefined || item.content?.folder === filter.folder)
    .filter(item => filter.tag === undefined || item.content?.tags.includes(filter.tag))
    .slice(0, filter.limit ?? maxListedItems);
}

export function countItems(store: StoreTransaction): { readonly live: number; readonly all: number } {
  const row = store.sql.get('SELECT count(*) AS total, coalesce(sum(deleted = 0), 0) AS live FROM items');
  assert(row, 'count answers a row');
  return { live: integer(row, 'live'), all: integer(row, 'total') };
}

/** Writes an item's next state. The one before goes into its history, and the search index follows. */
export function writeItem(store: StoreTransaction, item: ItemWrite, nowMs: number): void {
  const before = store.sql.get('SELECT * FROM items WHERE id = ?', [item.id]);
  if (before && !isEmptiedRow(before) && before['last_modified'] !== item.lastModified) {
    keepOverwritten(store, item.id, before, nowMs);
  }
  const stampMs = parseStamp(item.lastModified).millis;
  const modifiedMs = before ? Math.max(integer(before, 'modified_ms') + 1, stampMs) : stampMs;
  const isEmptied = item.deleted && sameContent(item.content, emptiedContent);
  const payload = isEmptied
    ? emptiedPayload(store.payloads.seals(false))
    : store.payloads.writeContent(item.content, item.id);
  const written = store.sql.get(
    `INSERT INTO items(id, type, payload, last_modified, deleted, owner_device_id, modified_ms, saved_ms, created_ms,
       version, synced_deleted, ancestors) VALUES (?,?,?,?,?,?,?,?,?,0,0,'[]')
     ON CONFLICT(id) DO UPDATE SET type = excluded.type, payload = excluded.payload,
       last_modified = excluded.last_modified, deleted = excluded.deleted,
       owner_device_id = excluded.owner_device_id, modified_ms = excluded.modified_ms, saved_ms = excluded.saved_ms
     RETURNING rid`,
    [
      item.id,
      item.content.kind,
      payload,
      item.lastModified,
      isEmptied ? emptiedMark : item.deleted ? 1 : 0,
      item.deviceId,
      modifiedMs,
      nowMs,
      nowMs,
    ],
  );
  const after = {
    rid: integer(defined(written, 'a row was written'), 'rid'),
    deleted: item.deleted,
    payload,
  };
  if (before) moveInSearchIndex(store, indexedRow(before), after);
  else indexNewRow(store, after);
  if (typeof payload !== 'string' && typeof before?.['payload'] === 'string') sealTraces(store, item.id);
}

/** Gives an item that was never sent another stamp. */
export function restampItem(store: StoreTransaction, id: ItemId, stamp: Stamp): void {
  store.sql.run('UPDATE items SET last_modified = ? WHERE id = ?', [stamp, id]);
}

/** Lets an item's time of modification grow without an edit, for an editor that compares it. */
export function touchItem(store: StoreTransaction, id: ItemId): void {
  store.sql.run('UPDATE items SET modified_ms = modified_ms + 1 WHERE id = ?', [id]);
}

/** Takes an item away, with its history and all that is in the index of it. */
export function removeItem(store: StoreTransaction, id: ItemId): void {
  moveInSearchIndex(store, rowOf(store, id), undefined);
  deleteVersions(store, id);
  store.sql.run('DELETE FROM items WHERE id = ?', [id]);
}

function rowOf(store: StoreTransaction, id: ItemId): IndexedRow | undefined {
  const row = store.sql.get('SELECT rid, deleted, payload FROM items WHERE id = ?', [id]);
  return row && indexedRow(row);
}

const stampList = z.array(z.string().refine(isStamp, 'must be a stamp'));
const extraFields = z.record(z.string(), z.json());

/** The stamps of a column that holds a JSON array of them. */
export function stampsOf(json: string): readonly Stamp[] {
  return stampList.parse(parseJson(json));
}

/** The unknown fields of a `wire_extra` column. */
export function wireExtraOf(row: Row): JsonObject | undefined {
  const json = optionalText(row, 'wire_extra');
  return json === undefined ? undefined : extraFields.parse(parseJson(json));
}

/** The item of a row, which has at least {@link listedColumns}. */
export function storedItem(store: StoreTransaction, row: Row): StoredItem {
  const id = branded(row, 'id', isItemId);
  return {
    id,
    kind: branded(row, 'type', isKind),
    content: isEmptiedRow(row) ? undefined : store.payloads.readContent(row, 'payload', id),
    lastModified: branded(row, 'last_modified', isStamp),
    deviceId: branded(row, 'owner_device_id', isDeviceId),
    deleted: flag(row, 'deleted'),
    emptied: isEmptiedRow(row),
    version: integer(row, 'version'),
    syncedStamp: optionalBranded(row, 'synced_stamp', isStamp),
    syncedDeleted: flag(row, 'synced_deleted'),
    ancestors: stampsOf(text(row, 'ancestors')),
    modifiedMs: integer(row, 'modified_ms'),
    createdMs: integer(row, 'created_ms'),
    wireExtra: wireExtraOf(row),
  };
}
