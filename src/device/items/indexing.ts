import { ok, type Result } from '../../base/result';
import type { Timer } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import { continueSearchIndex, isSearchIndexWhole } from '../../store/search/searchIndex';
import type { DeviceCore } from '../core';

/** Puts into the search index what a large write has left out of it. */
export interface Indexing {
  /** Does so step by step, when nothing else goes on. To be called after a write of many items. */
  soon(): void;
  /** Does so now, for a search that would not find them; for no longer than {@link maxSearchWaitMs}. */
  finish(): Promise<void>;
  stop(): Promise<void>;
}

/** About 10,000 notes of 1 KB; of more, a search finds what is in the index by then. */
export const maxSearchWaitMs = 5000;
const firstStepMs = 500;
const betweenStepsMs = 10;

/** @param isBusy true while something goes on that steps would slow down */
export function createIndexing(core: DeviceCore, isBusy: () => boolean): Indexing {
  const { store, clock, timers, logger } = core;
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  const step = async (): Promise<Result<boolean, StorageError>> => {
    const whole = await store.read(isSearchIndexWhole);
    if (!whole.ok || whole.value) return whole;
    return store.write(tx => ok(continueSearchIndex(tx)));
  };
  const tell = ({ type }: StorageError) => logger.warn('the search index waits', { reason: type });
  const arm = (delayMs: number) => {
    if (stopped) return;
    timer ??= timers.after(delayMs, () => {
      timer = undefined;
      running = run();
    });
  };
  const run = async () => {
    if (isBusy()) return arm(firstStepMs);
    const done = await step();
    if (!done.ok) tell(done.error);
    else if (!done.value) arm(betweenStepsMs);
  };

  return {
    soon: () => arm(firstStepMs),
    finish: async () => {
      const startMs = clock.monotonic();
      while (!stopped && clock.monotonic() - startMs < maxSearchWaitMs) {
        const done = await step();
        if (done.ok && !done.value) continue;
        if (!done.ok) tell(done.error);
        return;
      }
    },
    stop: async () => {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}
