import { ok, type Result } from '../../base/result';
import type { StorageError } from '../../sqlite/database';
import type { ProcessLock } from '../../sqlite/lock/processLock';
import type { Maintenance } from '../../sqlite/maintenance';

/** Work that one process of a device does at a time, under a lock of its own beside the store's. */
export class ExclusiveWork {
  readonly #database: Pick<Maintenance, 'openLock'>;
  readonly #name: string;
  /** Closed with the file. */
  #lock: ProcessLock | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param name of the lock */
  constructor(database: Pick<Maintenance, 'openLock'>, name: string) {
    this.#database = database;
    this.#name = name;
  }

  /**
   * Runs `work` when no other process is at it. Waits for its turn within this process, and for other processes as long
   * as it is told to; after that answers `otherwise`, or that it is busy.
   */
  run<T>(
    work: () => Promise<Result<T, StorageError>>,
    lockWaitMs: number,
    otherwise?: Result<T, StorageError>,
  ): Promise<Result<T, StorageError>> {
    const turn = this.#turn.then(async () => {
      const acquired = await this.#acquire(lockWaitMs);
      if (!acquired.ok) return acquired.error.type === 'busy' ? (otherwise ?? acquired) : acquired;
      try {
        return await work();
      } finally {
        acquired.value.release();
      }
    });
    this.#turn = turn.catch(() => undefined); // the caller of this turn hears of it
    return turn;
  }

  async #acquire(waitMs: number): Promise<Result<ProcessLock, StorageError>> {
    if (this.#lock === undefined) {
      const opened = await this.#database.openLock(this.#name);
      if (!opened.ok) return opened;
      this.#lock = opened.value;
    }
    const acquired = await this.#lock.acquire(waitMs);
    return acquired.ok ? ok(this.#lock) : acquired;
  }
}
