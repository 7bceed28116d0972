import { parseJson } from '../base/json';
import { minuteMs } from '../base/time';
import type { Content } from '../model/content';
import { decodeContent } from '../model/contentCodec';
import { type DeviceId, type ItemId, isDeviceId } from '../model/ids/ids';
import { isStamp, type Stamp } from '../model/ids/stamp';
import type { Row, SqlValue } from '../sqlite/database';
import { branded, flag, integer, optionalInteger } from '../sqlite/rows';
import { sealsItem } from './atRest/itemSeal';
import { isEmptiedRow } from './emptied';
import type { StoreTransaction } from './transaction';
import { unpackText } from './versionTexts';

/**
 * The history of every item. The current state is the item's own row; a state becomes a row here when it is overwritten.
 */

/** One state of an item that this device has held. */
export interface StoredVersion {
  readonly stamp: Stamp;
  readonly deviceId: DeviceId;
  /** The server's version; 0 for one that was never pushed. */
  readonly version: number;
  readonly deleted: boolean;
  /** Undefined when it is encrypted at rest and the device is locked, or when the file was damaged there. */
  readonly content: Content | undefined;
  /** When this device got it. */
  readonly savedMs: number;
}

/** Newest first, the current state included. */
export function listVersions(store: StoreTransaction, itemId: ItemId): readonly StoredVersion[] {
  const current = currentVersion(store, itemId);
  const former = store.sql
    .all('SELECT * FROM versions WHERE item_id = ? AND stamp <> ? ORDER BY id DESC', [
      itemId,
      current?.stamp ?? '',
    ])
    .map(row => formerVersion(store, itemId, row));
  return current ? [current, ...former] : former;
}

export function versionByStamp(
  store: StoreTransaction,
  itemId: ItemId,
  stamp: Stamp,
): StoredVersion | undefined {
  const current = currentVersion(store, itemId);
  if (current?.stamp === stamp) return current;
  const row = store.sql.get('SELECT * FROM versions WHERE item_id = ? AND stamp = ?', [itemId, stamp]);
  return row && formerVersion(store, itemId, row);
}

/**
 * Notes a state that the item has taken on, or that it passed by. With `coalesce` it takes the place of the state
 * before it, when both belong to one stretch of editing.
 */
export function recordVersion(
  store: StoreTransaction,
  itemId: ItemId,
  state: {
    readonly stamp: Stamp;
    readonly deviceId: DeviceId;
    readonly version: number;
    readonly deleted: boolean;
    readonly content: Content;
  },
  nowMs: number,
  coalesce: boolean,
): void {
  if (coalesce) dropFormerOfStretch(store, itemId, state, nowMs);
  if (store.sql.get('SELECT 1 FROM items WHERE id = ? AND last_modified = ?', [itemId, state.stamp])) return;
  const seals = state.content.sensitive || sealsItem(store, itemId);
  keepState(store, itemId, {
    ...state,
    payload: store.payloads.writeContent(state.content, itemId, seals),
    savedMs: nowMs,
    supersededMs: nowMs,
  });
}

/** The row of an item, before it is overwritten, becomes a state of its history. */
export function keepOverwritten(store: StoreTransaction, itemId: ItemId, row: Row, nowMs: number): void {
  keepState(store, itemId, {
    stamp: branded(row, 'last_modified', isStamp),
    deviceId: branded(row, 'owner_device_id', isDeviceId),
    version: row['synced_stamp'] === row['last_modified'] ? integer(row, 'version') : 0,
    deleted: flag(row, 'deleted'),
    payload: row['payload'] ?? null,
    savedMs: integer(row, 'saved_ms'),
    supersededMs: nowMs,
  });
}

/** The server has accepted that state as `version`. */
export function setVersionNumber(
  store: StoreTransaction,
  itemId: ItemId,
  stamp: Stamp,
  version: number,
): void {
  store.sql.run('UPDATE versions SET version = ? WHERE item_id = ? AND stamp = ?', [version, itemId, stamp]);
}

/** Gives a state that was never sent another stamp. */
export function restampVersion(store: StoreTransaction, itemId: ItemId, from: Stamp, to: Stamp): void {
  if (from === to) return;
  const taken = store.sql.get('SELECT id FROM versions WHERE item_id = ? AND stamp = ?', [itemId, to]);
  if (taken) deleteVersion(store, itemId, integer(taken, 'id'));
  store.sql.run('UPDATE versions SET stamp = ? WHERE item_id = ? AND stamp = ?', [to, itemId, from]);
}

/** Forgets a state. Those that are packed on it are unpacked first. */
export function deleteVersion(store: StoreTransaction, itemId: ItemId, id: number): void {
  unpackVersions(store, itemId, 'base_id = ?', id);
  store.sql.run('DELETE FROM versions WHERE id = ?', [id]);
}

export function deleteVersions(store: StoreTransaction, itemId: ItemId): void {
  store.sql.run('DELETE FROM versions WHERE item_id = ?', [itemId]);
}

