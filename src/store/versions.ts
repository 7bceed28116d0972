import { minuteMs } from '../base/time';
import type { Content } from '../model/content';
import { type DeviceId, type ItemId, isDeviceId } from '../model/ids/ids';
import { isStamp, type Stamp } from '../model/ids/stamp';
import type { Row } from '../sqlite/database';
import { branded, flag, integer } from './rows';
import type { StoreTransaction } from './transaction';

/** One state of an item that this device has held. */
export interface StoredVersion {
  readonly rowId: number;
  readonly stamp: Stamp;
  readonly deviceId: DeviceId;
  /** The server's version; 0 for one that was never pushed. */
  readonly version: number;
  readonly deleted: boolean;
  /** Undefined when it is encrypted at rest and the device is locked. */
  readonly content: Content | undefined;
  readonly savedMs: number;
}

/** Saves of one device that were not pushed and follow each other within this time are one stretch of editing. */
const stretchMs = 5 * minuteMs;

/** Adds a state to an item's history. With `coalesce` it takes the place of the former one of the same stretch. */
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
  if (coalesce) {
    store.sql.run(
      `DELETE FROM versions WHERE id = (SELECT id FROM versions WHERE item_id = ? ORDER BY id DESC LIMIT 1)
         AND version = 0 AND device_id = ? AND deleted = ? AND saved_ms > ?`,
      [itemId, state.deviceId, state.deleted ? 1 : 0, nowMs - stretchMs],
    );
  }
  store.sql.run(
    `INSERT INTO versions(item_id, stamp, device_id, version, deleted, payload, saved_ms) VALUES (?,?,?,?,?,?,?)
     ON CONFLICT(item_id, stamp) DO UPDATE SET version = max(version, excluded.version)`,
    [
      itemId,
      state.stamp,
      state.deviceId,
      state.version,
      state.deleted ? 1 : 0,
      store.payloads.writeContent(state.content, itemId),
      nowMs,
    ],
  );
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
  store.sql.run('UPDATE OR REPLACE versions SET stamp = ? WHERE item_id = ? AND stamp = ?', [
    to,
    itemId,
    from,
  ]);
}

/** Newest first. */
export function listVersions(store: StoreTransaction, itemId: ItemId): readonly StoredVersion[] {
  return store.sql
    .all('SELECT * FROM versions WHERE item_id = ? ORDER BY id DESC', [itemId])
    .map(row => storedVersion(store, itemId, row));
}

export function versionByStamp(
  store: StoreTransaction,
  itemId: ItemId,
  stamp: Stamp,
): StoredVersion | undefined {
  const row = store.sql.get('SELECT * FROM versions WHERE item_id = ? AND stamp = ?', [itemId, stamp]);
  return row && storedVersion(store, itemId, row);
}

function storedVersion(store: StoreTransaction, itemId: ItemId, row: Row): StoredVersion {
  return {
    rowId: integer(row, 'id'),
    stamp: branded(row, 'stamp', isStamp),
    deviceId: branded(row, 'device_id', isDeviceId),
    version: integer(row, 'version'),
    deleted: flag(row, 'deleted'),
    content: store.payloads.readContent(row, 'payload', itemId),
    savedMs: integer(row, 'saved_ms'),
  };
}
