import { secondMs, type Timer, type Timers } from '../../base/time';
import type { HttpClient } from './http';

/** A slow link may need minutes for one answer. Far below the term of the lease. */
const heartbeatEveryMs = 20 * secondMs;

export interface HttpOfCycle {
  readonly timers: Timers;
  /** Tells the other windows that this one is alive. */
  readonly heartbeat: () => void;
  /** Ends the request that is out. What was sent with it stays in flight, and is sent again by the next cycle. */
  readonly signal: AbortSignal;
}

/**
 * The network as a sync cycle uses it: waiting for an answer, and every answer, shows the other windows that the cycle
 * goes on. A request ends in bounded time, so a cycle that hangs elsewhere is not kept alive.
 */
export function cycleHttp(http: HttpClient, cycle: HttpOfCycle): HttpClient {
  const { timers, heartbeat, signal } = cycle;
  return {
    async send(request) {
      const beatLater = (): Timer =>
        timers.after(heartbeatEveryMs, () => {
          heartbeat();
          timer = beatLater();
        });
      let timer = beatLater();
      try {
        return await http.send(request, signal);
      } finally {
        timer.cancel();
        heartbeat();
      }
    },
    stream: (request, onText) => http.stream(request, onText),
  };
}
