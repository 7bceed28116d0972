import { type Clock, dayMs, minuteMs } from '../../base/time';
import type { TimeAnchor } from '../../store/state';

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

/**
 * A step of the server that has lasted so long is followed: then it is likelier that its clock was put right. Also
 * keeps what two good clocks drift apart in between far below {@link maxUnexplainedMs}.
 */
const maxAnchorAgeMs = dayMs;

/**
 * Explains the server's time by this machine's clocks, from one answer to the next. A process that has just been
 * started compares with the answer that an earlier one has kept, unless the machine was started in between: then a
 * wrong wall clock of this machine and a step of the server look the same, and the server is followed.
 */
export class OffsetEstimator {
  readonly #clock: Clock;
  readonly #boot: string | undefined;
  #anchor: TimeAnchor | undefined;

  /** @param boot names the time since the machine was started, where the system says it: see {@link Clock.monotonic} */
  constructor(clock: Clock, boot: string | undefined) {
    this.#clock = clock;
    this.#boot = boot;
  }

  /** The last answer that was followed, to be kept for the processes after this one. */
  get anchor(): TimeAnchor | undefined {
    return this.#anchor;
  }

  /**
   * @param roundTripMs from sending the request to reading the answer that carried `serverTimeMs`
   * @param kept what an earlier process has kept
   */
  sample(serverTimeMs: number, roundTripMs: number, kept?: TimeAnchor): OffsetSample {
    const now: TimeAnchor = {
      serverMs: serverTimeMs + roundTripMs / 2,
      monotonicMs: this.#clock.monotonic(),
      wallMs: this.#clock.now(),
      ...(this.#boot === undefined ? {} : { boot: this.#boot }),
    };
    const anchor = this.#anchor ?? kept;
    const explainedServerMs =
      anchor && isComparable(anchor, now) ? serverTimeAfter(anchor, now, roundTripMs) : undefined;
    if (explainedServerMs !== undefined) {
      this.#anchor = anchor;
      return { offsetMs: explainedServerMs - now.wallMs, serverStepped: true };
    }
    this.#anchor = now;
    return { offsetMs: now.serverMs - now.wallMs, serverStepped: false };
  }
}

function isComparable(anchor: TimeAnchor, now: TimeAnchor): boolean {
  const elapsedMs = now.monotonicMs - anchor.monotonicMs;
  return anchor.boot === now.boot && elapsedMs >= 0 && elapsedMs <= maxAnchorAgeMs;
}

/** The server time that this machine's clocks make likely, when they do not explain the one that was told. */
function serverTimeAfter(anchor: TimeAnchor, now: TimeAnchor, roundTripMs: number): number | undefined {
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
