import type { Clock, Timers } from '../../src/base/time';

/** A clock that stands still until it is moved, and timers that move it: nothing waits. */
export class VirtualTime implements Clock, Timers {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #pending = new Set<{ readonly atMs: number; readonly task: () => void }>();

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  /** Moves both clocks, and runs the tasks that come due. */
  advance(byMs: number): void {
    this.#wallMs += byMs;
    this.#monotonicMs += byMs;
    for (const timer of [...this.#pending]) {
      if (timer.atMs > this.#monotonicMs) continue;
      this.#pending.delete(timer);
      timer.task();
    }
  }

  /** Sets the wall clock alone, as a person or a time server does. */
  setWallClock(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  after(delayMs: number, task: () => void): { cancel(): void } {
    const timer = { atMs: this.#monotonicMs + delayMs, task };
    this.#pending.add(timer);
    return { cancel: () => void this.#pending.delete(timer) };
  }

  async sleep(delayMs: number): Promise<void> {
    this.advance(delayMs);
  }
}
