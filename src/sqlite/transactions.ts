import { err, ok, type Result } from '../base/result';
import type { Connection } from './connection';
import type { StorageError, Transaction } from './database';
import { SessionTransaction } from './sqlSession';
import { classifyStorageError, StorageFailure } from './storageErrors';

/** What a transaction is run on. */
export interface TransactionTarget {
  readonly connection: Connection;
  /** The path of the file, for messages. */
  readonly path: string;
  /** Called first inside the transaction, when the file is settled: throws a `StorageFailure` to refuse it. */
  readonly check: () => void;
  /** Called when a transaction was broken off: nothing is known of the connection any more, so it must be given up. */
  readonly discard: () => void;
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
  let failure: StorageFailure | undefined;
  const onFailure = (thrown: unknown): never => {
    const error = classifyStorageError(thrown, { path, systemCode: connection.systemCode });
    if (error === undefined) throw thrown;
    failure = new StorageFailure(error, thrown);
    throw failure;
  };
  const tx = new SessionTransaction(connection.session, kind, onFailure);
  connection.clearFailure();
  try {
    connection.session.run(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
    target.check();
    const outcome = work(tx);
    if (failure !== undefined) throw failure; // the work has gone on after storage failed
    if (kind === 'write' && outcome.ok) connection.commit();
    else connection.session.run('ROLLBACK');
    return outcome;
  } catch (thrown) {
    const { systemCode } = connection;
    // Closing the connection rolls back; what SQLite cannot roll back now, the journal does when the file is next opened.
    target.discard();
    const error = failure?.error ?? classifyStorageError(thrown, { path, systemCode });
    if (error === undefined) throw thrown;
    return err(error);
  } finally {
    tx.end();
  }
}

/** As `runTransaction`, for work that has no failures of its own. */
export function runRead<T>(target: TransactionTarget, work: (tx: Transaction) => T): Result<T, StorageError> {
  return runTransaction(target, 'read', tx => ok(work(tx)));
}
