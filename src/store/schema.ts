import type { Migration } from '../sqlite/database';
import { searchSchema } from './search/searchIndex';
import { placesIndex } from './synced/places';

/** "SSyn" as a 32-bit integer: marks the file as ours (SQLite's application_id). */
export const storeApplicationId = 0x5353796e;

/**
 * The device's tables. `payload` columns hold a content as canonical JSON text, or, encrypted at rest, as a blob.
 * Stamps are texts whose order is their order. Once released, a step is never changed: the next one follows it.
 */
export const storeMigrations: readonly Migration[] = [
  {
    version: 1,
    up(tx) {
      for (const statement of firstSchema) tx.run(statement);
    },
  },
  {
    version: 2,
    up(tx) {
      for (const statement of sealingKeys) tx.run(statement);
    },
  },
  {
    version: 3,
    up(tx) {
      for (const statement of unopenedColumns) tx.run(statement);
    },
  },
  {
    version: 4,
    up(tx) {
      tx.run(heldByGuard);
    },
  },
  {
    version: 5,
    up(tx) {
      tx.run(heldVersions);
    },
  },
  {
    version: 6,
    up(tx) {
      for (const statement of lostVersions) tx.run(statement);
    },
  },
];

const firstSchema = [
  `CREATE TABLE meta(
     key TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) WITHOUT ROWID`,

  // What this device holds of every item. version and synced_stamp name the server's version that the row is, or was
  // made on (0 and null before the first push); ancestors are the stamps before synced_stamp, newest first. deleted is 1
  // in Deleted items and 2 for what was emptied from there: a row without a text, that the deletion stays known by.
  `CREATE TABLE items(
     rid INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     type TEXT NOT NULL,
     payload NOT NULL,
     last_modified TEXT NOT NULL,
     deleted INTEGER NOT NULL,
     owner_device_id TEXT NOT NULL,
     version INTEGER NOT NULL,
     synced_stamp TEXT,
     synced_deleted INTEGER NOT NULL,
     ancestors TEXT NOT NULL,
     modified_ms INTEGER NOT NULL,
     created_ms INTEGER NOT NULL,
     saved_ms INTEGER NOT NULL,
     wire_extra TEXT
   )`,
  'CREATE INDEX items_by_time ON items(deleted, last_modified)',
  placesIndex,

  // The log of local edits, and the outbox: a row waits (change_id null), is in flight (change_id set), or is
  // acknowledged. One subject has at most one row that waits and one in flight.
  `CREATE TABLE changes(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     collection TEXT NOT NULL,
     item_id TEXT NOT NULL,
     change_type TEXT NOT NULL,
     timestamp TEXT NOT NULL,
     raw_ms INTEGER,
     payload,
     base_version INTEGER NOT NULL,
     base_timestamp TEXT,
     base_deleted INTEGER NOT NULL,
     base_payload,
     ancestors TEXT NOT NULL,
     resolves TEXT,
     group_id TEXT,
     refused TEXT,
     change_id TEXT,
     frozen TEXT,
     sent_ms INTEGER,
     acknowledged_ms INTEGER
   )`,
  // Not a UNIQUE column: its index would also hold every row without an id, and be taken for a way to find those.
  'CREATE UNIQUE INDEX changes_by_change_id ON changes(change_id) WHERE change_id IS NOT NULL',
  'CREATE INDEX changes_open ON changes(item_id) WHERE acknowledged_ms IS NULL',
  // Small rows to look through, where those of the table carry texts.
  `CREATE INDEX changes_waiting ON changes(id, item_id, group_id, refused)
     WHERE acknowledged_ms IS NULL AND change_id IS NULL`,
  'CREATE INDEX changes_in_flight ON changes(item_id) WHERE acknowledged_ms IS NULL AND change_id IS NOT NULL',
  'CREATE INDEX changes_grouped ON changes(group_id) WHERE group_id IS NOT NULL',
  'CREATE INDEX changes_never_sent ON changes(timestamp) WHERE acknowledged_ms IS NULL AND raw_ms IS NOT NULL',
  'CREATE INDEX changes_refused ON changes(item_id, refused) WHERE refused IS NOT NULL',
  'CREATE INDEX changes_acknowledged ON changes(acknowledged_ms) WHERE acknowledged_ms IS NOT NULL',

  `CREATE TABLE conflicts(
     id TEXT PRIMARY KEY,
     item_id TEXT NOT NULL,
     payload NOT NULL,
     state TEXT NOT NULL,
     revision INTEGER NOT NULL,
     stamp TEXT NOT NULL,
     detected_at TEXT NOT NULL,
     deleted INTEGER NOT NULL,
     version INTEGER NOT NULL,
     synced_stamp TEXT,
     wire_extra TEXT,
     trimmed INTEGER NOT NULL DEFAULT 0
   ) WITHOUT ROWID`,
  'CREATE INDEX conflicts_by_state ON conflicts(state, detected_at)',
  'CREATE INDEX conflicts_by_item ON conflicts(item_id)',

  // The history of every item: the states that were overwritten. A payload is packed with the text of base_id's row as
  // the dictionary, or alone when that is null.
  `CREATE TABLE versions(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     item_id TEXT NOT NULL,
     stamp TEXT NOT NULL,
     device_id TEXT NOT NULL,
     version INTEGER NOT NULL,
     deleted INTEGER NOT NULL,
     payload NOT NULL,
     packed INTEGER NOT NULL,
     base_id INTEGER,
     saved_ms INTEGER NOT NULL,
     superseded_ms INTEGER NOT NULL,
     UNIQUE(item_id, stamp)
   )`,
  'CREATE INDEX versions_by_base ON versions(base_id) WHERE base_id IS NOT NULL',

  // Saves of documents whose item had changed since they were read; merged by settling.
  `CREATE TABLE unsettled_saves(
     item_id TEXT PRIMARY KEY,
     base_payload NOT NULL,
     payload NOT NULL,
     saved_ms INTEGER NOT NULL
   ) WITHOUT ROWID`,

  // Pulled versions that could not be opened yet: the key is missing, or a newer version of the product wrote them.
  `CREATE TABLE unopened(
     item_id TEXT PRIMARY KEY,
     wire TEXT NOT NULL,
     reason TEXT NOT NULL,
     key_id TEXT NOT NULL
   ) WITHOUT ROWID`,

  // Whose content others deleted or overwrote lately: what the guard counts.
  `CREATE TABLE overwritten(
     item_id TEXT PRIMARY KEY,
     at_ms INTEGER NOT NULL,
     deleted INTEGER NOT NULL
   ) WITHOUT ROWID`,

  // Items that were encrypted at rest lately: their clear text may still be in unused parts of the file, and in snapshots.
  'CREATE TABLE scrubs(item_id TEXT PRIMARY KEY) WITHOUT ROWID',

  `CREATE TABLE devices(
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL
   ) WITHOUT ROWID`,

  `CREATE TABLE sync_log(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms INTEGER NOT NULL,
     entry TEXT NOT NULL
   )`,

  ...searchSchema,
];

