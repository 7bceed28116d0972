import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { err, ok, type Result, unwrap } from '../../src/base/result';
import { ThreadShare } from '../../src/base/threadShare';
import { systemClock, systemTimers } from '../../src/base/time';
import type { Connection } from '../../src/sqlite/connection/connection';
import type { Database, Migration, SqlValue, StorageError } from '../../src/sqlite/database';
import { type SqlDriver, SqlSession, type SqlStatement } from '../../src/sqlite/engine/sqlSession';
import { parseHeader, readHeaderBytes } from '../../src/sqlite/files/databaseHeader';
import { nodeFileCalls } from '../../src/sqlite/files/fileCalls';
import { ForeignCommits } from '../../src/sqlite/foreignCommits';
import { readHostFacts } from '../../src/sqlite/lock/hostFacts';
import { createPresence } from '../../src/sqlite/lock/liveness';
import { ProcessLock } from '../../src/sqlite/lock/processLock';
import { applyMigrations, latestVersion } from '../../src/sqlite/migrations';
import { readSchemaState } from '../../src/sqlite/schemaCheck';
import { SharedDatabase } from '../../src/sqlite/sharedDatabase';
import { runTransaction } from '../../src/sqlite/transactions';
import { testApplicationId } from './sqliteSchema';

/** The part of `node:sqlite` that is used here; the types of Node 20 have none of it. */
interface NativeSqlite {
  readonly DatabaseSync: new (path: string) => NativeDatabase;
}

interface NativeDatabase {
  prepare(sql: string): NativeStatement;
  exec(sql: string): void;
  close(): void;
}

interface NativeStatement {
  readonly sourceSQL: string;
  all(...parameters: readonly SqlValue[]): readonly Readonly<Record<string, SqlValue>>[];
}

/** Node's own SQLite, where the running Node has one. */
export const nativeSqlite: NativeSqlite | undefined = isBuiltin('node:sqlite')
  ? z
      .custom<NativeSqlite>(value => value !== null && typeof value === 'object' && 'DatabaseSync' in value)
      .parse(createRequire(__filename)('node:sqlite'))
  : undefined;

/** A `Database` on native SQLite: the same transactions and lock over another engine. */
export async function openNativeDatabase(
  DatabaseSync: NativeSqlite['DatabaseSync'],
  path: string,
  migrations: readonly Migration[],
): Promise<Result<Database, StorageError>> {
  const common = { clock: systemClock, timers: systemTimers, random: systemRandom, logger: silentLogger };
  const files = nodeFileCalls;
  const presence = await createPresence({ facts: readHostFacts(), ...common });
  const folder = join(dirname(path), 'locks');
  const lock = unwrap(await ProcessLock.open({ folder, name: basename(path), presence, files, ...common }));
  const foreignCommits = new ForeignCommits({ path, files, ...common });
  const latest = latestVersion(migrations);
  const database = new SharedDatabase({
    path,
    lock,
    lockWaitMs: 15_000,
    schemaVersion: latest,
    foreignCommits,
    threadShare: new ThreadShare(systemClock, systemTimers),
    logger: silentLogger,
    onLocked: () => undefined,
    requiredMode: () => 'file',
    onDamageSuspected: () => undefined,
    reopen: async () => {
      const connection = connect(DatabaseSync, path);
      const target = { connection, path, check: () => undefined, discard: () => connection.close() };
      const state = unwrap(
        runTransaction(target, 'read', () =>
          ok(readSchemaState(connection.session, { applicationId: testApplicationId, latest, path })),
        ),
      );
      if (state.type === 'newerSchema' || state.type === 'foreign') return err(state);
      const from = state.type === 'new' ? 0 : state.version;
      const migrated = applyMigrations(target, {
        migrations,
        applicationId: testApplicationId,
        from,
        to: latest,
      });
      return migrated.ok ? ok(connection) : migrated;
    },
    onClosed: async () => {
      foreignCommits.stop();
      lock.dispose();
      await presence.close();
    },
  });
  const opened = await database.withConnection(() => ok());
  if (opened.ok) return ok(database);
  await database.close();
  return opened;
}

function connect(DatabaseSync: NativeSqlite['DatabaseSync'], path: string): Connection {
  const native = new DatabaseSync(path);
  native.exec('PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON');
  const session = new SqlSession(new NativeDriver(native));
  return {
    mode: 'file',
    session,
    systemCode: undefined,
    clearFailure: () => undefined,
    isCurrent: () => true,
    changeCounter: () => parseHeader(readHeaderBytes(nodeFileCalls, path))?.changeCounter ?? 0,
    commit: () => session.execute('COMMIT'),
    close: () => session.close(),
  };
}

class NativeDriver implements SqlDriver {
  readonly #database: NativeDatabase;
  #isClosed = false;

  constructor(database: NativeDatabase) {
    this.#database = database;
  }

  prepare(sql: string): SqlStatement {
    return new BufferedStatement(this.#database.prepare(sql));
  }

  run(sql: string): void {
    this.#database.exec(sql);
  }

  getRowsModified(): number {
    return Number(this.#database.prepare('SELECT changes() AS changes').all()[0]?.['changes']);
  }

  export(): Uint8Array {
    throw new Error('native SQLite works on the file');
  }

  close(): void {
    if (!this.#isClosed) this.#database.close();
    this.#isClosed = true;
  }
}

/** Reads every row at the first step, since Node's interface has no steps. */
class BufferedStatement implements SqlStatement {
  readonly #statement: NativeStatement;
  #values: readonly SqlValue[] = [];
  #rows: readonly Readonly<Record<string, SqlValue>>[] | undefined;
  #position = -1;

  constructor(statement: NativeStatement) {
    this.#statement = statement;
  }

  bind(values: readonly SqlValue[]): void {
    this.reset();
    this.#values = values;
  }

  step(): boolean {
    this.#rows ??= this.#statement.all(...this.#values);
    return ++this.#position < this.#rows.length;
  }

  get(): SqlValue[] {
    return Object.values(this.#rows?.[this.#position] ?? {});
  }

  getColumnNames(): string[] {
    return Object.keys(this.#rows?.[this.#position] ?? {});
  }

  getSQL(): string {
    return this.#statement.sourceSQL;
  }

  reset(): void {
    this.#rows = undefined;
    this.#position = -1;
  }

  free(): void {
    this.reset();
  }
}
