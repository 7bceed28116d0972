import type { Logger } from '../../base/logger';
import { ok, type Result } from '../../base/result';
import { type Clock, dayMs, hourMs, minuteMs, secondMs } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import type { FileCalls } from '../../sqlite/files/fileCalls';
import type { Maintenance } from '../../sqlite/maintenance';
import { continueAtRest, isAtRestDue } from '../atRest/atRestPolicy';
import { scrub } from '../atRest/scrub';
import { examine } from '../doctor/doctor';
import type { Examination } from '../doctor/examination';
import type { Finding } from '../doctor/finding';
import { continueSearchIndex, mergeSearchIndex } from '../search/searchIndex';
import type { Snapshots } from '../snapshots/snapshots';
import { type DeviceState, readState, writeState } from '../state';
import type { Store } from '../store';
import { agingTime, goOnAging } from './aging';
import { ExclusiveWork } from './exclusiveWork';
import { pruneLogs } from './hygiene';
import { pruneVersions } from './versionUpkeep';

/** What keeps a store in order. */
export interface StoreMaintenance {
  readonly snapshots: Snapshots;
  /**
   * Brings every row into the form that the policy in use asks for, and leaves no trace of what was clear. To be called
   * when the policy has changed, and after a write that made an item sensitive. Nothing happens while locked. It is
   * `busy` when another process is at its upkeep for long: what is due stays due.
   */
  applyAtRest(): Promise<Result<void, StorageError>>;
  /** Looks the store over; with `mend`, mends what can be mended. See `examine`. */
  doctor(options: Pick<Examination, 'digest' | 'mend'>): Promise<Result<readonly Finding[], StorageError>>;
  /**
   * Does a little of what waits to be done: to be called when nothing else goes on, again after `waitMs`. One process of
   * the device does it at a time.
   */
  idle(limits: {
    readonly historyKeepDays: number;
  }): Promise<Result<{ readonly waitMs: number }, StorageError>>;
  /**
   * What `idle` does, at once and for about `maxMs`, when it was not done for a day or a check is due: for a process
   * that is about to end. What is left goes on with the next one. Costs two small reads when nothing is due.
   */
  round(limits: {
    readonly historyKeepDays: number;
    readonly maxMs: number;
  }): Promise<Result<void, StorageError>>;
}

