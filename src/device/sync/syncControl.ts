import { networkInterfaces } from 'node:os';
import { err, ok, type Result } from '../../base/result';
import { isoTime, secondMs } from '../../base/time';
import { defaultMaxItemBytes } from '../../protocol/limits';
import type { StorageError } from '../../sqlite/database';
import { readState, type SyncCounters, type SyncTrouble, writeState } from '../../store/state';
import type { SyncLease } from '../../store/synced/lease';
import { appendLogEntry } from '../../store/synced/syncLog';
import { OffsetEstimator } from '../../sync/clock/clockOffset';
import { type CycleOutcome, runCycle } from '../../sync/cycle';
import { type CycleLimits, defaultCycleLimits } from '../../sync/cycleLimits';
import type { CycleReport, MassChangeAnswer } from '../../sync/cycleRun';
import { type CycleEnd, Scheduler } from '../../sync/schedule/scheduler';
import { cycleHttp } from '../../sync/transport/cycleHttp';
import { EventStream } from '../../sync/transport/eventStream';
import { createTransport } from '../../sync/transport/transport';
import { requireSession } from '../account/accountEntry';
import { type DeviceCore, read, write } from '../core';
import type { DeviceError } from '../deviceError';
import { cycleFailure, failure, lockedFailure, storageFailure } from '../failures';
import type { LogEntryJson, SyncReportJson, SyncTrigger } from '../json';
import { cycleFacts, didSomething, endOf, failedEnd, noticeJson, reportJson } from './cycleOutcome';
import { cycleNotice, type RefusedChanges, refusedChanges } from './notices';
import { countersOf, noCounters, sumOf } from './syncCounters';
import { keepTrouble } from './syncTrouble';

/** Runs sync cycles: one at a time in this process and, by the lease, on this device. */

export interface SyncControlOptions {
  readonly core: DeviceCore;
  readonly lease: SyncLease;
  /** Names the time since the machine was started, where the system says it. */
  readonly boot: string | undefined;
  readonly takeSnapshot: () => Promise<Result<string, StorageError>>;
  /** Told of the items that a cycle changed. */
  readonly changed: (report: CycleReport) => void;
  readonly statusChanged: () => void;
  /** How much a cycle takes at once; left out: the usual. */
  readonly atOnce?: CycleLimits;
}

/** A command waits so long for another window's cycle. */
const maxLeaseWaitMs = 15 * secondMs;
const leasePollMs = 100;

export class SyncControl {
  readonly #options: SyncControlOptions;
  readonly #core: DeviceCore;
  readonly #scheduler: Scheduler;
  #offsets: OffsetEstimator;
  readonly #stopping = new AbortController();
  /** Ends with the cycle, whatever its end. */
  #running: Promise<void> | undefined;
  #lastIdleMs: number | undefined;
  #started = false;
  #events: EventStream | undefined;
  #unkeptTrouble: SyncTrouble | undefined;
  #uncounted = noCounters;

