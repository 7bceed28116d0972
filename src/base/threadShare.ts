import type { Clock, Timers } from './time';

/**
 * Keeps one kind of work from taking a thread for itself. Work that follows upon work by promises alone never lets the
 * thread's timers and messages have their turn; this makes it pause when it has gone on for too long.
 */
export class ThreadShare {
  readonly #clock: Clock;
  readonly #timers: Timers;
  #busySinceMs = Number.NEGATIVE_INFINITY;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Call before a piece of work. Waits when others of the thread are due. */
  async begin(): Promise<void> {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#endedMs > idleGapMs) {
      this.#busySinceMs = nowMs;
    } else if (nowMs - this.#busySinceMs > maxBusyMs) {
      await this.#timers.sleep(0);
      this.#busySinceMs = this.#clock.monotonic();
    }
  }

  /** Call after it. */
  end(): void {
    this.#endedMs = this.#clock.monotonic();
  }

  /** Does `work` on one value after the other, each of them a piece. */
  async map<T, U>(values: readonly T[], work: (value: T) => U): Promise<readonly U[]> {
    const done: U[] = [];
    for (const value of values) {
      await this.begin();
      done.push(work(value));
      this.end();
    }
    return done;
  }
}

/** How long work may follow upon work; with one piece more, it stays under 50 ms. */
const maxBusyMs = 20;
/** A gap between two pieces in which others have had their turn. */
const idleGapMs = 1;
