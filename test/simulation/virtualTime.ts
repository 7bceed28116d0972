import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Timer, Timers } from '../../src/base/time';

/**
 * Time that moves from event to event. Between two events everything that they set off has come to rest, so that a run
 * depends on its seed alone.
 */
export class VirtualTime implements Timers {
  #nowMs: number;
  #order = 0;
  #events = 0;
  readonly #queue: Scheduled[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** True time, in milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** Runs `task`, and waits for what it answers, when the time has come. */
  after(delayMs: number, task: () => unknown): Timer {
    const scheduled: Scheduled = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, task };
    let index = this.#queue.length;
    while (index > 0 && isLater(this.#queue[index - 1], scheduled)) index--;
    this.#queue.splice(index, 0, scheduled);
    return {
      cancel: () => {
        const found = this.#queue.indexOf(scheduled);
        if (found >= 0) this.#queue.splice(found, 1);
      },
    };
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

  /** Lets everything happen that is due up to `untilMs`, and that moment come. */
  async advanceTo(untilMs: number): Promise<void> {
    await nextTurn();
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || next.atMs > untilMs) break;
      await this.#happen(next);
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Lets events happen until `isDone`; false when none is left, or the next is beyond the limit. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    await nextTurn();
    while (!isDone()) {
      const next = this.#queue[0];
      if (next === undefined || next.atMs > endMs) return false;
      await this.#happen(next);
    }
    return true;
  }

  async #happen(next: Scheduled): Promise<void> {
    this.#queue.shift();
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    this.#events++;
    await next.task();
    await nextTurn();
  }
}

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => unknown;
}

function isLater(left: Scheduled | undefined, right: Scheduled): boolean {
  return (
    left !== undefined && (left.atMs > right.atMs || (left.atMs === right.atMs && left.order > right.order))
  );
}
