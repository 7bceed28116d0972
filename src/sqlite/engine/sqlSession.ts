import { assert } from '../../base/assert';
import type { Row, SqlValue } from '../database';

/** The part of `sql.js`'s `Database` that a session uses. */
export interface SqlDriver {
  prepare(sql: string): SqlStatement;
  /** Runs any number of statements. */
  run(sql: string): unknown;
  /** Rows changed by the last statement that changes rows. */
  getRowsModified(): number;
  /** The whole database as the bytes of a file. */
  export(): Uint8Array;
  close(): void;
}

/** The part of `sql.js`'s `Statement` that a session uses. */
export interface SqlStatement {
  bind(values: SqlValue[]): unknown;
  step(): boolean;
  get(): SqlValue[];
  getColumnNames(): string[];
  /** The text of the one statement that was prepared. */
  getSQL(): string;
  reset(): unknown;
  free(): unknown;
}

/** One open database with its prepared statements: SQL in, rows out, errors as SQLite throws them. */
export class SqlSession {
  readonly #database: SqlDriver;
  readonly #statements = new Map<string, PreparedStatement>();

  constructor(database: SqlDriver) {
    this.#database = database;
  }

  /** Runs statements that take no parameters and answer no rows. */
  execute(sql: string): void {
    this.#forgetNames();
    this.#database.run(sql);
  }

  /** Runs one statement; answers the number of rows that it changed, 0 when it is not one that changes rows. */
  run(sql: string, parameters: readonly SqlValue[] = []): number {
    const { statement, changes } = this.#prepare(sql);
    if (changes === 'schema') this.#forgetNames();
    try {
      statement.bind([...parameters]);
      statement.step();
    } finally {
      statement.reset();
    }
    return changes === 'rows' ? this.#database.getRowsModified() : 0;
  }

  get(sql: string, parameters: readonly SqlValue[] = []): Row | undefined {
    const prepared = this.#prepare(sql);
    const { statement } = prepared;
    try {
      statement.bind([...parameters]);
      return statement.step() ? toRow(namesOf(prepared), statement.get()) : undefined;
    } finally {
      statement.reset();
    }
  }

  all(sql: string, parameters: readonly SqlValue[] = []): readonly Row[] {
    const prepared = this.#prepare(sql);
    const { statement } = prepared;
    const rows: Row[] = [];
    try {
      statement.bind([...parameters]);
      while (statement.step()) rows.push(toRow(namesOf(prepared), statement.get()));
    } finally {
      statement.reset();
    }
    return rows;
  }

  /** Hands over row after row, so that those before an error have arrived when it is thrown. */
  each(sql: string, parameters: readonly SqlValue[], onRow: (values: readonly SqlValue[]) => void): void {
    const { statement } = this.#prepare(sql);
    try {
      statement.bind([...parameters]);
      while (statement.step()) onRow(statement.get());
    } finally {
      statement.reset();
    }
  }

  /** The first column of the first row, which must be there. */
  value(sql: string, parameters: readonly SqlValue[] = []): SqlValue {
    const row = this.get(sql, parameters);
    const [value] = row === undefined ? [] : Object.values(row);
    assert(value !== undefined, `no row: ${sql}`);
    return value;
  }

  /** As `value`, for what SQLite guarantees to be a number. */
  number(sql: string): number {
    const value = this.value(sql);
    assert(typeof value === 'number', `not a number: ${sql}`);
    return value;
  }

  /** The whole database as the bytes of a file. */
  bytes(): Uint8Array {
    return this.#database.export();
  }

  /** Frees the prepared statements and the database. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /**
   * What `SELECT *` names may be others after a change of the schema. One that another process makes comes with another
   * schema version, on which no statement of this session runs any more.
   */
  #forgetNames(): void {
    for (const prepared of this.#statements.values()) prepared.names = undefined;
  }

  /** The prepared form of one statement; the least recently used one gives way when there are too many. */
  #prepare(sql: string): PreparedStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    const statement = this.#database.prepare(sql);
    const rest = sql.slice(statement.getSQL().length);
    if (!nothingMore.test(rest)) {
      statement.free();
      assert(false, `one statement at a time; not run: ${rest.trim().slice(0, 80)}`);
    }
    if (this.#statements.size >= maxPreparedStatements) {
      const [oldest] = this.#statements;
      if (oldest !== undefined) {
        this.#statements.delete(oldest[0]);
        oldest[1].statement.free();
      }
    }
    const prepared: PreparedStatement = { statement, changes: changesOf(sql), names: undefined };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

interface PreparedStatement {
  readonly statement: SqlStatement;
  readonly changes: 'rows' | 'schema' | 'nothing';
  /** Of the columns, once they were asked for. */
  names: readonly string[] | undefined;
}

const maxPreparedStatements = 100;
const changesRows = /^\s*(insert|update|delete|replace|with)\b/i;
/** A roll-back undoes such changes. */
const changesSchema = /^\s*(create|alter|drop|rollback)\b/i;
const nothingMore = /^(\s|;|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*$/;

function changesOf(sql: string): PreparedStatement['changes'] {
  if (changesRows.test(sql)) return 'rows';
  return changesSchema.test(sql) ? 'schema' : 'nothing';
}

function namesOf(prepared: PreparedStatement): readonly string[] {
  prepared.names ??= prepared.statement.getColumnNames();
  return prepared.names;
}

function toRow(names: readonly string[], values: readonly SqlValue[]): Row {
  const row: Record<string, SqlValue> = {};
  for (let index = 0; index < names.length; index++) row[names[index] ?? ''] = values[index] ?? null;
  return row;
}
