import type { Random } from '../../base/random';
import { minuteMs, secondMs } from '../../base/time';

/**
 * Exponential backoff with full jitter.
 *
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export class Backoff {
  readonly #random: Random;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  /**
   * Counts a failure and answers how long to wait, in milliseconds.
   * @param retryAfterMs what the server asked for; never waited for less
   */
  next(retryAfterMs: number | undefined): number {
    const ceilingMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(this.#failures, maxExponent));
    this.#failures++;
    return Math.max(retryAfterMs ?? 0, Math.round(this.#random.fraction() * ceilingMs));
  }

  reset(): void {
    this.#failures = 0;
  }
}

const minBackoffMs = secondMs;
const maxBackoffMs = 5 * minuteMs;
/** Beyond it the ceiling has long been reached. */
const maxExponent = 20;
