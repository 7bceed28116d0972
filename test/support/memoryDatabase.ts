import type { Database as SqlJsDatabase, Statement } from 'sql.js';
import type { Disposable } from '../../src/base/event';
import { err, ok, type Result } from '../../src/base/result';
import type {
  Database,
  Migration,
  Row,
  SqlValue,
  StorageError,
  Transaction,
} from '../../src/sqlite/database';
import { loadEngine } from '../../src/sqlite/engine/wasmModule';
import { sqliteWasm } from './sqliteWasm';

/**
 * A `Database` in memory, for tests that want speed and a single thread. It knows no other process.
 */
export interface MemoryDatabase extends Database {
  /** An independent one with the same content: a backup, or the same file opened again after it was closed. */
  copy(): Promise<MemoryDatabase>;
}

export async function openMemoryDatabase(migrations: readonly Migration[]): Promise<MemoryDatabase> {
  return openBytes(migrations, undefined);
}

async function openBytes(
  migrations: readonly Migration[],
  bytes: Uint8Array | undefined,
): Promise<MemoryDatabase> {
  // A process has one instance of sql.js, and a test may open files with it too: it must be the hooked one.
  const { sql } = await loadEngine(sqliteWasm);
  const connection = new Connection(new sql.Database(bytes));
  connection.prepare();
  const version = Number(connection.get('PRAGMA user_version')?.['user_version']);
  for (const migration of migrations.filter(step => step.version > version)) {
    connection.transact('BEGIN', () => {
      migration.up(connection);
      connection.run(`PRAGMA user_version = ${migration.version}`);
      return ok();
    });
  }
  return new InMemory(connection, migrations);
}

class InMemory implements MemoryDatabase {
  readonly #connection: Connection;
  readonly #migrations: readonly Migration[];
  /** What it held when it was closed. */
  #closed: Uint8Array | undefined;

  constructor(connection: Connection, migrations: readonly Migration[]) {
    this.#connection = connection;
    this.#migrations = migrations;
  }

  async read<T>(work: (tx: Transaction) => T): Promise<Result<T, StorageError>> {
    if (this.#closed !== undefined) return err({ type: 'closed' });
    return this.#connection.transact('BEGIN', () => ok(work(this.#connection)));
  }

  async write<T, E>(work: (tx: Transaction) => Result<T, E>): Promise<Result<T, E | StorageError>> {
    if (this.#closed !== undefined) return err({ type: 'closed' });
    return this.#connection.transact('BEGIN IMMEDIATE', () => work(this.#connection));
  }

  onForeignCommit(): Disposable {
    return { dispose: () => undefined };
  }

  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = this.#connection.bytes();
    this.#connection.close();
  }

  async copy(): Promise<MemoryDatabase> {
    return openBytes(this.#migrations, this.#closed ?? this.#connection.bytes());
  }
}

class Connection implements Transaction {
  readonly #database: SqlJsDatabase;
  readonly #statements = new Map<string, Statement>();

  constructor(database: SqlJsDatabase) {
    this.#database = database;
  }

  transact<T, E>(begin: string, work: () => Result<T, E>): Result<T, E> {
    this.run(begin);
    let outcome: Result<T, E>;
    try {
      outcome = work();
    } catch (error) {
      this.run('ROLLBACK');
      throw error;
    }
    this.run(outcome.ok ? 'COMMIT' : 'ROLLBACK');
    return outcome;
  }

  run(sql: string, parameters: readonly SqlValue[] = []): number {
    this.all(sql, parameters);
    return this.#database.getRowsModified();
  }

  get(sql: string, parameters: readonly SqlValue[] = []): Row | undefined {
    return this.all(sql, parameters)[0];
  }

  all(sql: string, parameters: readonly SqlValue[] = []): readonly Row[] {
    const statement = this.#statement(sql, parameters);
    try {
      const rows: Row[] = [];
      while (statement.step()) rows.push(statement.getAsObject());
      return rows;
    } finally {
      statement.reset();
    }
  }

  /** Nothing is durable and no one else is there, so no syscall has to see to either. */
  prepare(): void {
    for (const pragma of [
      'foreign_keys = ON',
      'locking_mode = EXCLUSIVE',
      'journal_mode = MEMORY',
      'synchronous = OFF',
    ])
      this.all(`PRAGMA ${pragma}`);
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.free();
    this.#database.close();
  }

  bytes(): Uint8Array {
    for (const statement of this.#statements.values()) statement.free();
    this.#statements.clear();
    const bytes = this.#database.export();
    this.prepare(); // `export` closes and reopens the connection
    return bytes;
  }

  #statement(sql: string, parameters: readonly SqlValue[]): Statement {
    const held = this.#statements.get(sql);
    const statement = held ?? this.#database.prepare(sql);
    if (held === undefined) this.#statements.set(sql, statement);
    statement.bind([...parameters]);
    return statement;
  }
}
