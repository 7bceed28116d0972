import type { Logger } from '../../base/logger';
import type { Random } from '../../base/random';
import { dayMs, secondMs, type Timer } from '../../base/time';
import { Backoff } from './backoff';
import { type NetworkWatchOptions, watchNetwork } from './networkWatch';

/** Decides when a cycle runs. One at a time; what comes during a cycle runs after it. */

export type Trigger = 'save' | 'focus' | 'start' | 'event' | 'timer' | 'command' | 'retry';

/** How a cycle ended, as far as the schedule cares. */
export type CycleEnd =
  | { readonly type: 'done' }
  /** Another window holds the lease, or took it over: go on soon. */
  | { readonly type: 'again' }
  /** Something was left that another cycle can do: go on soon. `sent`: what waits here has become less. */
  | { readonly type: 'unfinished'; readonly sent: boolean }
  | { readonly type: 'failed'; readonly retryAfterMs: number | undefined }
  /** Nothing will change before a person has acted. */
  | { readonly type: 'needsPerson' };

export interface SchedulerOptions extends NetworkWatchOptions {
  readonly random: Random;
  readonly logger: Logger;
  readonly run: (trigger: Trigger) => Promise<CycleEnd>;
  readonly settings: () => ScheduleSettings;
}

export interface ScheduleSettings {
  readonly enabled: boolean;
  readonly onSave: boolean;
  readonly onFocus: boolean;
  readonly intervalMs: number;
}

const saveDebounceMs = secondMs;
/** Saving that goes on without a pause is synced at least this often. */
const maxSaveDelayMs = 5 * secondMs;
const minFocusIntervalMs = 10 * secondMs;
/** So soon a cycle goes on that had to leave something. */
const againDelayMs = secondMs;
/** Cycles that leave something and send nothing, so many in a row, are a failure: others or the server stand in the way. */
const maxFruitlessCycles = 3;
/** Whatever the settings say; no more than a day, which a timer can still hold. */
const minIntervalMs = 10 * secondMs;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #backoff: Backoff;
  #focused = false;
  #stopped = false;
  #fruitless = 0;
  #running: Promise<void> | undefined;
  #wantedAfter: Trigger | undefined;
  #saveTimer: Timer | undefined;
  #firstSaveMs: number | undefined;
  #lastFocusMs: number | undefined;
  #retryTimer: Timer | undefined;
  #intervalTimer: Timer | undefined;
  #networkTimer: Timer | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  start(): void {
    this.#scheduleInterval();
    this.#trigger('start');
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of [this.#saveTimer, this.#retryTimer, this.#intervalTimer, this.#networkTimer]) {
      timer?.cancel();
    }
  }

  /** Resolves when no cycle runs. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  saved(): void {
    const { clock, timers, settings } = this.#options;
    if (this.#stopped || !settings().onSave) return;
    const nowMs = clock.monotonic();
    this.#firstSaveMs ??= nowMs;
    const delayMs = Math.max(0, Math.min(saveDebounceMs, this.#firstSaveMs + maxSaveDelayMs - nowMs));
    this.#saveTimer?.cancel();
    this.#saveTimer = timers.after(delayMs, () => {
      this.#firstSaveMs = undefined;
      this.#trigger('save');
    });
  }

  setFocused(focused: boolean): void {
    const gained = focused && !this.#focused;
    this.#focused = focused;
    if (!gained || !this.#options.settings().onFocus) return;
    const nowMs = this.#options.clock.monotonic();
    if (this.#lastFocusMs !== undefined && nowMs - this.#lastFocusMs < minFocusIntervalMs) return;
    this.#lastFocusMs = nowMs;
    this.#trigger('focus');
  }

  /** The server has something new. */
  serverEvent(): void {
    this.#trigger('event');
  }

  /** A person asked, or the settings or keys have changed: waiting is over. */
  wake(): void {
    this.#fruitless = 0;
    this.#backoff.reset();
    this.#trigger('command');
  }

  /** The outcome of a cycle that was run on command, outside the schedule. */
  noteEnd(end: CycleEnd): void {
    this.#after(end);
  }

  #trigger(trigger: Trigger): void {
    if (this.#stopped || !this.#options.settings().enabled) return;
    // While backing off only time, the network or a person ends the wait.
    if (this.#backoff.failures > 0 && trigger !== 'retry' && trigger !== 'command') return;
    if (this.#running) {
      if (this.#wantedAfter !== 'command') this.#wantedAfter = trigger;
      return;
    }
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#running = this.#options
      .run(trigger)
      .then(end => this.#after(end))
      .catch((error: unknown) => {
        this.#options.logger.error('a sync cycle broke off unexpectedly', { error: String(error) });
        this.#after({ type: 'failed', retryAfterMs: undefined });
      })
      .finally(() => {
        this.#running = undefined;
        const wanted = this.#wantedAfter;
        this.#wantedAfter = undefined;
        if (wanted === 'command') this.#backoff.reset();
        if (wanted !== undefined) this.#trigger(wanted);
      });
  }

  #after(end: CycleEnd): void {
    if (this.#stopped) return;
    this.#networkTimer?.cancel();
    switch (end.type) {
      case 'done':
      case 'needsPerson':
        this.#fruitless = 0;
        this.#backoff.reset();
        return;
      case 'unfinished':
        this.#fruitless = end.sent ? 0 : this.#fruitless + 1;
        // The backoff stays as it is: a cycle that gets through only now and then must not undo what failures have said.
        this.#retryIn(this.#fruitless < maxFruitlessCycles ? againDelayMs : this.#backoff.next(undefined));
        return;
      case 'again':
        this.#backoff.reset();
        this.#retryIn(againDelayMs);
        return;
      case 'failed':
        this.#retryIn(this.#backoff.next(end.retryAfterMs));
        if (end.retryAfterMs === undefined) this.#watchNetwork();
        return;
    }
  }

  #retryIn(delayMs: number): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = this.#options.timers.after(delayMs, () => this.#trigger('retry'));
  }

  /** Another network ends the wait. */
  #watchNetwork(): void {
    this.#networkTimer = watchNetwork(this.#options, () => {
      this.#backoff.reset();
      this.#trigger('retry');
    });
  }

  #scheduleInterval(): void {
    const { timers, settings } = this.#options;
    const intervalMs = Math.min(Math.max(settings().intervalMs, minIntervalMs), dayMs);
    this.#intervalTimer = timers.after(intervalMs, () => {
      if (this.#focused) this.#trigger('timer');
      if (!this.#stopped) this.#scheduleInterval();
    });
  }
}