export interface MaintenanceParts {
  readonly folder: string;
  readonly files: FileCalls;
  readonly store: Store;
  readonly database: Maintenance;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createStoreMaintenance(parts: MaintenanceParts): StoreMaintenance {
  const upkeep = new Upkeep(parts);
  const alone = new ExclusiveWork(parts.database, 'upkeep');
  const applyAtRest = () => alone.run(() => upkeep.applyAtRest(), maxUpkeepWaitMs);
  return {
    snapshots: parts.snapshots,
    doctor: options => examine({ ...parts, ...options, applyAtRest }),
    applyAtRest,
    idle: async ({ historyKeepDays }) => {
      const isBusy = await alone.run(() => upkeep.step(historyKeepDays), 0, ok(false));
      return isBusy.ok ? ok({ waitMs: isBusy.value ? betweenStepsMs : betweenLooksMs }) : isBusy;
    },
    round: async ({ historyKeepDays, maxMs }) => {
      const isDue = await upkeep.isRoundDue();
      if (!isDue.ok || !isDue.value) return isDue.ok ? ok() : isDue;
      return alone.run(() => upkeep.round(historyKeepDays, maxMs), 0, ok());
    },
  };
}

/** Between two steps of a round of upkeep, so that nobody waits for it. */
const betweenStepsMs = 100;
const betweenRoundsMs = hourMs;
/** A process that is about to end makes a round when none was made for so long. */
const roundDueAfterMs = dayMs;
/** Between two rounds it is looked so often whether a check is due: a process may have died in its work since. */
const betweenLooksMs = 5 * minuteMs;
/** A step of another process is over sooner. */
const maxUpkeepWaitMs = 30 * secondMs;
/** Unused pages are given back when there are as many as this, and this share of the file. */
const minFreePages = 500;
const minFreeShare = 0.2;
/** A whole check takes about 12 ms for each MiB, during which nobody can write. */
const checkEveryMs = 7 * dayMs;

type Step = (keepDays: number) => Promise<Result<boolean, StorageError>>;

class Upkeep {
  readonly #parts: MaintenanceParts;
  #versionsAfter: string | undefined = '';
  /** Each answers whether it has more to do. */
  readonly #steps: readonly Step[] = [
    () => this.#rest(),
    () => this.#search(),
    () => this.#snapshot(),
    () => this.#logs(),
    keepDays => this.#versions(keepDays),
    () => this.#space(),
    () => this.#checkNowAndThen(),
  ];
  #next = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  /** One step of the round; answers whether the round goes on. A check that is due comes before everything else. */
  async step(keepDays: number): Promise<Result<boolean, StorageError>> {
    const { clock } = this.#parts;
    if (this.#next === 0) {
      const checked = await this.#checkWhenDue();
      if (!checked.ok || checked.value) return checked;
      if (clock.monotonic() < this.#restsUntilMs) return ok(false);
    }
    const step = this.#steps[this.#next];
    if (step === undefined) {
      this.#next = 0;
      this.#restsUntilMs = clock.monotonic() + betweenRoundsMs;
      const noted = await this.#noteDone();
      return noted.ok ? ok(false) : noted;
    }
    const more = await step(keepDays);
    if (more.ok && !more.value) this.#next++;
    return more.ok ? ok(true) : more;
  }

  async isRoundDue(): Promise<Result<boolean, StorageError>> {
    const { store, database, clock } = this.#parts;
    const kept = await store.read(tx => readState(tx, 'upkeep'));
    if (!kept.ok) return kept;
    if (isOlderThan(kept.value?.doneMs, roundDueAfterMs, clock)) return ok(true);
    const stats = await database.stats();
    return stats.ok ? ok(stats.value.isCheckDue) : stats;
  }

  /** Steps until the round is done or `maxMs` have passed; a step that has begun is ended. */
  async round(keepDays: number, maxMs: number): Promise<Result<void, StorageError>> {
    const { store, clock } = this.#parts;
    const untilMs = clock.monotonic() + maxMs;
    const kept = await store.read(tx => readState(tx, 'upkeep')?.at);
    if (!kept.ok) return kept;
    const checked = await this.#checkWhenDue();
    if (!checked.ok) return checked;
    this.#next = kept.value?.step ?? 0;
    this.#versionsAfter = kept.value?.versionsAfter;
    this.#restsUntilMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      const more = await this.step(keepDays);
      if (!more.ok || !more.value) return more.ok ? ok() : more;
      if (clock.monotonic() >= untilMs) return this.#noteUnfinished();
    }
  }

  async applyAtRest(): Promise<Result<void, StorageError>> {
    for (;;) {
      const more = await this.#rest();
      if (!more.ok) return more;
      if (!more.value) return ok();
    }
  }

  async #rest(): Promise<Result<boolean, StorageError>> {
    const { store } = this.#parts;
    const due = await store.read(tx => tx.payloads.unlocked && isAtRestDue(tx));
    if (!due.ok) return due;
    if (due.value) {
      const rewritten = await store.write(tx => ok(continueAtRest(tx)));
      return rewritten.ok ? ok(true) : rewritten;
    }
    const scrubbed = await scrub(this.#parts);
    return scrubbed.ok ? ok(false) : scrubbed;
  }

