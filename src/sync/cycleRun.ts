import { type DurationBuckets, noDurations } from '../base/durations';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { ThreadShare } from '../base/threadShare';
import type { Clock, Timers } from '../base/time';
import type { DeviceId, KeyId } from '../model/ids/ids';
import { readState, type TimeAnchor, writeState } from '../store/state';
import type { StorageError, Store } from '../store/store';
import type { StoreTransaction } from '../store/transaction';
import type { OffsetEstimator } from './clock/clockOffset';
import { restampNeverSent } from './clock/restamp';
import type { MergeContext } from './context';
import type { CycleLimits } from './cycleLimits';
import type { MassChange } from './guard';
import type { TextPolicy } from './merge/bodyMerge';
import type { SealingKeys, SizeLimits } from './sealing/sealing';
import type { Timed, Transport, TransportError } from './transport/transport';

/** What one sync cycle works with, and what it has done so far. */
export interface CycleDependencies {
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly device: { readonly id: DeviceId; readonly name: string };
  readonly keys: SealingKeys;
  readonly settings: CycleSettings;
  readonly limits: SizeLimits;
  readonly atOnce: CycleLimits;
  /** Lives as long as the process: it explains the server's time by this machine's clocks. */
  readonly offsets: OffsetEstimator;
  /** Tells the other windows that this one is alive. */
  readonly heartbeat: () => void;
  /** Keeps the store as it is, before a mass change; answers the snapshot's id. */
  readonly takeSnapshot: () => Promise<Result<string, StorageError>>;
  /** Ends the cycle at its next safe point, and at once what it waits for from the server. */
  readonly signal: AbortSignal;
}

/** `reject`: what it would delete or overwrite goes back to what this device holds, as new changes. */
export type MassChangeAnswer = 'accept' | 'reject';

export interface CycleSettings {
  readonly text: TextPolicy;
  readonly guardMaxChangedPercent: number;
  /** A person's answer to the mass change that is held; left out, it goes on to be held. */
  readonly massChange?: MassChangeAnswer | undefined;
  /** Changes that were refused are sent once more, as when a person asks for it. */
  readonly retryRefused?: boolean;
}

export type CycleError =
  | TransportError
  | StorageError
  /** Another window has taken the lease over; nothing of this cycle was written after that. */
  | { readonly type: 'fenced' }
  | { readonly type: 'stopped' }
  | ({ readonly type: 'massChange'; readonly snapshot: string } & MassChange)
  /** The account's key ring has a key that this device does not: the password fetches it. */
  | { readonly type: 'keyMissing'; readonly keyId: KeyId };

/** What a cycle did. Counts are of items; times in milliseconds. */
export interface CycleReport {
  pushed: number;
  /** Payloads that were sealed with a new key and sent again. */
  resealed: number;
  pulled: number;
  merged: number;
  conflicts: number;
  /** Changes that the server, or this device, will not take as they are. */
  refused: number;
  /** Versions that were reported and not applied: replays, and payloads that do not open. */
  unsound: number;
  requests: number;
  /** Requests for a page of changes, and with a batch of changes; answered or not. */
  pulls: number;
  pushes: number;
  /** How long each of those took. */
  pullDurations: DurationBuckets;
  pushDurations: DurationBuckets;
  bytesSent: number;
  /** After inflating. */
  bytesReceived: number;
  /** Waiting for pages, manifests and items of the server. */
  pullMs: number;
  mergeMs: number;
  pushMs: number;
  reconciled: boolean;
  /** The server's clock moved in a way that nothing explains. */
  serverStepped: boolean;
  /** The digests differ although a reconcile has just been done. */
  diverged: boolean;
  clockOffsetMs: number | undefined;
  /** The ids of the items that changed here. */
  readonly changedItems: Set<string>;
  /** The ids of the items of which a change does not wait any more. */
  readonly acknowledgedItems: Set<string>;
  conflictsChanged: boolean;
}

/** An offset that moves by less is noise, and is not worth a write. */
const minOffsetMoveMs = 1000;

/** One run of a cycle: every write goes through it, so that a window whose lease was taken over writes nothing. */
export class CycleRun {
  readonly dependencies: CycleDependencies;
  readonly report: CycleReport;
  /** For work outside of transactions, which have one of their own. */
  readonly share: ThreadShare;
  /** The cursor after what was applied. */
  cursor: string | undefined;
  #fence: number;
  #hasWritten = false;
  /** The last of the writes: those that overlap follow one another, since each must find the fence of the one before. */
  #writing: Promise<unknown> = Promise.resolve();
  #offsetMs: number | undefined;
  readonly #timeAnchor: TimeAnchor | undefined;

