import { messageOf } from '../base/errors';
import type { Disposable } from '../base/event';
import type { Logger } from '../base/logger';
import { err, ok, type Result } from '../base/result';
import type { Connection } from './connection';
import type { Database, StorageError, Transaction } from './database';
import type { ForeignCommits } from './foreignCommits';
import type { ProcessLock } from './processLock';
import { StorageFailure } from './storageErrors';
import { runTransaction, type TransactionTarget } from './transactions';

export interface SharedDatabaseParts {
  readonly path: string;
  readonly lock: ProcessLock;
  readonly lockWaitMs: number;
  /** The newest schema version that this process knows. */
  readonly schemaVersion: number;
  readonly foreignCommits: ForeignCommits;
  readonly logger: Logger;
  /** Opens the file anew; called under the lock. */
  readonly reopen: () => Promise<Result<Connection, StorageError>>;
  /** Called once, after the last transaction. */
  readonly onClosed: () => Promise<void>;
}

/** The queue of one process's transactions on a file that others use too. */
export class SharedDatabase implements Database {
  readonly #parts: SharedDatabaseParts;
  #connection: Connection | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: SharedDatabaseParts) {
    this.#parts = parts;
  }

  read<T>(work: (tx: Transaction) => T): Promise<Result<T, StorageError>> {
    return this.#transact('read', tx => ok(work(tx)));
  }

  write<T, E = never>(work: (tx: Transaction) => Result<T, E>): Promise<Result<T, E | StorageError>> {
    return this.#transact('write', work);
  }

  onForeignCommit(listener: () => void): Disposable {
    return this.#parts.foreignCommits.on(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.then(async () => {
      this.#discard();
      await this.#parts.onClosed();
    });
    return this.#closing;
  }

  /** Runs `use` under the lock with a connection to the file that is at the path now. */
  withConnection<T, E = never>(
    use: (connection: Connection) => Promise<Result<T, E>> | Result<T, E>,
  ): Promise<Result<T, E | StorageError>> {
    if (this.#closing !== undefined) return Promise.resolve(err({ type: 'closed' }));
    const turn = this.#queue.then(() => this.#underLock(use));
    this.#queue = turn.catch(() => undefined); // the caller of this turn hears of it
    return turn;
  }

  #transact<T, E = never>(
    kind: 'read' | 'write',
    work: (tx: Transaction) => Result<T, E>,
  ): Promise<Result<T, E | StorageError>> {
    return this.withConnection(connection => {
      const outcome = runTransaction(this.#targetOf(connection), kind, work);
      if (kind === 'write' && this.#connection !== undefined) this.#noteCounter(connection, 'own');
      return outcome;
    });
  }

  async #underLock<T, E = never>(
    use: (connection: Connection) => Promise<Result<T, E>> | Result<T, E>,
  ): Promise<Result<T, E | StorageError>> {
    const { lock, lockWaitMs } = this.#parts;
    const acquired = await lock.acquire(lockWaitMs);
    if (!acquired.ok) return acquired;
    try {
      const ready = this.#current() ?? (await this.#reopen());
      return ready.ok ? await use(ready.value) : ready;
    } finally {
      lock.release();
    }
  }

  /** The open connection, when the file at the path is still the one that it is open on. */
  #current(): Result<Connection, never> | undefined {
    const connection = this.#connection;
    if (connection?.isCurrent()) return ok(connection);
    this.#discard();
    return undefined;
  }

  async #reopen(): Promise<Result<Connection, StorageError>> {
    const opened = await this.#parts.reopen();
    if (opened.ok) this.#connection = opened.value;
    return opened;
  }

  #targetOf(connection: Connection): TransactionTarget {
    return {
      connection,
      path: this.#parts.path,
      check: () => {
        const found = connection.session.number('PRAGMA user_version');
        const known = this.#parts.schemaVersion;
        if (found > known) throw new StorageFailure({ type: 'newerSchema', found, known }, 'newer schema');
        this.#noteCounter(connection, 'found');
      },
      discard: () => this.#discard(),
    };
  }

  #noteCounter(connection: Connection, whose: 'own' | 'found'): void {
    this.#parts.foreignCommits.note(connection.changeCounter(), whose);
  }

  #discard(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    try {
      connection?.close();
    } catch (error) {
      // Every descriptor is closed whatever SQLite says; the journal brings the file to its last commit.
      this.#parts.logger.warn('a connection ended with an error', { error: messageOf(error) });
    }
  }
}
