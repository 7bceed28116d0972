import type { Disposable } from '../base/event';
import type { Result } from '../base/result';
import type { Database, StorageError } from '../sqlite/database';
import type { Payloads } from './payloads';
import { mergeAfterWrites, writeSearchIndex } from './search/searchIndex';
import { flushState } from './state';
import { createMemo, type StoreTransaction } from './transaction';

export type { StorageError } from '../sqlite/database';

/**
 * The device's store: transactions over its one SQLite file. What is written is durable when the answer comes. The
 * functions of this folder do the rest, on the transaction that they are given.
 */
export interface Store {
  read<T>(work: (store: StoreTransaction) => T): Promise<Result<T, StorageError>>;
  /** Commits when `work` answers ok, and leaves the store as it was otherwise. */
  write<T, E = never>(work: (store: StoreTransaction) => Result<T, E>): Promise<Result<T, E | StorageError>>;
  /** Hears that another process has written. */
  onForeignCommit(listener: () => void): Disposable;
  /** From now on, payloads are read and written by these rules. */
  usePayloads(payloads: Payloads): void;
  close(): Promise<void>;
}

export function createStore(database: Database, payloads: Payloads): Store {
  let current = payloads;
  return {
    read: work => database.read(sql => work({ sql, payloads: current, memo: createMemo() })),
    write: work =>
      database.write(sql => {
        const tx = { sql, payloads: current, memo: createMemo() };
        const outcome = work(tx);
        if (!outcome.ok) return outcome;
        writeSearchIndex(tx);
        mergeAfterWrites(tx);
        flushState(tx);
        return outcome;
      }),
    onForeignCommit: listener => database.onForeignCommit(listener),
    usePayloads: next => {
      current = next;
    },
    close: () => database.close(),
  };
}
