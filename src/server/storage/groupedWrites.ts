import { ok, type Result } from '../../base/result';
import type { Clock } from '../../base/time';
import type { Database, StorageError, Transaction } from '../../sqlite/database';

/** Writes that share one transaction, and so one wait for the disk. */
export const maxGroupedWrites = 32;
/** A transaction that has run for so long takes no further write in. */
const maxGroupMs = 50;

/**
 * The database, with the writes that arrive while another is under way put into one transaction. Each is a savepoint of
 * its own, so each still happens wholly or not at all, and is answered only when it is durable.
 */
export function groupWrites(database: Database, clock: Clock): Database {
  const writes = new WriteQueue(database, clock);
  return {
    read: work => database.read(work),
    write: work => writes.write(work),
    onForeignCommit: listener => database.onForeignCommit(listener),
    close: () => database.close(),
  };
}

/** A write that waits: run inside the group's transaction, and told how that ended. */
interface QueuedWrite {
  run(tx: Transaction): void;
  settle(group: Result<void, StorageError>): void;
  reject(reason: unknown): void;
}

class WriteQueue {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #waiting: QueuedWrite[] = [];
  #isRunning = false;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  write<T, E>(work: (tx: Transaction) => Result<T, E>): Promise<Result<T, E | StorageError>> {
    return new Promise((resolve, reject) => {
      let outcome: Outcome<T, E> | undefined;
      this.#waiting.push({
        run: tx => {
          outcome = inSavepoint(tx, work);
        },
        settle: group => {
          if (!group.ok) resolve(group);
          else if (outcome?.type === 'returned') resolve(outcome.result);
          else reject(outcome?.thrown);
        },
        reject,
      });
      if (!this.#isRunning) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const taken: QueuedWrite[] = [];
      try {
        const group = await this.#database.write(tx => this.#runGroup(tx, taken));
        for (const write of this.#takenOrFirst(taken)) write.settle(group);
      } catch (error) {
        for (const write of this.#takenOrFirst(taken)) write.reject(error);
      }
    }
    this.#isRunning = false;
  }

  #runGroup(tx: Transaction, taken: QueuedWrite[]): Result<void, never> {
    const started = this.#clock.monotonic();
    while (taken.length < maxGroupedWrites && this.#clock.monotonic() - started <= maxGroupMs) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      taken.push(next);
      next.run(tx);
    }
    return ok();
  }

  /** When the transaction did not even begin, its failure is that of the first in the queue. */
  #takenOrFirst(taken: readonly QueuedWrite[]): readonly QueuedWrite[] {
    return taken.length > 0 ? taken : this.#waiting.splice(0, 1);
  }
}

type Outcome<T, E> =
  | { readonly type: 'returned'; readonly result: Result<T, E> }
  | { readonly type: 'threw'; readonly thrown: unknown };

function inSavepoint<T, E>(tx: Transaction, work: (tx: Transaction) => Result<T, E>): Outcome<T, E> {
  tx.run('SAVEPOINT grouped');
  const outcome = attempt(tx, work);
  if (outcome.type === 'threw' || !outcome.result.ok) tx.run('ROLLBACK TO grouped');
  tx.run('RELEASE grouped');
  return outcome;
}

function attempt<T, E>(tx: Transaction, work: (tx: Transaction) => Result<T, E>): Outcome<T, E> {
  try {
    return { type: 'returned', result: work(tx) };
  } catch (thrown) {
    return { type: 'threw', thrown };
  }
}
