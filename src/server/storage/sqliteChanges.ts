import type { Random } from '../../base/random';
import { ok, type Result } from '../../base/result';
import type { Database, StorageError } from '../../sqlite/database';
import { integer } from '../../sqlite/rows';
import { cursorAt, findPosition } from './positions';
import { entryColumns, entryOf, versionColumns, versionOf } from './rows';
import { fitting, pullFromSqlite } from './sqlitePull';
import { pushToSqlite } from './sqlitePush';
import type { ChangeStorage } from './storage';

export function createSqliteChanges(database: Database, random: Random): ChangeStorage {
  return {
    push: batch => pushToSqlite(database, random, batch),
    pull: request => pullFromSqlite(database, random, request),
    manifest: async ({ accountId, after, limit }) =>
      flatten(
        await database.read(tx => {
          const position = findPosition(tx, accountId);
          if (!position.ok) return position;
          const rows = tx.all(
            `SELECT ${entryColumns} FROM versions
             WHERE account = ?1 AND subject > ?2 AND EXISTS
               (SELECT 1 FROM currents WHERE currents.account = ?1 AND at_sequence = sequence)
             ORDER BY subject LIMIT ?3`,
            [position.value.account, after, limit + 1],
          );
          return ok({
            entries: rows.slice(0, limit).map(entryOf),
            hasMore: rows.length > limit,
            cursor: cursorAt(tx, position.value, position.value.sequence, 0),
          });
        }),
      ),
    findItem: (accountId, subject) =>
      database.read(tx => {
        const row = tx.get(
          `SELECT ${versionColumns} FROM versions
           WHERE account = (SELECT account FROM accounts WHERE account_id = ?) AND subject = ?
           ORDER BY version DESC LIMIT 1`,
          [accountId, subject],
        );
        return row === undefined ? undefined : versionOf(row);
      }),
    listVersions: ({ accountId, subject, before, limit, maxPayloadBytes }) =>
      database.read(tx => {
        const sizes = tx.all(
          `SELECT id, bytes FROM versions
           WHERE account = (SELECT account FROM accounts WHERE account_id = ?) AND subject = ? AND version < ?
           ORDER BY version DESC LIMIT ?`,
          [accountId, subject, before, limit + 1],
        );
        const count = fitting(
          sizes.map(row => integer(row, 'bytes')),
          limit,
          maxPayloadBytes,
        );
        const versions = sizes.slice(0, count).flatMap(({ id }) => {
          const row = tx.get(`SELECT ${versionColumns} FROM versions WHERE id = ?`, [id ?? null]);
          return row === undefined ? [] : [versionOf(row)];
        });
        return { versions, hasMore: sizes.length > count };
      }),
  };
}

function flatten<T, E>(outcome: Result<Result<T, E>, StorageError>): Result<T, E | StorageError> {
  return outcome.ok ? outcome.value : outcome;
}
