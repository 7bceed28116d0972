import { type Clock, secondMs, type Timer, type Timers } from '../../base/time';

export interface NetworkWatchOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** A text that changes with the machine's network addresses; there is no event for it. */
  readonly networkFingerprint: () => string;
}

const networkPollMs = 10 * secondMs;

/** Tells once of another network, and of waking up, which shows as a timer that took twice its time. */
export function watchNetwork(options: NetworkWatchOptions, onChange: () => void): Timer {
  const { clock, timers, networkFingerprint } = options;
  const before = networkFingerprint();
  const poll = (): Timer => {
    const setMs = clock.now();
    return timers.after(networkPollMs, () => {
      const wokeUp = clock.now() - setMs > 2 * networkPollMs;
      if (networkFingerprint() !== before || wokeUp) onChange();
      else timer = poll();
    });
  };
  let timer = poll();
  return { cancel: () => timer.cancel() };
}
