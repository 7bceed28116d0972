import { canonicalJson } from '../../base/json';
import { maxAncestors } from '../../model/ancestors';
import { emptiedContent } from '../../model/content';
import { encodeContent } from '../../model/contentCodec';
import { type DeviceId, type ItemId, isItemId } from '../../model/ids/ids';
import { stampDeviceIdAt, stampMillisDigits } from '../../model/ids/stamp';
import type { Transaction } from '../../sqlite/database';
import { branded } from '../../sqlite/rows';
import { emptiedMark } from '../emptied';
import { ancestorsWithSynced } from '../synced/syncedVersions';

/**
 * Mends what only a damaged file, or a bug, can bring about: edits that are in no outbox, and changes without their
 * item. Works on rows as they lie in the file, so that it needs no key.
 */

/** Items with a state that the server does not have and that is not in the outbox. */
export function countLostEdits(tx: Transaction): number {
  const items = tx.all(`SELECT 1 FROM items WHERE ${itemIsLost}`).length;
  return items + tx.all(`SELECT 1 FROM conflicts WHERE ${recordIsLost}`).length;
}

/** Puts them into the outbox, on the change in flight or else on the version that is held of them. */
export function requeueLostEdits(tx: Transaction): number {
  const items = tx.run(
    `INSERT INTO changes(collection, item_id, change_type, timestamp, payload, base_version, base_timestamp,
       base_deleted, base_payload, ancestors)
     SELECT 'item', items.id, CASE items.deleted WHEN 0 THEN 'upsert' ELSE 'delete' END, last_modified,
       CASE items.deleted WHEN ${emptiedMark} THEN ? ELSE items.payload END,
       CASE WHEN flying.id IS NULL THEN version ELSE 0 END, coalesce(flying.timestamp, synced_stamp),
       CASE WHEN flying.id IS NULL THEN synced_deleted ELSE flying.change_type = 'delete' END,
       CASE WHEN flying.id IS NULL THEN
         (SELECT v.payload FROM versions AS v WHERE v.item_id = items.id AND v.stamp = items.synced_stamp AND packed = 0)
         ELSE flying.payload END,
       CASE WHEN flying.id IS NULL THEN ${ancestorsWithSynced} ELSE (SELECT json_group_array(value) FROM (
         SELECT flying.timestamp AS value UNION ALL SELECT value FROM json_each(flying.ancestors) LIMIT ${maxAncestors})) END
     FROM items LEFT JOIN changes AS flying
       ON flying.item_id = items.id AND flying.acknowledged_ms IS NULL AND flying.change_id IS NOT NULL
     WHERE ${itemIsLost}`,
    [canonicalJson(encodeContent(emptiedContent))],
  );
  const records = tx.run(
    `INSERT INTO changes(collection, item_id, change_type, timestamp, base_version, base_deleted, ancestors)
     SELECT 'conflict', id, 'upsert', stamp, 0, 0, '[]' FROM conflicts WHERE ${recordIsLost}`,
  );
  return items + records;
}

/** The items that are not there although changes of them wait. */
export function missingItemsOfChanges(tx: Transaction): readonly ItemId[] {
  return tx
    .all(`SELECT DISTINCT item_id FROM changes WHERE ${hasNoItem}`)
    .map(row => branded(row, 'item_id', isItemId));
}

/** Makes the items anew from what their changes hold; changes that hold nothing are taken away. */
export function restoreItemsOfChanges(tx: Transaction): number {
  const restored = tx.run(
    `INSERT INTO items(id, type, payload, last_modified, deleted, owner_device_id, version, synced_stamp,
       synced_deleted, ancestors, modified_ms, created_ms, saved_ms)
     SELECT item_id, coalesce(CASE typeof(payload) WHEN 'text' THEN json_extract(payload, '$.kind') END, 'note'),
       payload, timestamp, change_type = 'delete', substr(timestamp, ${stampDeviceIdAt}), base_version,
       CASE WHEN base_version > 0 THEN base_timestamp END, base_deleted, '[]',
       cast(substr(timestamp, 1, ${stampMillisDigits}) AS INTEGER), cast(substr(timestamp, 1, ${stampMillisDigits}) AS INTEGER),
       cast(substr(timestamp, 1, ${stampMillisDigits}) AS INTEGER)
     FROM changes WHERE ${hasNoItem} AND payload IS NOT NULL
       AND id = (SELECT max(id) FROM changes AS c WHERE c.item_id = changes.item_id AND acknowledged_ms IS NULL)`,
  );
  return restored + tx.run(`DELETE FROM changes WHERE ${hasNoItem}`);
}

