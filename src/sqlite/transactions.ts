import { assert } from '../base/assert';
import { err, type Result } from '../base/result';
import type { Connection } from './connection/connection';
import type { Row, SqlValue, StorageError, Transaction } from './database';
import type { SqlSession } from './engine/sqlSession';
import { classifyStorageError, fromSystemCode, StorageFailure } from './storageErrors';

/** What a transaction is run on. */
export interface TransactionTarget {
  readonly connection: Connection;
  /** The path of the file, for messages. */
  readonly path: string;
  /** Called first inside the transaction, when the file is settled: throws a `StorageFailure` to refuse it. */
  readonly check: () => void;
  /**
   * Called when a transaction was broken off, with storage's error when that was the reason: nothing is known of the
   * connection any more, so it must be given up.
   */
  readonly discard: (error: StorageError | undefined) => void;
  /** Whether the work is this module's own: then a system error that it throws is storage's, not the caller's. */
  readonly isOwnWork?: boolean;
}

/**
 * Runs `work` in one transaction, which the caller has put under the lock. A write commits when `work` answers ok.
 * Storage's own failures are values; what else `work` throws is thrown on, after the roll-back.
 */
export function runTransaction<T, E = never>(
  target: TransactionTarget,
  kind: 'read' | 'write',
  work: (tx: Transaction) => Result<T, E>,
): Result<T, E | StorageError> {
  const { connection, path } = target;
  const classify = (thrown: unknown) =>
    classifyStorageError(thrown, { path, systemCode: connection.systemCode });
  const tx = new SessionTransaction(connection.session, kind, classify);
  let isWorking = false;
  connection.clearFailure();
  try {
    connection.session.run(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
    target.check();
    isWorking = true;
    const outcome = work(tx);
    isWorking = false;
    if (tx.failure !== undefined) throw tx.failure; // the work has gone on after storage failed
    // SQLite takes some failures for an answer, such as that there is no journal where it could not look.
    if (connection.systemCode !== undefined) throw systemFailure(connection.systemCode, path);
    if (kind === 'write' && outcome.ok) connection.commit();
    else connection.session.run('ROLLBACK');
    return outcome;
  } catch (thrown) {
    const isCallers = isWorking && !target.isOwnWork && !(thrown instanceof StorageFailure);
    const error = tx.failure?.error ?? (isCallers ? undefined : classify(thrown));
    // Closing rolls back. What cannot be rolled back now, SQLite does from the journal when the file is next opened.
    target.discard(error);
    if (error === undefined) throw thrown;
    return err(error);
  } finally {
    tx.end();
  }
}

function systemFailure(code: string, path: string): StorageFailure {
  return new StorageFailure(fromSystemCode(code, path), code);
}

/** SQL inside one transaction: every call throws once the transaction is over or storage has failed. */
class SessionTransaction implements Transaction {
  readonly #session: SqlSession;
  readonly #kind: 'read' | 'write';
  readonly #classify: (thrown: unknown) => StorageError | undefined;
  #failure: StorageFailure | undefined;
  #isOver = false;

  constructor(
    session: SqlSession,
    kind: 'read' | 'write',
    classify: (thrown: unknown) => StorageError | undefined,
  ) {
    this.#session = session;
    this.#kind = kind;
    this.#classify = classify;
  }

  get failure(): StorageFailure | undefined {
    return this.#failure;
  }

  run(sql: string, parameters?: readonly SqlValue[]): number {
    assert(this.#kind === 'write', 'a read transaction changes nothing');
    return this.#attempt(sql, () => this.#session.run(sql, parameters));
  }

  get(sql: string, parameters?: readonly SqlValue[]): Row | undefined {
    return this.#attempt(sql, () => this.#session.get(sql, parameters));
  }

  all(sql: string, parameters?: readonly SqlValue[]): readonly Row[] {
    return this.#attempt(sql, () => this.#session.all(sql, parameters));
  }

  end(): void {
    this.#isOver = true;
  }

  #attempt<T>(sql: string, run: () => T): T {
    assert(!this.#isOver, 'the transaction is over');
    assert(!controlsTransaction.test(sql), 'a transaction begins and ends around the work, not inside it');
    // SQLite may have rolled back by itself, and would commit whatever came next on its own.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return run();
    } catch (thrown) {
      const error = this.#classify(thrown);
      if (error === undefined) throw thrown;
      this.#failure = new StorageFailure(error, thrown);
      throw this.#failure;
    }
  }
}

const controlsTransaction =
  /^\s*(begin|commit|end|rollback(?!\s+(transaction\s+)?to\b)|attach|detach|vacuum)\b/i;
