import type { Clock, Timer, Timers } from '../../src/base/time';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
}

/**
 * A clock and timers that stand still until they are moved. The monotonic reading only grows; the wall clock follows
 * it, and may be set to anything beside.
 */
export class VirtualTime implements Clock, Timers {
  #elapsedMs = 0;
  #wallStartMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(wallStartMs: number) {
    this.#wallStartMs = wallStartMs;
  }

  now(): number {
    return this.#wallStartMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  /** Sets the wall clock forward, or back, without any time passing. */
  jump(ms: number): void {
    this.#wallStartMs += ms;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#pending.size;
  }

  after(delayMs: number, task: () => void): Timer {
    const pending: Pending = { atMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, task };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.after(delayMs, finish);
      signal?.addEventListener('abort', finish);
    });
  }

  /** Lets time pass: what falls due runs in its order, each followed by what it sets off. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settle();
    for (let next = this.#due(untilMs); next; next = this.#due(untilMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
      this.#pending.delete(next);
      next.task();
      await settle();
    }
    this.#elapsedMs = untilMs;
  }

  #due(untilMs: number): Pending | undefined {
    return [...this.#pending]
      .filter(({ atMs }) => atMs <= untilMs)
      .sort((left, right) => left.atMs - right.atMs || left.order - right.order)[0];
  }
}

/** Lets everything that waits for no timer come to its end. */
export async function settle(): Promise<void> {
  const turns = 5;
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve));
}
