import { messageOf } from '../base/errors';
import type { Disposable } from '../base/event';
import type { Logger } from '../base/logger';
import { err, ok, type Result } from '../base/result';
import type { ThreadShare } from '../base/threadShare';
import type { Connection, ConnectionMode } from './connection/connection';
import type { Database, StorageError, Transaction } from './database';
import type { ForeignCommits } from './foreignCommits';
import type { ProcessLock } from './lock/processLock';
import { classifyStorageError, StorageFailure } from './storageErrors';
import { runTransaction, type TransactionTarget } from './transactions';

export interface SharedDatabaseParts {
  readonly path: string;
  readonly lock: ProcessLock;
  readonly lockWaitMs: number;
  /** The newest schema version that this process knows. */
  readonly schemaVersion: number;
  readonly foreignCommits: ForeignCommits;
  readonly threadShare: ThreadShare;
  readonly logger: Logger;
  /** Called first whenever the lock was acquired. */
  readonly onLocked: () => void;
  /** The mode that every process is to use now; called under the lock. */
  readonly requiredMode: () => ConnectionMode;
  /** Opens the file anew; called under the lock. */
  readonly reopen: () => Promise<Result<Connection, StorageError>>;
  /** Called under the lock when SQLite has met a page that makes no sense: the next opening checks the file. */
  readonly onDamageSuspected: (detail: string) => void;
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

  /** Lets the next transaction open the file anew, with all the checks that this includes. */
  reopenNext(): void {
    this.#noteOwnCommits();
    this.#discard();
  }

  /**
   * Runs `use` under the lock with a connection to the file that is at the path now; with a new one, which has nothing
   * of the file in memory, when it must be `fresh`.
   */
  withConnection<T, E = never>(
    use: (connection: Connection) => Promise<Result<T, E>> | Result<T, E>,
    needs: 'any' | 'fresh' = 'any',
  ): Promise<Result<T, E | StorageError>> {
    if (this.#closing !== undefined) return Promise.resolve(err({ type: 'closed' }));
    const turn = this.#queue.then(() => this.#underLock(use, needs));
    this.#queue = turn.catch(() => undefined); // the caller of this turn hears of it
    return turn;
  }

  /** A target for this module's own transactions on the connection that `withConnection` gave. */
  targetOf(connection: Connection): TransactionTarget {
    const { path, schemaVersion, onDamageSuspected } = this.#parts;
    return {
      connection,
      path,
      check: () => {
        const found = connection.session.number('PRAGMA user_version');
        if (found > schemaVersion) {
          throw new StorageFailure({ type: 'newerSchema', found, known: schemaVersion }, 'newer schema');
        }
        // It was brought to this version when it was opened: only somebody who cut or replaced it can have undone that.
        if (found < schemaVersion) {
          throw new StorageFailure({ type: 'damaged', detail: 'its schema is gone' }, 'older schema');
        }
      },
      discard: error => {
        this.#discard();
        if (error?.type === 'damaged') this.#attempt('suspect damage', () => onDamageSuspected(error.detail));
      },
      isOwnWork: true,
    };
  }

  #transact<T, E = never>(
    kind: 'read' | 'write',
    work: (tx: Transaction) => Result<T, E>,
  ): Promise<Result<T, E | StorageError>> {
    return this.withConnection(connection => {
      return runTransaction({ ...this.targetOf(connection), isOwnWork: false }, kind, work);
    });
  }

  async #underLock<T, E = never>(
    use: (connection: Connection) => Promise<Result<T, E>> | Result<T, E>,
    needs: 'any' | 'fresh',
  ): Promise<Result<T, E | StorageError>> {
    const { lock, lockWaitMs, threadShare } = this.#parts;
    await threadShare.begin();
    const acquired = await lock.acquire(lockWaitMs);
    if (!acquired.ok) return acquired;
    try {
      if (needs === 'fresh') this.#discard();
      const ready = await this.#ready();
      return ready.ok ? await use(ready.value) : ready;
    } finally {
      this.#noteOwnCommits();
      lock.release();
      threadShare.end();
    }
  }

  /** A connection to the file that is at the path now: the open one, or a new one when the file is another. */
  async #ready(): Promise<Result<Connection, StorageError>> {
    const { onLocked, requiredMode, foreignCommits, path } = this.#parts;
    try {
      onLocked();
      const open = this.#connection;
      const isFit = open?.mode === requiredMode() && open.isCurrent();
      const ready = isFit ? ok(open) : await this.#reopen();
      if (ready.ok) foreignCommits.note(ready.value.changeCounter(), 'found');
      return ready;
    } catch (thrown) {
      const error = classifyStorageError(thrown, { path, systemCode: undefined });
      if (error === undefined) throw thrown;
      return err(error);
    }
  }

  async #reopen(): Promise<Result<Connection, StorageError>> {
    this.#discard();
    const opened = await this.#parts.reopen();
    if (opened.ok) this.#connection = opened.value;
    return opened;
  }

  /** A commit stands whatever comes of this; the next transaction meets the same disk and answers with its error. */
  #noteOwnCommits(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#attempt('note the commit', () =>
      this.#parts.foreignCommits.note(connection.changeCounter(), 'own'),
    );
  }

  /** Closes the connection. Every descriptor is closed whatever SQLite says, and the journal undoes what is half done. */
  #discard(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#attempt('close the connection', () => connection?.close());
  }

  /** Does what must not keep an outcome from its caller. */
  #attempt(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#parts.logger.warn(`could not ${what}`, { error: messageOf(error) });
    }
  }
}
