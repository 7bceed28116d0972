import type { Random } from '../../base/random';
import type { Database } from '../../sqlite/database';
import { createSqliteAccounts } from './sqliteAccounts';
import { createSqliteChanges } from './sqliteChanges';
import { createSqliteUpkeep } from './sqliteUpkeep';
import type { ServerStorage } from './storage';

/** The server's storage in one SQLite file with the tables of `schema.ts`. */
export function createSqliteStorage(database: Database, random: Random): ServerStorage {
  return {
    ...createSqliteAccounts(database, random),
    ...createSqliteChanges(database, random),
    ...createSqliteUpkeep(database),
    onForeignCommit: listener => database.onForeignCommit(listener),
    close: () => database.close(),
  };
}
