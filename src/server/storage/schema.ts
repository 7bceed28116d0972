import type { Migration } from '../../sqlite/database';

/** Marks the file as a server's store (`PRAGMA application_id`): "SsSv". */
export const serverApplicationId = 0x53735376;

/**
 * The server's tables. `account` and `device` are small internal numbers, because they stand in indexes.
 *
 * `versions` is append-only: what a version reads never changes, and a push writes few pages that were there before.
 * Which of them are current is in `currents`; the others are history. The rows are narrow, for speed: the collection is
 * told by `revision`, which only conflict records have, and the device by the stamp. `marks` has one
 * row for each transaction that wrote, named by the last sequence that it gave; a cursor may stand anywhere inside. `answers`
 * has one row for each push with the accepted answers that its device has not acknowledged: see `answers.ts`.
 */
export const serverMigrations: readonly Migration[] = [
  {
    version: 1,
    up(tx) {
      for (const statement of firstSchema) tx.run(statement);
    },
  },
  {
    version: 2,
    up(tx) {
      tx.run(`ALTER TABLE accounts ADD COLUMN keyring_extra TEXT NOT NULL DEFAULT '{}'`);
    },
  },
];

const firstSchema = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE TABLE invites (
     hash TEXT PRIMARY KEY,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE accounts (
     account INTEGER PRIMARY KEY,
     account_id TEXT NOT NULL UNIQUE,
     login TEXT NOT NULL UNIQUE,
     created_at INTEGER NOT NULL,
     kdf TEXT NOT NULL,
     auth_hash TEXT NOT NULL,
     recovery_hash TEXT NOT NULL,
     keyring_version INTEGER NOT NULL,
     wrapped TEXT NOT NULL,
     recovery_wrapped TEXT NOT NULL,
     retired_key_ids TEXT NOT NULL,
     epoch TEXT NOT NULL,
     sequence INTEGER NOT NULL,
     horizon INTEGER NOT NULL,
     digest TEXT NOT NULL,
     live_bytes INTEGER NOT NULL,
     history_bytes INTEGER NOT NULL
   ) STRICT`,
  `CREATE TABLE devices (
     device INTEGER PRIMARY KEY,
     account INTEGER NOT NULL,
     device_id TEXT NOT NULL,
     name TEXT NOT NULL,
     token_hash TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     last_seen_at INTEGER NOT NULL,
     acknowledged INTEGER NOT NULL,
     acknowledged_at INTEGER NOT NULL,
     UNIQUE (account, device_id)
   ) STRICT`,
  `CREATE TABLE versions (
     id INTEGER PRIMARY KEY,
     account INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     subject TEXT NOT NULL,
     version INTEGER NOT NULL,
     live INTEGER NOT NULL CHECK (live IN (0, 1)),
     timestamp TEXT NOT NULL,
     key_id TEXT NOT NULL,
     revision INTEGER,
     resolves TEXT,
     reseal INTEGER,
     extra TEXT,
     bytes INTEGER NOT NULL,
     payload BLOB NOT NULL
   ) STRICT`,
  `CREATE UNIQUE INDEX versions_by_sequence ON versions (account, sequence)`,
  `CREATE INDEX versions_by_subject ON versions (account, subject, version, sequence)`,
  `CREATE TABLE currents (
     account INTEGER NOT NULL,
     at_sequence INTEGER NOT NULL,
     version_id INTEGER NOT NULL,
     PRIMARY KEY (account, at_sequence)
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE marks (
     account INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     mark TEXT NOT NULL,
     written_at INTEGER NOT NULL,
     PRIMARY KEY (account, sequence)
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE answers (
     id INTEGER PRIMARY KEY,
     device INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     versions TEXT NOT NULL,
     change_ids BLOB NOT NULL
   ) STRICT`,
  `CREATE UNIQUE INDEX answers_by_device ON answers (device, sequence)`,
];
