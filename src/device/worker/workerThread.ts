import { MessageChannel, type Worker } from 'node:worker_threads';
import { expose, type Remote, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/umd/node-adapter';
import { minuteMs, type Timer, type Timers } from '../../base/time';
import type { WorkerEntry, WorkerStart } from './workerContract';
import { type LentServices, lendServices } from './workerServices';

export interface WorkerThreadOptions extends LentServices {
  /** The folder of the device's store. */
  readonly folder: string;
  readonly wasmFile: string;
  /** Starts the thread. `services` of `start` must be in the worker's transfer list. */
  readonly startWorker: (start: WorkerStart) => Worker;
  readonly timers: Timers;
}

/**
 * A thread that was asked something and gives no sign of life for this long hangs, and is ended. The longest that it is
 * busy at one piece, checking or compacting a large store, takes seconds.
 */
export const hangLimitMs = 2 * minuteMs;

/** One thread, from its start to its end. */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #entry: Remote<WorkerEntry>;
  readonly #options: WorkerThreadOptions;
  /** Told when the thread ends by itself, because then no answer comes. */
  readonly #waiting = new Set<() => void>();
  #watch: Timer | undefined;
  #gone = false;
  #terminated = false;

  /** @param onEnded hears of an end that was not asked for by {@link terminate} */
  constructor(options: WorkerThreadOptions, onEnded: (exitCode: number) => void) {
    this.#options = options;
    const channel = new MessageChannel();
    const lent = lendServices(options);
    expose(lent.services, nodeEndpoint(channel.port1));
    const { folder, wasmFile, logger } = options;
    this.#worker = options.startWorker({ folder, wasmFile, services: channel.port2 });
    this.#entry = wrap<WorkerEntry>(nodeEndpoint(this.#worker));
    this.#worker.on('error', error => {
      logger.error('the background worker failed', { error: error.stack ?? error.message });
    });
    this.#worker.once('exit', exitCode => {
      channel.port1.close();
      lent.stopAll();
      this.#watch?.cancel();
      this.#gone = true;
      for (const giveUp of this.#waiting) giveUp();
      this.#waiting.clear();
      if (!this.#terminated) onEnded(exitCode);
    });
  }

  /** Answers `lost` when the thread ends before it answers. */
  ask<T>(question: (entry: Remote<WorkerEntry>) => Promise<T>): Promise<T | 'lost'> {
    if (this.#gone) return Promise.resolve('lost');
    this.#watch ??= this.#watchSoon();
    return new Promise((resolve, reject) => {
      const giveUp = () => resolve('lost');
      this.#waiting.add(giveUp);
      question(this.#entry)
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(giveUp));
    });
  }

  async terminate(): Promise<void> {
    this.#terminated = true;
    await this.#worker.terminate();
  }

  /** Only a thread that owes an answer is watched. */
  #watchSoon(): Timer {
    return this.#options.timers.after(hangLimitMs, () => {
      this.#watch = undefined;
      if (this.#gone || this.#waiting.size === 0) return;
      this.#watch = this.#endWhenSilent();
      this.#entry.ping().then(
        () => {
          this.#watch?.cancel();
          this.#watch = this.#gone ? undefined : this.#watchSoon();
        },
        (error: unknown) => this.#options.logger.warn('a sign of life failed', { error: String(error) }),
      );
    });
  }

  #endWhenSilent(): Timer {
    const { timers, logger } = this.#options;
    return timers.after(hangLimitMs, () => {
      logger.error('the background worker does not answer and is ended', { limitMs: hangLimitMs });
      this.#worker.terminate().catch((error: unknown) => {
        logger.error('the background worker could not be ended', { error: String(error) });
      });
    });
  }
}
