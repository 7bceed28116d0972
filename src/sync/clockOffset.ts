import type { Clock } from '../base/time';

/**
 * What the server's answers tell of its clock. The estimate is corrected for half of the round trip, after Cristian,
 * "Probabilistic clock synchronization", 1989.
 */
export interface OffsetSample {
  /** Server time less this machine's wall time, in milliseconds. */
  readonly offsetMs: number;
  /**
   * True when the server's time moved in a way that neither this machine's monotonic clock nor its wall clock
   * explains: then it is shown, not followed.
   */
  readonly serverStepped: boolean;
}

/** More than scheduling and network noise, far less than what would win a conflict. */
const maxUnexplainedMs = 30_000;

interface Anchor {
  readonly serverMs: number;
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export class OffsetEstimator {
  readonly #clock: Clock;
  #anchor: Anchor | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param roundTripMs from sending the request to reading the answer that carried `serverTimeMs` */
  sample(serverTimeMs: number, roundTripMs: number): OffsetSample {
    const now: Anchor = {
      serverMs: serverTimeMs + roundTripMs / 2,
      monotonicMs: this.#clock.monotonic(),
      wallMs: this.#clock.now(),
    };
    const anchor = this.#anchor;
    if (anchor !== undefined) {
      const elapsedServer = now.serverMs - anchor.serverMs;
      const byMonotonic = Math.abs(elapsedServer - (now.monotonicMs - anchor.monotonicMs));
      // The monotonic clock of some systems stands still while they sleep; the wall clock does not.
      const byWall = Math.abs(elapsedServer - (now.wallMs - anchor.wallMs));
      if (Math.min(byMonotonic, byWall) > maxUnexplainedMs + roundTripMs) {
        const explainedServerMs = anchor.serverMs + (now.monotonicMs - anchor.monotonicMs);
        return { offsetMs: explainedServerMs - now.wallMs, serverStepped: true };
      }
    }
    this.#anchor = now;
    return { offsetMs: now.serverMs - now.wallMs, serverStepped: false };
  }
}
