import { proxy, type Remote } from 'comlink';
import { messageOf } from '../../base/errors';
import { type Disposable, Emitter } from '../../base/event';
import { err, ok, type Result } from '../../base/result';
import { type Clock, minuteMs, secondMs, type Timer } from '../../base/time';
import type {
  Device,
  DeviceAccount,
  DeviceConflicts,
  DeviceDocuments,
  DeviceEvent,
  DeviceItems,
  DeviceSettings,
  DeviceSync,
  DeviceUpkeep,
} from '../device';
import type { DeviceError } from '../deviceError';
import { checkLocksAndStore } from '../upkeep/wholeDoctor';
import type { WorkerEntry } from './workerContract';
import { WorkerThread, type WorkerThreadOptions } from './workerThread';

export interface RemoteDeviceOptions extends WorkerThreadOptions {
  readonly settings: DeviceSettings;
  readonly clock: Clock;
}

/** A worker that ended by itself more often than this within {@link deathWindowMs} is not started again. */
export const maxDeaths = 3;
export const deathWindowMs = 10 * minuteMs;
/** How long a failure to open the store answers for the next uses too, before the next try. */
export const reopenDelayMs = 2 * secondMs;
/** A store that a device should sync, and that does not open, is tried again after this without being asked for. */
export const reopenToSyncMs = minuteMs;
/** How long the end of a running cycle is waited for at the close. */
export const closeLimitMs = 3 * secondMs;

/**
 * A device in a worker thread. The thread starts on first use; one that ends by itself is started again, what it was
 * asked meanwhile fails in words, and listeners hear a notice.
 */
export class RemoteDevice implements Device {
  readonly #options: RemoteDeviceOptions;
  readonly #events: Emitter<DeviceEvent>;
  #settings: DeviceSettings;
  #focused: boolean | undefined;
  /** True from when sync was asked for: each thread that opens starts it. */
  #syncing = false;
  #closed = false;
  #running: Promise<Result<WorkerThread, DeviceError>> | undefined;
  #reopening: Timer | undefined;
  #reopeningToSync: Timer | undefined;
  #deathsAtMs: readonly number[] = [];