  constructor(options: SyncControlOptions) {
    this.#options = options;
    this.#core = options.core;
    const { clock, timers, random, logger, settings } = options.core;
    this.#offsets = new OffsetEstimator(clock, options.boot);
    this.#scheduler = new Scheduler({
      clock,
      timers,
      random,
      logger,
      run: trigger => this.#runScheduled(trigger),
      settings: () => ({
        enabled: settings().syncEnabled,
        onSave: settings().syncOnSave,
        onFocus: settings().syncOnFocus,
        intervalMs: settings().syncIntervalSeconds * secondMs,
      }),
      networkFingerprint,
    });
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** How the last cycle ended, when the store, where that is kept, could not be written. */
  get unkeptTrouble(): SyncTrouble | undefined {
    return this.#unkeptTrouble;
  }

  /** When the last cycle ended that had nothing to do, by this process. */
  get lastIdleMs(): number | undefined {
    return this.#lastIdleMs;
  }

  /** Of cycles that are not in the store's counters: those since the last one that was logged. */
  get uncounted(): SyncCounters {
    return this.#uncounted;
  }

  async start(): Promise<Result<void, DeviceError>> {
    if (this.#started) return ok();
    this.#started = true;
    await this.#listen();
    this.#scheduler.start();
    return ok();
  }

  async setPaused(paused: boolean): Promise<Result<void, DeviceError>> {
    const written = await write(this.#core, ({ store }) => ok(writeState(store, 'paused', paused)));
    if (!written.ok) return written;
    if (!paused) this.#scheduler.wake();
    this.#options.statusChanged();
    return ok();
  }

  saved(): void {
    if (this.#started) this.#scheduler.saved();
  }

  setFocused(focused: boolean): void {
    if (this.#started) this.#scheduler.setFocused(focused);
  }

  /** Signed in, out, or unlocked. */
  async sessionChanged(): Promise<void> {
    await this.#keepTrouble(undefined);
    // It may be another server's time now.
    this.#offsets = new OffsetEstimator(this.#core.clock, this.#options.boot);
    if (this.#started) {
      await this.#listen();
      this.#scheduler.wake();
    }
    this.#options.statusChanged();
  }

  /** Runs a cycle on command; after the one that runs, which may have passed by what was just written. */
  async runNow(
    trigger: SyncTrigger,
    massChange?: MassChangeAnswer,
  ): Promise<Result<SyncReportJson, DeviceError>> {
    if (await this.#isPaused()) return failure('paused', 'Sync is paused. Resume it first.');
    while (this.#running) await this.#running;
    const { answer, end } = await this.#run(trigger, { massChange, waitForLease: true });
    if (this.#started) this.#scheduler.noteEnd(end);
    return answer;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#scheduler.stop();
    this.#events?.stop();
    await this.#scheduler.settled();
    if (this.#running) await this.#running;
    await this.#options.lease.close();
  }

  #stopListening(): void {
    this.#events?.stop();
    this.#events = undefined;
  }

  async #listen(): Promise<void> {
    this.#stopListening();
    const signedIn = await requireSession(this.#core);
    if (!signedIn.ok || this.#stopping.signal.aborted) return;
    // Another call may have opened one meanwhile.
    this.#stopListening();
    const { http, clock, timers, random, logger } = this.#core;
    this.#events = new EventStream({
      http,
      clock,
      networkFingerprint,
      timers,
      random,
      logger,
      address: { server: signedIn.value.account.server, token: signedIn.value.session.token },
      onChange: () => this.#scheduler.serverEvent(),
    });
  }

  async #runScheduled(trigger: SyncTrigger): Promise<CycleEnd> {
    if (this.#running) {
      await this.#running;
      return { type: 'again' };
    }
    // Another window may have paused the device, or let it go on.
    if (await this.#isPaused()) return { type: 'needsPerson' };
    const { end } = await this.#run(trigger, { massChange: undefined, waitForLease: false });
    return end;
  }

  async #isPaused(): Promise<boolean> {
    const paused = await read(this.#core, store => ok(readState(store, 'paused') ?? false));
    return paused.ok && paused.value;
  }

  async #run(
    trigger: SyncTrigger,
    how: { readonly massChange: MassChangeAnswer | undefined; readonly waitForLease: boolean },
  ): Promise<{ readonly answer: Result<SyncReportJson, DeviceError>; readonly end: CycleEnd }> {
    const running = this.#runOnce(trigger, how);
    const ended = () => undefined;
    this.#running = running.then(ended, ended);
    this.#options.statusChanged();
    try {
      return await running;
    } finally {
      this.#running = undefined;
      this.#options.statusChanged();
    }
  }

  async #runOnce(
    trigger: SyncTrigger,
    how: { readonly massChange: MassChangeAnswer | undefined; readonly waitForLease: boolean },
  ): Promise<{ readonly answer: Result<SyncReportJson, DeviceError>; readonly end: CycleEnd }> {
    const signedIn = await requireSession(this.#core);
    if (!signedIn.ok) return { answer: signedIn, end: { type: 'needsPerson' } };
    const { account, session } = signedIn.value;
    const unlocked = await read(this.#core, store => (store.payloads.unlocked ? ok() : lockedFailure()));
    if (!unlocked.ok) return { answer: unlocked, end: { type: 'needsPerson' } };
    const leased = await this.#acquireLease(how.waitForLease ? maxLeaseWaitMs : 0);
    if (!leased.ok) return { answer: storageFailure(leased.error), end: failedEnd };
    if (!leased.value) {
      return {
        answer: failure('busy', 'Another window of this device is syncing. Try again in a moment.'),
        end: { type: 'again' },
      };
    }
    const { store, clock, timers, random, logger, http, settings, deviceId } = this.#core;
    const { signal } = this.#stopping;
    const heartbeat = () => this.#options.lease.heartbeat();
    const atOnce = this.#options.atOnce ?? defaultCycleLimits;
    const startedMs = clock.monotonic();
    logger.debug('sync begins', { trigger });
    try {
      const device = await store.read(tx => readState(tx, 'device')?.name ?? '');
      const outcome = await runCycle({
        store,
        transport: createTransport(
          cycleHttp(http, { timers, heartbeat, signal }),
          clock,
          { server: account.server, token: session.token },
          atOnce,
        ),
        clock,
        timers,
        random,
        logger,
        device: { id: deviceId, name: device.ok ? device.value : '' },
        keys: { accountId: session.accountId, ring: session.ring },
        settings: {
          text: settings().conflictsText,
          guardMaxChangedPercent: settings().guardMaxChangedPercent,
          massChange: how.massChange,
          retryRefused: trigger === 'command' || trigger === 'start',
        },
        limits: { maxItemBytes: defaultMaxItemBytes },
        atOnce,
        offsets: this.#offsets,
        heartbeat,
        takeSnapshot: this.#options.takeSnapshot,
        signal,
      });
      return await this.#conclude(trigger, outcome, clock.monotonic() - startedMs, account.server);
    } finally {
      this.#options.lease.release();
    }
  }

  async #conclude(
    trigger: SyncTrigger,
    outcome: CycleOutcome,
    durationMs: number,
    server: string,
  ): Promise<{ readonly answer: Result<SyncReportJson, DeviceError>; readonly end: CycleEnd }> {
    const { report, error } = outcome;
    const failed = error === undefined ? undefined : cycleFailure(error, server).error;
    const refused = await this.#refused();
    const notice = cycleNotice(report);
    const notices = [refused?.message, notice].filter(each => each !== undefined).join(' ') || undefined;
    const answer = reportJson(outcome, durationMs);
    // Stopping, and making way for another window, are no failures that anybody could mend.
    const makesWay = error?.type === 'fenced' || error?.type === 'stopped';
    const trouble = failed ?? (notice === undefined ? undefined : { message: notice });
    const isNews = makesWay || (await this.#keepTrouble(trouble));
    const ended = error === undefined ? 'succeeded' : makesWay ? 'madeWay' : 'failed';
    this.#uncounted = sumOf(this.#uncounted, countersOf(report, ended));
    this.#core.logger.debug('sync ends', cycleFacts(outcome, ended, durationMs));
    if (error === undefined) this.#lastIdleMs = this.#core.clock.now();
    if (didSomething(report) || (failed !== undefined && isNews)) {
      const told = { ...answer, ...noticeJson(refused?.count, refused?.messageWithoutTitle ?? notice) };
      await this.#log(trigger, told, report, failed);
    }
    this.#options.changed(report);
    const done = { ...answer, ...noticeJson(refused?.count, notices) };
    return { answer: failed === undefined ? ok(done) : err(failed), end: endOf(outcome) };
  }

  /** @returns true when it differs from what was known */
  async #keepTrouble(trouble: SyncTrouble | undefined): Promise<boolean> {
    const kept = await keepTrouble(this.#core, trouble);
    const isNews = kept.ok ? kept.value : this.#unkeptTrouble?.message !== trouble?.message;
    this.#unkeptTrouble = kept.ok ? undefined : trouble;
    return isNews;
  }

  async #log(
    trigger: SyncTrigger,
    answer: SyncReportJson,
    report: CycleReport,
    failed: DeviceError | undefined,
  ): Promise<void> {
    const { clock, events, logger } = this.#core;
    const atMs = clock.now();
    const entry: LogEntryJson = {
      ...answer,
      at: isoTime(atMs),
      trigger,
      bytesSent: report.bytesSent,
      bytesReceived: report.bytesReceived,
      pullMs: Math.round(report.pullMs),
      mergeMs: Math.round(report.mergeMs),
      pushMs: Math.round(report.pushMs),
      ...(report.clockOffsetMs === undefined ? {} : { clockOffsetMs: report.clockOffsetMs }),
      ...(report.resealed === 0 ? {} : { resealed: report.resealed }),
      ...(failed === undefined ? {} : { error: failed.message }),
    };
    const written = await write(this.#core, ({ store }) => {
      appendLogEntry(store, atMs, entry);
      writeState(store, 'counters', sumOf(readState(store, 'counters') ?? noCounters, this.#uncounted));
      if (failed === undefined) writeState(store, 'lastSyncMs', atMs);
      return ok();
    });
    if (written.ok) this.#uncounted = noCounters;
    else logger.warn('the cycle could not be logged', { reason: written.error.message });
    events.fire({ type: 'logged', entry });
  }

  async #refused(): Promise<RefusedChanges | undefined> {
    const refused = await this.#core.store.read(refusedChanges);
    return refused.ok ? refused.value : undefined;
  }

  async #acquireLease(maxWaitMs: number): Promise<Result<boolean, StorageError>> {
    for (let waitedMs = 0; ; waitedMs += leasePollMs) {
      const acquired = await this.#options.lease.tryAcquire();
      if (!acquired.ok || acquired.value || waitedMs >= maxWaitMs) return acquired;
      await this.#core.timers.sleep(leasePollMs, this.#stopping.signal);
    }
  }
}

function networkFingerprint(): string {
  return JSON.stringify(networkInterfaces());
}
