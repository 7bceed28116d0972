import type { Logger } from '../base/logger';
import { ok, type Result } from '../base/result';
import { type Clock, dayMs, hourMs, minuteMs, secondMs } from '../base/time';
import type { StorageError } from '../sqlite/database';
import type { FileCalls } from '../sqlite/fileCalls';
import type { Maintenance } from '../sqlite/maintenance';
import type { ProcessLock } from '../sqlite/processLock';
import { continueAtRest, isAtRestDue } from './atRestPolicy';
import { examine } from './doctor/doctor';
import type { Examination } from './doctor/examination';
import type { Finding } from './doctor/finding';
import { pruneLogs } from './hygiene';
import { scrub } from './scrub';
import { continueSearchIndex, mergeSearchIndex } from './search/searchIndex';
import type { Snapshots } from './snapshots';
import type { Store } from './store';
import { pruneVersions } from './versionUpkeep';

/** What keeps a store in order. */
export interface StoreMaintenance {
  readonly snapshots: Snapshots;
  /**
   * Brings every row into the form that the policy in use asks for, and leaves no trace of what was clear. To be called
   * when the policy has changed, and after a write that made an item sensitive. Nothing happens while locked.
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
  return {
    snapshots: parts.snapshots,
    doctor: options => examine({ ...parts, ...options }),
    applyAtRest: () => upkeep.alone(() => upkeep.applyAtRest(), ok(), maxUpkeepWaitMs),
    idle: async ({ historyKeepDays }) => {
      const isBusy = await upkeep.alone(() => upkeep.step(historyKeepDays), ok(false), 0);
      return isBusy.ok ? ok({ waitMs: isBusy.value ? betweenStepsMs : betweenLooksMs }) : isBusy;
    },
  };
}

/** Between two steps of a round of upkeep, so that nobody waits for it. */
const betweenStepsMs = 100;
const betweenRoundsMs = hourMs;
/** Between two rounds it is looked so often whether a check is due: a process may have died in its work since. */
const betweenLooksMs = 5 * minuteMs;
/** A step of another process is over sooner; a longer work there does this one's too. */
const maxUpkeepWaitMs = 30 * secondMs;
/** Unused pages are given back when there are as many as this, and this share of the file. */
const minFreePages = 500;
const minFreeShare = 0.2;
/** A whole check takes about 12 ms for each MiB, during which nobody can write. */
const checkEveryMs = 7 * dayMs;

type Step = (keepDays: number) => Promise<Result<boolean, StorageError>>;

class Upkeep {
  readonly #parts: MaintenanceParts;
  /** Closed with the file. */
  #lock: ProcessLock | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #versionsAfter: string | undefined = '';
  #checkedMs: number | undefined;
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

  /**
   * Runs `work` when no other process is at it. Waits for its turn within this process, and for other processes as long
   * as it is told to; after that answers `otherwise`.
   */
  alone<T>(
    work: () => Promise<Result<T, StorageError>>,
    otherwise: Result<T, StorageError>,
    lockWaitMs: number,
  ): Promise<Result<T, StorageError>> {
    const turn = this.#turn.then(async () => {
      const acquired = await this.#acquire(lockWaitMs);
      if (!acquired.ok) return acquired.error.type === 'busy' ? otherwise : acquired;
      try {
        return await work();
      } finally {
        acquired.value.release();
      }
    });
    this.#turn = turn.catch(() => undefined); // the caller of this turn hears of it
    return turn;
  }

  async #acquire(waitMs: number): Promise<Result<ProcessLock, StorageError>> {
    if (this.#lock === undefined) {
      const opened = await this.#parts.database.openLock('upkeep');
      if (!opened.ok) return opened;
      this.#lock = opened.value;
    }
    const acquired = await this.#lock.acquire(waitMs);
    return acquired.ok ? ok(this.#lock) : acquired;
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
      return ok(false);
    }
    const more = await step(keepDays);
    if (more.ok && !more.value) this.#next++;
    return more.ok ? ok(true) : more;
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
    const done = await this.#parts.store.write(tx => ok(pruneLogs(tx, this.#parts.clock.now())));
    return done.ok ? ok(!done.value) : done;
  }

  async #versions(keepDays: number): Promise<Result<boolean, StorageError>> {
    const after = this.#versionsAfter ?? '';
    const limits = { nowMs: this.#parts.clock.now(), keepDays };
    const next = await this.#parts.store.write(tx => ok(pruneVersions(tx, limits, after)));
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
    const nowMs = this.#parts.clock.monotonic();
    this.#checkedMs ??= nowMs;
    return nowMs - this.#checkedMs < checkEveryMs ? ok(false) : this.#check();
  }

  async #check(): Promise<Result<false, StorageError>> {
    this.#checkedMs = this.#parts.clock.monotonic();
    const checked = await this.#parts.database.quickCheck();
    return checked.ok ? ok(false) : checked;
  }
}
