import { createRequire } from 'node:module';
import { z } from 'zod';
import { ok, type Result } from '../../src/base/result';
import type { Database, Row, SqlValue, StorageError, Transaction } from '../../src/sqlite/database';
import { storeMigrations } from '../../src/store/schema';

interface NativeStatement {
  all(...parameters: readonly (SqlValue | bigint)[]): readonly Row[];
  run(...parameters: readonly (SqlValue | bigint)[]): { readonly changes: number | bigint };
}
interface NativeDatabase {
  prepare(sql: string): NativeStatement;
  exec(sql: string): void;
  close(): void;
}

/**
 * The peer of the store's figures: the same tables and statements on Node's own SQLite, as a program that has the file
 * for itself would use it (WAL, every commit synced, no lock between processes).
 */
export function openNativeStore(path: string): Database {
  const { DatabaseSync } = z
    .object({
      DatabaseSync: z.custom<new (path: string) => NativeDatabase>(value => typeof value === 'function'),
    })
    .parse(createRequire(__filename)('node:sqlite'));
  const native = new DatabaseSync(path);
  native.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192');
  const statements = new Map<string, NativeStatement>();
  const prepared = (sql: string) => {
    const known = statements.get(sql) ?? native.prepare(sql);
    statements.set(sql, known);
    return known;
  };
  const tx: Transaction = {
    run: (sql, parameters = []) => Number(prepared(sql).run(...bound(parameters)).changes),
    get: (sql, parameters = []) => prepared(sql).all(...bound(parameters))[0],
    all: (sql, parameters = []) => prepared(sql).all(...bound(parameters)),
  };
  const isNew = Number(tx.get('PRAGMA user_version')?.['user_version']) === 0;
  if (isNew) {
    for (const migration of storeMigrations) migration.up(tx);
    native.exec('PRAGMA user_version=1');
  }
  const transact = <T, E>(begin: string, work: () => Result<T, E>): Result<T, E> => {
    native.exec(begin);
    const outcome = work();
    native.exec(outcome.ok ? 'COMMIT' : 'ROLLBACK');
    return outcome;
  };
  return {
    read: async <T>(work: (tx: Transaction) => T): Promise<Result<T, StorageError>> =>
      transact('BEGIN', () => ok(work(tx))),
    write: async <T, E = never>(
      work: (tx: Transaction) => Result<T, E>,
    ): Promise<Result<T, E | StorageError>> => transact('BEGIN IMMEDIATE', () => work(tx)),
    onForeignCommit: () => ({ dispose: () => undefined }),
    close: async () => native.close(),
  };
}

/** Node binds numbers as reals, which a full-text table does not take for the id of a document. */
function bound(parameters: readonly SqlValue[]): readonly (SqlValue | bigint)[] {
  return parameters.map(value =>
    typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value,
  );
}
