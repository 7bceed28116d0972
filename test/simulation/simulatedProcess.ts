import { err, type Result } from '../../src/base/result';
import type { Clock, Timer, Timers } from '../../src/base/time';
import type { Database, StorageError, Transaction } from '../../src/sqlite/database';
import type { VirtualTime } from './virtualTime';

/** One window's process: it can die at any moment, and fall asleep in the middle of anything. */
export class SimulatedProcess {
  readonly #time: VirtualTime;
  readonly #bornMs: number;
  #alive = true;
  #asleepUntilMs = 0;
  #dyingWrite: { left: number; readonly moment: 'before' | 'after' } | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#bornMs = time.nowMs;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get ageMs(): number {
    return this.#time.nowMs - this.#bornMs;
  }

  /** Whatever it was doing is never heard of again. */
  kill(): void {
    this.#alive = false;
  }

  /** Dies at its n-th write from now, just before or just after the commit. */
  dieAtWrite(number: number, moment: 'before' | 'after'): void {
    this.#dyingWrite = { left: number, moment };
  }

  sleep(ms: number): void {
    this.#asleepUntilMs = Math.max(this.#asleepUntilMs, this.#time.nowMs + ms);
  }

  wake(): void {
    this.#asleepUntilMs = 0;
  }

  /** What the process learns, when it is alive and awake to learn it. */
  async hears<T>(what: Promise<T>): Promise<T> {
    const value = await what;
    await this.#awake();
    return value;
  }

  /** A write of this process. It happens at once when the process is awake. */
  async writes<T>(work: (dies: 'before' | 'after' | undefined) => Promise<T>): Promise<T> {
    await this.#awake();
    const dies = this.#isDying();
    const done = await work(dies);
    if (dies !== undefined) this.kill();
    return this.hears(Promise.resolve(done));
  }

  /** Timers of this process. Those of a dead one never ring, and those of one that sleeps ring when it wakes up. */
  get timers(): Timers {
    return {
      after: (delayMs, task) => this.#after(delayMs, task),
      sleep: (delayMs, signal) => this.hears(this.#time.sleep(delayMs, signal)),
    };
  }

  #after(delayMs: number, task: () => void): Timer {
    let isCancelled = false;
    const ring = () => {
      if (!isCancelled) task();
    };
    const timer = this.#time.after(delayMs, () => {
      if (this.#alive && this.#asleepUntilMs <= this.#time.nowMs) ring();
      else void this.#awake().then(ring);
    });
    return {
      cancel() {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  #isDying(): 'before' | 'after' | undefined {
    const dying = this.#dyingWrite;
    if (dying === undefined || --dying.left > 0) return undefined;
    return dying.moment;
  }

  async #awake(): Promise<void> {
    while (this.#alive && this.#asleepUntilMs > this.#time.nowMs) {
      await this.#time.sleep(Math.min(this.#asleepUntilMs - this.#time.nowMs, maxNapMs));
    }
    if (!this.#alive) await new Promise(() => undefined);
  }
}

/** Somebody who sleeps looks so often whether they were woken. */
const maxNapMs = 5000;

/** A device's wall clock: wrong, jumping, standing still, running backwards. */
export class SimulatedWall {
  readonly #time: VirtualTime;
  #offsetMs = 0;
  #frozenAtMs: number | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  jump(byMs: number): void {
    this.#offsetMs += byMs;
    if (this.#frozenAtMs !== undefined) this.#frozenAtMs += byMs;
  }

  stutter(forMs: number): void {
    this.#frozenAtMs = this.now();
    this.#time.after(forMs, () => {
      this.#frozenAtMs = undefined;
    });
  }

  now(): number {
    return this.#frozenAtMs ?? this.#time.nowMs + this.#offsetMs;
  }

  /** The machine's clocks, as all of its processes see them. */
  get clock(): Clock {
    return { now: () => this.now(), monotonic: () => this.#time.nowMs };
  }
}

/** The database as a process sees it: nothing is read or written by the dead, and a full disk takes nothing. */
export function databaseOf(
  process: SimulatedProcess,
  disk: { readonly database: () => Database; readonly isFull: () => boolean },
  committing: (tx: Transaction) => void,
): Database {
  return {
    read: work => process.hears(disk.database().read(work)),
    write: <T, E = never>(work: (tx: Transaction) => Result<T, E>) =>
      process.writes<Result<T, E | StorageError>>(dies =>
        disk.database().write<T, E | StorageError>(tx => {
          const done = work(tx);
          if (!done.ok) return done;
          if (dies === 'before' || disk.isFull()) return err({ type: 'full' });
          committing(tx);
          return done;
        }),
      ),
    onForeignCommit: () => ({ dispose: () => undefined }),
    close: async () => undefined,
  };
}