/**
 * Which key seals what the server holds of a row's version; null when that is not known, or there is none. A change in
 * flight has the key that it was frozen with; `reseal` marks one that only seals anew.
 */
const sealingKeys = [
  'ALTER TABLE items ADD COLUMN key_id TEXT',
  'ALTER TABLE conflicts ADD COLUMN key_id TEXT',
  'ALTER TABLE changes ADD COLUMN key_id TEXT',
  'ALTER TABLE changes ADD COLUMN reseal INTEGER NOT NULL DEFAULT 0',
  // Covers what is asked of many rows at once: which items wait.
  'DROP INDEX changes_open',
  'CREATE INDEX changes_open ON changes(item_id, collection, reseal) WHERE acknowledged_ms IS NULL',
];

/** What is asked of every version that waits to be opened, in columns and an index: the versions themselves are large. */
const unopenedColumns = [
  'ALTER TABLE unopened ADD COLUMN version INTEGER NOT NULL DEFAULT 0',
  `ALTER TABLE unopened ADD COLUMN stamp TEXT NOT NULL DEFAULT ''`,
  'ALTER TABLE unopened ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0',
  // What is no JSON could never be opened: the digests tell of it, and it is fetched.
  'DELETE FROM unopened WHERE json_valid(wire) = 0',
  `UPDATE unopened SET version = coalesce(json_extract(wire, '$.version'), 0),
     stamp = coalesce(json_extract(wire, '$.timestamp'), ''),
     deleted = coalesce(json_extract(wire, '$.changeType') = 'delete', 0)`,
  'CREATE INDEX unopened_versions ON unopened(item_id, reason, key_id, version, stamp, deleted)',
];

/** What the mass change that waits for a person's answer would delete or overwrite, as far as it has been counted. */
const heldByGuard = 'CREATE TABLE held_overwrites(item_id TEXT PRIMARY KEY) WITHOUT ROWID';

/** Which version of each item that is, for what is written on it is not held; null when the server has the item no more. */
const heldVersions = 'ALTER TABLE held_overwrites ADD COLUMN stamp TEXT';

/**
 * Versions that could not be opened before a restored server lost them: beside those that it has now, of which a device
 * without the key may have to keep one for the same item.
 */
const lostVersions = [
  `CREATE TABLE lost_versions(
     id INTEGER PRIMARY KEY,
     item_id TEXT NOT NULL,
     stamp TEXT NOT NULL,
     key_id TEXT NOT NULL,
     wire TEXT NOT NULL,
     UNIQUE(item_id, stamp)
   )`,
  `INSERT INTO lost_versions(item_id, stamp, key_id, wire)
     SELECT item_id, stamp, key_id, wire FROM unopened WHERE reason = 'lost'`,
  `DELETE FROM unopened WHERE reason = 'lost'`,
];