/** True when a conflict record waits to be sent, and is not there. What of one was sent, the record is made of again. */
export function isRecordOfChangeLost(tx: Transaction): boolean {
  const lost = tx.get(
    `SELECT 1 FROM changes WHERE acknowledged_ms IS NULL AND collection = 'conflict' AND change_type = 'upsert'
       AND frozen IS NULL AND item_id NOT IN (SELECT id FROM conflicts) LIMIT 1`,
  );
  return lost !== undefined;
}

/**
 * Puts what waits on a version of another device onto nothing: the two meet anew, and without a base. A record that says
 * what the change has taken from that version may be lost, and nobody else has it.
 * @param deviceId undefined when that is lost as well: then every version is another device's
 */
export function forgetForeignBases(tx: Transaction, deviceId: DeviceId | undefined): void {
  const own = deviceId ?? '';
  tx.run(
    `UPDATE items SET version = 0, synced_stamp = NULL, synced_deleted = 0, ancestors = '[]'
     WHERE id IN (${onForeignVersion})`,
    [own],
  );
  // Nor does the history tell that the change was made knowing such a version.
  tx.run(`UPDATE versions SET version = 0 WHERE item_id IN (${onForeignVersion})`, [own]);
  // What waits behind a change in flight was made on that one, and takes over what that one stands on.
  const isBehind = 'base_version = 0 AND base_timestamp IS NOT NULL';
  tx.run(
    `UPDATE changes SET base_version = 0,
       base_timestamp = CASE WHEN ${isBehind} THEN base_timestamp END,
       base_deleted = CASE WHEN ${isBehind} THEN base_deleted ELSE 0 END,
       base_payload = CASE WHEN ${isBehind} THEN base_payload END,
       ancestors = CASE WHEN ${isBehind} THEN json_array(base_timestamp) ELSE '[]' END
     WHERE acknowledged_ms IS NULL AND item_id IN (${onForeignVersion})`,
    [own],
  );
}

/** Changes that say that they were sent, without what was sent. */
export function countHollowFlights(tx: Transaction): number {
  return tx.all(`SELECT 1 FROM changes WHERE ${isHollow}`).length;
}

/** They wait again, to be sent anew. */
export function thawHollowFlights(tx: Transaction): number {
  return tx.run(`UPDATE changes SET change_id = NULL WHERE ${isHollow}`);
}

const isInOutbox = 'SELECT item_id FROM changes WHERE acknowledged_ms IS NULL';
const itemIsLost = `last_modified IS NOT synced_stamp AND NOT (version = 0 AND items.deleted <> 0
    AND NOT EXISTS (SELECT 1 FROM changes AS held WHERE held.item_id = items.id AND held.acknowledged_ms IS NULL))
  AND NOT EXISTS (SELECT 1 FROM changes AS held WHERE held.item_id = items.id AND held.acknowledged_ms IS NULL
    AND (held.change_id IS NULL OR held.timestamp = items.last_modified))`;
const recordIsLost = `stamp IS NOT synced_stamp AND deleted = 0 AND trimmed = 0 AND id NOT IN (${isInOutbox})`;
const hasNoItem = `acknowledged_ms IS NULL AND collection = 'item' AND item_id NOT IN (SELECT id FROM items)`;
const isHollow = 'acknowledged_ms IS NULL AND change_id IS NOT NULL AND frozen IS NULL';
/** Items with an edit that was made on a version of another device, or that waits behind such a one. */
const onForeignVersion = `SELECT item_id FROM changes
  WHERE acknowledged_ms IS NULL AND collection = 'item' AND reseal = 0 AND base_timestamp IS NOT NULL
    AND substr(CASE base_version WHEN 0 THEN json_extract(ancestors, '$[1]') ELSE base_timestamp END, ${stampDeviceIdAt}) <> ?`;