  async #search(): Promise<Result<boolean, StorageError>> {
    const done = await this.#parts.store.write(tx => ok(continueSearchIndex(tx) && mergeSearchIndex(tx)));
    return done.ok ? ok(!done.value) : done;
  }

  async #snapshot(): Promise<Result<boolean, StorageError>> {
    const taken = await this.#parts.snapshots.takeDaily();
    return taken.ok ? ok(false) : taken;
  }

  async #logs(): Promise<Result<boolean, StorageError>> {
    const done = await this.#parts.store.write(tx => {
      const nowMs = this.#parts.clock.now();
      const isDone = pruneLogs(tx, agingTime(tx, nowMs));
      if (isDone) goOnAging(tx, nowMs);
      return ok(isDone);
    });
    return done.ok ? ok(!done.value) : done;
  }

  async #versions(keepDays: number): Promise<Result<boolean, StorageError>> {
    const after = this.#versionsAfter ?? '';
    const next = await this.#parts.store.write(tx => {
      const nowMs = agingTime(tx, this.#parts.clock.now());
      return ok(pruneVersions(tx, { nowMs, keepDays }, after));
    });
    if (!next.ok) return next;
    this.#versionsAfter = next.value;
    return ok(next.value !== undefined);
  }

  async #space(): Promise<Result<boolean, StorageError>> {
    const stats = await this.#parts.database.stats();
    if (!stats.ok) return stats;
    const { freePageCount, pageCount } = stats.value;
    if (freePageCount < minFreePages || freePageCount < pageCount * minFreeShare) return ok(false);
    const freed = await this.#parts.database.vacuum();
    return freed.ok ? ok(false) : freed;
  }

  /** What a small file gets when it is opened: a check after a process ended in its work. Answers whether one was made. */
  async #checkWhenDue(): Promise<Result<boolean, StorageError>> {
    const stats = await this.#parts.database.stats();
    if (!stats.ok || !stats.value.isCheckDue) return stats.ok ? ok(false) : stats;
    const checked = await this.#check();
    return checked.ok ? ok(true) : checked;
  }

  async #checkNowAndThen(): Promise<Result<boolean, StorageError>> {
    const { store, clock } = this.#parts;
    const checkedMs = await store.read(tx => readState(tx, 'upkeep')?.checkedMs);
    if (!checkedMs.ok) return checkedMs;
    return isOlderThan(checkedMs.value, checkEveryMs, clock) ? this.#check() : ok(false);
  }

  async #check(): Promise<Result<false, StorageError>> {
    const checked = await this.#parts.database.quickCheck();
    if (!checked.ok) return checked;
    const noted = await this.#note(kept => ({ doneMs: 0, ...kept, checkedMs: this.#parts.clock.now() }));
    return noted.ok ? ok(false) : noted;
  }

  /** Written once a day, not with every round. */
  async #noteDone(): Promise<Result<void, StorageError>> {
    const { store, clock } = this.#parts;
    const kept = await store.read(tx => readState(tx, 'upkeep'));
    if (!kept.ok) return kept;
    const isFresh = kept.value?.at === undefined && !isOlderThan(kept.value?.doneMs, roundDueAfterMs, clock);
    if (isFresh) return ok();
    return this.#note(({ at: _at, ...rest } = { doneMs: 0 }) => ({ ...rest, doneMs: clock.now() }));
  }

  #noteUnfinished(): Promise<Result<void, StorageError>> {
    const after = this.#versionsAfter;
    const at = { step: this.#next, ...(after === undefined ? {} : { versionsAfter: after }) };
    return this.#note(kept => ({ doneMs: 0, ...kept, at }));
  }

  #note(
    next: (kept: DeviceState['upkeep'] | undefined) => DeviceState['upkeep'],
  ): Promise<Result<void, StorageError>> {
    return this.#parts.store.write(tx => ok(writeState(tx, 'upkeep', next(readState(tx, 'upkeep')))));
  }
}

/** Also true of a time to come: the wall clock was wrong then, or is now. */
function isOlderThan(atMs: number | undefined, ageMs: number, clock: Clock): boolean {
  const sinceMs = clock.now() - (atMs ?? 0);
  return sinceMs < 0 || sinceMs >= ageMs;
}
