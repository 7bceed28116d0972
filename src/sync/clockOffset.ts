import { type Clock, minuteMs } from '../base/time';

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
/**
 * Over a sleep, or when the wall clock was set: that the wall clock was put right a little on waking is likelier than a
 * step of the server. No more than what devices and the server take from each other anyway.
 */
const maxUnexplainedAcrossJumpMs = 5 * minuteMs;

/** The clocks at the moment of one answer of the server, in milliseconds. */
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
    const explainedServerMs = this.#anchor && serverTimeAfter(this.#anchor, now, roundTripMs);
    if (explainedServerMs !== undefined) {
      return { offsetMs: explainedServerMs - now.wallMs, serverStepped: true };
    }
    this.#anchor = now;
    return { offsetMs: now.serverMs - now.wallMs, serverStepped: false };
  }
}

/** The server time that this machine's clocks make likely, when they do not explain the one that was told. */
function serverTimeAfter(anchor: Anchor, now: Anchor, roundTripMs: number): number | undefined {
  const elapsedServer = now.serverMs - anchor.serverMs;
  const elapsedMonotonic = now.monotonicMs - anchor.monotonicMs;
  const elapsedWall = now.wallMs - anchor.wallMs;
  const byMonotonic = Math.abs(elapsedServer - elapsedMonotonic);
  // The monotonic clock of some systems stands still while they sleep; the wall clock does not.
  const byWall = Math.abs(elapsedServer - elapsedWall);
  const hasJumped = Math.abs(elapsedWall - elapsedMonotonic) > maxUnexplainedMs;
  const toleranceMs = hasJumped ? maxUnexplainedAcrossJumpMs : maxUnexplainedMs;
  if (Math.min(byMonotonic, byWall) <= toleranceMs + roundTripMs) return undefined;
  return anchor.serverMs + (byWall < byMonotonic ? elapsedWall : elapsedMonotonic);
}
