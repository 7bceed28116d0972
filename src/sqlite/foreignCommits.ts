import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { messageOf } from '../base/errors';
import { type Disposable, Emitter } from '../base/event';
import type { Logger } from '../base/logger';
import type { Timer, Timers } from '../base/time';
import { parseHeader, readHeaderBytes } from './files/databaseHeader';
import type { FileCalls } from './files/fileCalls';

export interface ForeignCommitsOptions {
  readonly path: string;
  readonly files: FileCalls;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * Notices the commits of other processes, by the change counter in the file's header. While somebody listens, the
 * folder is watched and the counter is polled. Where the watch has been seen to tell of a commit before the poll did,
 * the poll only stands by.
 */
export class ForeignCommits {
  readonly #options: ForeignCommitsOptions;
  readonly #emitter: Emitter<void>;
  #listeners = 0;
  #counter: number | undefined;
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #isWatchProven = false;
  #isStopped = false;

  constructor(options: ForeignCommitsOptions) {
    this.#options = options;
    this.#emitter = new Emitter(error =>
      options.logger.error('a listener to commits failed', { error: messageOf(error) }),
    );
  }

  on(listener: () => void): Disposable {
    const subscription = this.#emitter.on(listener);
    if (this.#listeners++ === 0) this.#start();
    let isOver = false;
    return {
      dispose: () => {
        if (isOver) return;
        isOver = true;
        subscription.dispose();
        if (--this.#listeners === 0) this.#pause();
      },
    };
  }

  /** Takes the counter as a transaction has `found` it, or as an `own` commit has left it. */
  note(counter: number, whose: 'own' | 'found'): void {
    const isForeign = whose === 'found' && this.#counter !== undefined && this.#counter !== counter;
    this.#counter = counter;
    // The listeners hear of it after the transaction that is running now.
    if (isForeign) queueMicrotask(() => this.#emitter.fire());
  }

  /** Ends for good. */
  stop(): void {
    this.#isStopped = true;
    this.#pause();
  }

  #start(): void {
    if (this.#isStopped) return;
    const { path, logger } = this.#options;
    try {
      const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === null || name.startsWith(basename(path))) this.#look('watch');
      });
      watcher.on('error', error => {
        logger.warn('the folder of the store cannot be watched any more', { error: messageOf(error) });
        watcher.close();
        this.#isWatchProven = false;
      });
      this.#watcher = watcher;
    } catch (error) {
      logger.warn('the folder of the store cannot be watched; it is polled', { error: messageOf(error) });
    }
    this.#counter ??= this.#read();
    this.#schedule();
  }

  #pause(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    this.#timer?.cancel();
    const delayMs = this.#isWatchProven ? standByPollMs : pollMs;
    this.#timer = this.#options.timers.after(delayMs, () => {
      this.#look('poll');
      this.#schedule();
    });
  }

  #look(source: 'watch' | 'poll'): void {
    const counter = this.#read();
    if (counter === undefined || counter === this.#counter) return;
    const isProven = source === 'watch';
    if (isProven !== this.#isWatchProven) {
      this.#isWatchProven = isProven;
      this.#schedule();
    }
    this.#counter = counter;
    this.#emitter.fire();
  }

  /** The counter now; undefined while the file is not there or is being replaced. */
  #read(): number | undefined {
    const { files, path, logger } = this.#options;
    try {
      return parseHeader(readHeaderBytes(files, path))?.changeCounter;
    } catch (error) {
      logger.debug('the change counter could not be read now', { error: messageOf(error) });
      return undefined;
    }
  }
}

const pollMs = 50;
/** How often the counter is polled where the watch does the noticing. */
const standByPollMs = 1000;
