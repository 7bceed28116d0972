/** Where time comes from. Only this file reads the machine's clocks, so that tests can bring their own. */
export interface Clock {
  /** Wall time in milliseconds since 1970-01-01T00:00:00Z; may be wrong and may jump. */
  now(): number;
  /**
   * Milliseconds that only grow, from a start that is the same for every process since the machine was started. May stand
   * still while the machine sleeps.
   */
  monotonic(): number;
}

/** A running timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** Where delays come from. */
export interface Timers {
  /** Runs `task` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Resolves after `delayMs`, or at once when `signal` aborts. Keeps the process alive. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

const nanosecondsPerMs = 1_000_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Number(process.hrtime.bigint()) / nanosecondsPerMs,
};

export const systemTimers: Timers = {
  after(delayMs, task) {
    const handle = setTimeout(task, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  sleep(delayMs, signal) {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        clearTimeout(handle);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const handle = setTimeout(finish, delayMs);
      signal?.addEventListener('abort', finish);
    });
  },
};

/** An instant as ISO 8601 with milliseconds, in UTC. */
export function isoTime(millis: number): string {
  return new Date(millis).toISOString();
}

export const secondMs = 1000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