  constructor(
    dependencies: CycleDependencies,
    beginning: {
      readonly fence: number;
      readonly cursor: string | undefined;
      readonly offsetMs: number | undefined;
      readonly timeAnchor?: TimeAnchor | undefined;
    },
  ) {
    this.dependencies = dependencies;
    this.share = new ThreadShare(dependencies.clock, dependencies.timers);
    this.cursor = beginning.cursor;
    this.#fence = beginning.fence;
    this.#offsetMs = beginning.offsetMs;
    this.#timeAnchor = beginning.timeAnchor;
    this.report = emptyReport(beginning.offsetMs);
  }

  read<T>(work: (context: MergeContext) => T): Promise<Result<T, StorageError>> {
    return this.dependencies.store.read(store => work(this.#context(store)));
  }

  /**
   * Writes in one transaction, unless the cycle of another window has committed anything since this one began: one of
   * the two has taken the lease over, and what this one has read may be stale. Every write moves the fence, so an idle
   * cycle writes nothing.
   */
  write<T>(work: (context: MergeContext) => T): Promise<Result<T, StorageError | Fenced>> {
    const written = this.#writing.then(() => this.#writeNext(work));
    this.#writing = written.catch(() => undefined); // who asked for it hears of it
    return written;
  }

  async #writeNext<T>(work: (context: MergeContext) => T): Promise<Result<T, StorageError | Fenced>> {
    const written = await this.dependencies.store.write<T, Fenced>(store => {
      if ((readState(store, 'fence') ?? 0) !== this.#fence) return err({ type: 'fenced' });
      writeState(store, 'fence', this.#fence + 1);
      if (!this.#hasWritten) this.#keepTime(store);
      return ok(work(this.#context(store)));
    });
    if (written.ok) {
      this.#hasWritten = true;
      this.#fence++;
    }
    this.dependencies.heartbeat();
    return written;
  }

  /** Fails when a write would: before the server is told of what this window has heard, and not written. */
  async holdsLease(): Promise<Result<void, StorageError | Fenced>> {
    await this.#writing;
    const fence = await this.read(({ store }) => readState(store, 'fence') ?? 0);
    if (!fence.ok) return fence;
    return fence.value === this.#fence ? ok() : err({ type: 'fenced' });
  }

  /** Counts what an answer cost, and learns from it what time the server has. */
  async hear(timed: Timed<{ readonly serverTime: number }>): Promise<Result<void, StorageError | Fenced>> {
    const { report } = this;
    report.requests++;
    report.bytesSent += timed.bytesSent;
    report.bytesReceived += timed.bytesReceived;
    const sample = this.dependencies.offsets.sample(
      timed.answer.serverTime,
      timed.roundTripMs,
      this.#timeAnchor,
    );
    if (sample.serverStepped && !report.serverStepped) {
      report.serverStepped = true;
      this.dependencies.logger.warn('the server clock has jumped; its time is not followed', {
        offsetMs: sample.offsetMs,
      });
    }
    const before = this.#offsetMs;
    const movedMs = sample.offsetMs - (before ?? 0);
    const noiseMs = Math.max(minOffsetMoveMs, timed.roundTripMs / 2);
    if (before !== undefined && Math.abs(movedMs) < noiseMs) return ok();
    const offsetMs = Math.round(sample.offsetMs);
    const written = await this.write(context => {
      writeState(context.store, 'clockOffsetMs', offsetMs);
      return restampNeverSent(context, movedMs);
    });
    if (!written.ok) return written;
    this.#offsetMs = offsetMs;
    report.clockOffsetMs = offsetMs;
    if (written.value > 0) {
      this.dependencies.logger.info('changes were stamped anew, by the time of the server', {
        changes: written.value,
        offsetMs,
      });
    }
    return ok();
  }

  stopped(): boolean {
    return this.dependencies.signal.aborted;
  }

  /** Later processes want to know of it: it is not worth a write of its own. */
  #keepTime(store: StoreTransaction): void {
    const { anchor } = this.dependencies.offsets;
    if (anchor) writeState(store, 'timeAnchor', anchor);
  }

  #context(store: StoreTransaction): MergeContext {
    const { device, random, clock, settings } = this.dependencies;
    return { store, device, random, wallMs: clock.now(), text: settings.text };
  }
}

type Fenced = { readonly type: 'fenced' };

function emptyReport(clockOffsetMs: number | undefined): CycleReport {
  return {
    pushed: 0,
    resealed: 0,
    pulled: 0,
    merged: 0,
    conflicts: 0,
    refused: 0,
    unsound: 0,
    requests: 0,
    pulls: 0,
    pushes: 0,
    pullDurations: noDurations,
    pushDurations: noDurations,
    bytesSent: 0,
    bytesReceived: 0,
    pullMs: 0,
    mergeMs: 0,
    pushMs: 0,
    reconciled: false,
    serverStepped: false,
    diverged: false,
    clockOffsetMs,
    changedItems: new Set(),
    acknowledgedItems: new Set(),
    conflictsChanged: false,
  };
}