/** Brings states back to their own text, so that none needs another to be read. */
export function unpackVersions(
  store: StoreTransaction,
  itemId: ItemId,
  condition: 'base_id = ?' | 'item_id = ?',
  parameter: SqlValue,
): void {
  for (const row of store.sql.all(`SELECT * FROM versions WHERE ${condition} AND packed = 1`, [parameter])) {
    const text = textOf(store, row);
    const id = integer(row, 'id');
    // A state that cannot be read any more is of no use to anybody.
    if (text === undefined) store.sql.run('DELETE FROM versions WHERE id = ?', [id]);
    else
      store.sql.run(
        'UPDATE versions SET payload = ?, packed = 0, base_id = NULL WHERE id = ? AND item_id = ?',
        [text, id, itemId],
      );
  }
}

/** A state's JSON text, when it lies in the file in clear. */
export function textOf(store: StoreTransaction, row: Row): string | undefined {
  const payload = row['payload'];
  if (!flag(row, 'packed')) return typeof payload === 'string' ? payload : undefined;
  if (!(payload instanceof Uint8Array)) return undefined;
  const baseId = optionalInteger(row, 'base_id');
  if (baseId === undefined) return unpackText(payload);
  const base = store.sql.get('SELECT * FROM versions WHERE id = ? AND base_id IS NULL', [baseId]);
  const dictionary = base && textOf(store, base);
  return dictionary === undefined ? undefined : unpackText(payload, dictionary);
}

/** A stretch of editing leaves one state for each such time. */
const stretchMs = 5 * minuteMs;

/** A save that drops more than half of a text is one that a person may want to undo: it begins a new stretch. */
function dropFormerOfStretch(
  store: StoreTransaction,
  itemId: ItemId,
  state: { readonly deviceId: DeviceId; readonly deleted: boolean },
  nowMs: number,
): void {
  const [former, before] = store.sql.all(
    'SELECT * FROM versions WHERE item_id = ? ORDER BY id DESC LIMIT 2',
    [itemId],
  );
  const item = store.sql.get('SELECT created_ms, length(payload) AS length FROM items WHERE id = ?', [
    itemId,
  ]);
  if (!former || !item) return;
  const startMs = before ? integer(before, 'superseded_ms') : integer(item, 'created_ms');
  const sameHand =
    integer(former, 'version') === 0 &&
    former['device_id'] === state.deviceId &&
    flag(former, 'deleted') === state.deleted;
  const dropsText = (lengthOf(former['payload']) ?? 0) > 2 * integer(item, 'length');
  if (sameHand && !dropsText && nowMs - startMs < stretchMs && nowMs >= startMs) {
    deleteVersion(store, itemId, integer(former, 'id'));
  }
}

function lengthOf(value: SqlValue | undefined): number | undefined {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : undefined;
}

interface KeptState {
  readonly stamp: Stamp;
  readonly deviceId: DeviceId;
  readonly version: number;
  readonly deleted: boolean;
  readonly payload: SqlValue;
  readonly savedMs: number;
  readonly supersededMs: number;
}

function keepState(store: StoreTransaction, itemId: ItemId, state: KeptState): void {
  store.sql.run(
    `INSERT INTO versions(item_id, stamp, device_id, version, deleted, payload, packed, saved_ms, superseded_ms)
     VALUES (?,?,?,?,?,?,0,?,?) ON CONFLICT(item_id, stamp) DO UPDATE SET version = max(version, excluded.version)`,
    [
      itemId,
      state.stamp,
      state.deviceId,
      state.version,
      state.deleted ? 1 : 0,
      state.payload,
      state.savedMs,
      state.supersededMs,
    ],
  );
}

function currentVersion(store: StoreTransaction, itemId: ItemId): StoredVersion | undefined {
  const row = store.sql.get('SELECT * FROM items WHERE id = ?', [itemId]);
  return (
    row && {
      stamp: branded(row, 'last_modified', isStamp),
      deviceId: branded(row, 'owner_device_id', isDeviceId),
      version: row['synced_stamp'] === row['last_modified'] ? integer(row, 'version') : 0,
      deleted: flag(row, 'deleted'),
      content: isEmptiedRow(row) ? undefined : store.payloads.readContent(row, 'payload', itemId),
      savedMs: integer(row, 'saved_ms'),
    }
  );
}

function formerVersion(store: StoreTransaction, itemId: ItemId, row: Row): StoredVersion {
  return {
    stamp: branded(row, 'stamp', isStamp),
    deviceId: branded(row, 'device_id', isDeviceId),
    version: integer(row, 'version'),
    deleted: flag(row, 'deleted'),
    content: flag(row, 'packed')
      ? packedContent(store, row)
      : store.payloads.readContent(row, 'payload', itemId),
    savedMs: integer(row, 'saved_ms'),
  };
}

function packedContent(store: StoreTransaction, row: Row): Content | undefined {
  const text = textOf(store, row);
  const content = text === undefined ? undefined : decodeContent(parseJson(text));
  return content?.ok ? content.value : undefined;
}