  constructor(options: RemoteDeviceOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#events = new Emitter(error => {
      options.logger.error('a listener of the device failed', { error: String(error) });
    });
  }

  readonly items: DeviceItems = {
    create: item => this.#ask(entry => entry.items.create(item)),
    createAll: items => this.#ask(entry => entry.items.createAll(items)),
    get: id => this.#ask(entry => entry.items.get(id)),
    list: query => this.#ask(entry => entry.items.list(query)),
    outline: () => this.#ask(entry => entry.items.outline()),
    page: (place, limit) => this.#ask(entry => entry.items.page(place, limit)),
    getMany: ids => this.#ask(entry => entry.items.getMany(ids)),
    summary: id => this.#ask(entry => entry.items.summary(id)),
    search: (query, limit) => this.#ask(entry => entry.items.search(query, limit)),
    update: (id, fields) => this.#ask(entry => entry.items.update(id, fields)),
    delete: id => this.#ask(entry => entry.items.delete(id)),
    restore: (id, version) => this.#ask(entry => entry.items.restore(id, version)),
    history: id => this.#ask(entry => entry.items.history(id)),
    emptyDeleted: () => this.#ask(entry => entry.items.emptyDeleted()),
  };

  readonly documents: DeviceDocuments = {
    open: id => this.#ask(entry => entry.documents.open(id)),
    save: (id, body, base) => this.#ask(entry => entry.documents.save(id, body, base)),
    settle: id => this.#ask(entry => entry.documents.settle(id)),
  };

  readonly conflicts: DeviceConflicts = {
    list: options => this.#ask(entry => entry.conflicts.list(options)),
    get: id => this.#ask(entry => entry.conflicts.get(id)),
    mergeText: id => this.#ask(entry => entry.conflicts.mergeText(id)),
    resolve: (id, how) => this.#ask(entry => entry.conflicts.resolve(id, how)),
    undo: id => this.#ask(entry => entry.conflicts.undo(id)),
  };

  readonly account: DeviceAccount = {
    signUp: request => this.#ask(entry => entry.account.signUp(request)),
    signIn: request => this.#ask(entry => entry.account.signIn(request)),
    signOut: () => this.#ask(entry => entry.account.signOut()),
    unlock: password => this.#ask(entry => entry.account.unlock(password)),
    devices: () => this.#ask(entry => entry.account.devices()),
    revoke: (deviceId, password) => this.#ask(entry => entry.account.revoke(deviceId, password)),
    changePassword: (current, next) => this.#ask(entry => entry.account.changePassword(current, next)),
    newRecoveryPhrase: password => this.#ask(entry => entry.account.newRecoveryPhrase(password)),
    rotateKey: password => this.#ask(entry => entry.account.rotateKey(password)),
  };

  readonly sync: DeviceSync = {
    status: () => this.#ask(entry => entry.sync.status()),
    now: options => this.#ask(entry => entry.sync.now(options)),
    rejectMassChange: () => this.#ask(entry => entry.sync.rejectMassChange()),
    pause: () => this.#ask(entry => entry.sync.pause()),
    resume: () => this.#ask(entry => entry.sync.resume()),
    start: () => this.#startSync(),
    setFocused: focused => this.#setFocused(focused),
    log: limit => this.#ask(entry => entry.sync.log(limit)),
  };

  readonly upkeep: DeviceUpkeep = {
    takeSnapshot: () => this.#ask(entry => entry.upkeep.takeSnapshot()),
    snapshots: () => this.#ask(entry => entry.upkeep.snapshots()),
    rollBack: snapshotId => this.#ask(entry => entry.upkeep.rollBack(snapshotId)),
    doctor: options =>
      checkLocksAndStore(
        () => this.#askBeforeOpening(entry => entry.checkLocks(options)),
        () => this.#ask(entry => entry.upkeep.doctor(options)),
      ),
  };

  /** Kept for the thread that is not started yet. */
  async configure(settings: Partial<DeviceSettings>): Promise<Result<void, DeviceError>> {
    this.#settings = { ...this.#settings, ...settings };
    return this.#running ? this.#ask(entry => entry.configure(settings)) : ok();
  }

  async on(listener: (event: DeviceEvent) => void): Promise<Disposable> {
    return this.#events.on(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#reopening?.cancel();
    this.#reopeningToSync?.cancel();
    const running = await this.#running;
    if (!running?.ok) return;
    const { timers } = this.#options;
    await Promise.race([running.value.ask(entry => entry.close()), timers.sleep(closeLimitMs)]);
    await running.value.terminate();
  }

  async #startSync(): Promise<Result<void, DeviceError>> {
    const isKnown = this.#syncing;
    this.#syncing = true;
    const running = await this.#open();
    if (!running.ok) return running;
    return isKnown ? ok() : this.#resume(running.value);
  }

  /** Never starts the thread: a device that does not sync yet need not know. */
  async #setFocused(focused: boolean): Promise<void> {
    this.#focused = focused;
    const running = await this.#running;
    if (running?.ok) await running.value.ask(entry => entry.sync.setFocused(focused));
  }

  async #ask<T>(
    question: (entry: Remote<WorkerEntry>) => Promise<Result<T, DeviceError>>,
  ): Promise<Result<T, DeviceError>> {
    const running = await this.#open();
    if (!running.ok) return running;
    const answer = await running.value.ask(question);
    return answer === 'lost' ? err(lost) : answer;
  }

  /** Of the thread that has the store open, else of one that ends with the answer. */
  async #askBeforeOpening<T>(
    question: (entry: Remote<WorkerEntry>) => Promise<Result<T, DeviceError>>,
  ): Promise<Result<T, DeviceError>> {
    if (this.#closed) return err(closed);
    const opening = this.#running;
    const running = await opening;
    const asked = running?.ok ? running.value : new WorkerThread(this.#options, () => undefined);
    const answer = await asked.ask(question);
    if (!running?.ok) {
      await asked.terminate();
      // What kept the store from being opened may be mended.
      this.#forget(opening);
    }
    return answer === 'lost' ? err(lost) : answer;
  }

  #open(): Promise<Result<WorkerThread, DeviceError>> {
    if (this.#running !== undefined) return this.#running;
    const opening: Promise<Result<WorkerThread, DeviceError>> = this.#start(() => this.#forget(opening));
    this.#running = opening;
    return opening;
  }

  /** Lets the next use start a thread anew, unless another one has been started since. */
  #forget(opening: Promise<Result<WorkerThread, DeviceError>> | undefined): void {
    if (this.#running === opening) this.#running = undefined;
  }

  /** @param forget to be called when the thread that is started here is of no more use */
  async #start(forget: () => void): Promise<Result<WorkerThread, DeviceError>> {
    if (this.#closed) return err(closed);
    if (this.#recentDeaths() > maxDeaths) return err(givenUp);
    const running = new WorkerThread(this.#options, code => this.#ended(code, forget));
    const opened = await this.#openIn(running);
    if (opened === 'lost') return err(lost);
    if (!opened.ok) {
      await running.terminate();
      this.#tryAgainLater(forget);
      return opened;
    }
    const started = this.#syncing ? await this.#resume(running) : ok();
    if (!started.ok) {
      this.#options.logger.error('sync could not be started', { error: started.error.message });
    }
    return ok(running);
  }

  async #openIn(running: WorkerThread): Promise<Result<void, DeviceError> | 'lost'> {
    const { logger } = this.#options;
    try {
      const hear = proxy((event: DeviceEvent) => this.#events.fire(event));
      return await running.ask<Result<void, DeviceError>>(entry => entry.open(this.#settings, hear));
    } catch (error) {
      logger.error('the device could not be opened, by mistake', { error: messageOf(error) });
      return err(notOpened);
    }
  }

  /** What does not open now may open soon, such as a store that another program holds for long. */
  #tryAgainLater(forget: () => void): void {
    const { timers } = this.#options;
    this.#reopening?.cancel();
    this.#reopening = timers.after(reopenDelayMs, forget);
    if (this.#closed || !this.#syncing) return;
    this.#reopeningToSync?.cancel();
    this.#reopeningToSync = timers.after(reopenToSyncMs, () => this.#reopen());
  }

  /** Opens without being asked, and lets the listeners know what there is then. */
  #reopen(): void {
    if (this.#closed) return;
    this.#tellWhenOpen().catch((error: unknown) => {
      this.#options.logger.error('the background worker could not be started again', {
        error: String(error),
      });
    });
  }

  async #tellWhenOpen(): Promise<void> {
    const opened = await this.#open();
    if (!opened.ok) return;
    this.#events.fire({ type: 'itemsChanged' });
    this.#events.fire({ type: 'conflictsChanged' });
    const status = await this.sync.status();
    if (status.ok) this.#events.fire({ type: 'statusChanged', status: status.value });
  }

  /** Tells a new thread what the former one knew. */
  async #resume(running: WorkerThread): Promise<Result<void, DeviceError>> {
    const started = await running.ask<Result<void, DeviceError>>(entry => entry.sync.start());
    if (started === 'lost') return err(lost);
    const focused = this.#focused;
    if (started.ok && focused !== undefined) await running.ask(entry => entry.sync.setFocused(focused));
    return started;
  }

  #ended(exitCode: number, forget: () => void): void {
    const { clock, logger } = this.#options;
    forget();
    this.#deathsAtMs = [...this.#deathsAtMs, clock.monotonic()];
    logger.error('the background worker ended by itself', { exitCode });
    if (this.#closed) return;
    if (this.#recentDeaths() > maxDeaths) {
      this.#events.fire({ type: 'notice', level: 'error', message: givenUp.message });
      return;
    }
    this.#events.fire({ type: 'notice', level: 'warning', message: restarted });
    this.#reopen();
  }

  #recentDeaths(): number {
    const sinceMs = this.#options.clock.monotonic() - deathWindowMs;
    this.#deathsAtMs = this.#deathsAtMs.filter(atMs => atMs >= sinceMs);
    return this.#deathsAtMs.length;
  }
}

const lost: DeviceError = {
  code: 'busy',
  message:
    'The background part of Scratch Sync stopped before it answered. Nothing saved is lost. Try again; the log says more.',
};
const givenUp: DeviceError = {
  code: 'busy',
  message: 'The background part of Scratch Sync keeps stopping. Reload the window; the log says more.',
};
const notOpened: DeviceError = {
  code: 'busy',
  message:
    'The background part of Scratch Sync could not start. Nothing saved is lost. Reload the window; the log says more.',
};
const closed: DeviceError = { code: 'busy', message: 'Scratch Sync is closing in this window.' };
const restarted =
  'The background part of Scratch Sync stopped and was started again. Nothing that was saved is lost.';
