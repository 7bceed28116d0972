import type { Random } from '../../base/random';
import type { Clock } from '../../base/time';
import type { Database } from '../../sqlite/database';
import { groupWrites } from './groupedWrites';
import { createSqliteAccounts } from './sqliteAccounts';
import { createSqliteChanges } from './sqliteChanges';
import { createSqliteUpkeep } from './sqliteUpkeep';
import type { ServerStorage } from './storage';

/** The server's storage in one SQLite file with the tables of `schema.ts`. */
export function createSqliteStorage(file: Database, random: Random, clock: Clock): ServerStorage {
  const database = groupWrites(file, clock);
  return {
    ...createSqliteAccounts(database, random),
    ...createSqliteChanges(database, random),
    ...createSqliteUpkeep(database),
    onForeignCommit: listener => database.onForeignCommit(listener),
    close: () => database.close(),
  };
}
