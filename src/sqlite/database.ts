import type { Disposable } from '../base/event';
import type { Result } from '../base/result';

/** What a column can hold. Integers are JavaScript numbers and must stay within ±2^53. */
export type SqlValue = string | number | Uint8Array | null;

export type Row = Readonly<Record<string, SqlValue>>;

/** SQL inside one transaction, synchronous, valid only until the transaction ends. */
export interface Transaction {
  /** Runs one statement; answers the number of rows that it changed. */
  run(sql: string, parameters?: readonly SqlValue[]): number;
  /** The first row, or undefined. */
  get(sql: string, parameters?: readonly SqlValue[]): Row | undefined;
  all(sql: string, parameters?: readonly SqlValue[]): readonly Row[];
}

/**
 * One SQLite file, shared with every other process that opens it through this module. Every transaction runs under
 * the cross-process lock; the calls of one process queue up.
 */
export interface Database {
  /** Runs `work` in a read transaction: it sees one state of the file. */
  read<T>(work: (tx: Transaction) => T): Promise<Result<T, StorageError>>;
  /**
   * Runs `work` in a write transaction. It commits, durably, before the answer when `work` answers ok, and leaves the
   * file as it was when `work` answers an error, throws, or storage fails. One failure leaves it open: when the disk
   * cannot sync the very last step, the commit is in the file but not known to be durable, and the answer is an error.
   */
  write<T, E = never>(work: (tx: Transaction) => Result<T, E>): Promise<Result<T, E | StorageError>>;
  /** Hears, within 100 ms, that another process has committed. Own commits are not told. */
  onForeignCommit(listener: () => void): Disposable;
  /** Waits for the queued transactions, then closes. Idempotent. */
  close(): Promise<void>;
}

/** One step of a schema. Steps are applied in order, each in its own transaction with the new schema version. */
export interface Migration {
  /** The schema version after this step: 1 for the first, growing by one. */
  readonly version: number;
  up(tx: Transaction): void;
}

/** Why storage could not do what was asked. Nothing that was acknowledged is lost by any of them. */
export type StorageError =
  /** A live process held the lock for longer than the bounded wait. */
  | { readonly type: 'busy'; readonly waitedMs: number; readonly owner: string }
  /** The lock's owner is on another machine or in another pid namespace: only a repair may break it. */
  | { readonly type: 'ownerUnknown'; readonly owner: string; readonly lockPath: string }
  | { readonly type: 'full' }
  | { readonly type: 'readOnly'; readonly path: string }
  | { readonly type: 'io'; readonly code: string }
  /** The file is not a sound SQLite database. `setAside` is where it was moved, when it was. */
  | { readonly type: 'damaged'; readonly detail: string; readonly setAside?: string }
  /** The file was written by a newer version of the product; it was left untouched. */
  | { readonly type: 'newerSchema'; readonly found: number; readonly known: number }
  /** The file is a database of some other program; it was left untouched. */
  | { readonly type: 'foreign'; readonly path: string }
  | { readonly type: 'closed' };
