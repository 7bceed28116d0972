import type { Logger } from '../../base/logger';
import { err, ok, type Result } from '../../base/result';
import { type Clock, dayMs, secondMs } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import type { FileCalls } from '../../sqlite/files/fileCalls';
import type { Maintenance } from '../../sqlite/maintenance';
import type { OpenedDatabase } from '../../sqlite/openDatabase';
import { attemptFiles } from '../fileAttempt';
import { countItems } from '../items';
import { readState, writeState } from '../state';
import { createStore, type Store } from '../store';
import type { StoreTransaction } from '../transaction';
import { agingTime } from '../upkeep/aging';
import { ExclusiveWork } from '../upkeep/exclusiveWork';
import {
  listSnapshotFiles,
  outdatedSnapshots,
  removeSnapshotFiles,
  removeSnapshotParts,
  type Snapshot,
  type SnapshotReason,
  setSnapshotAside,
  snapshotPath,
} from './snapshotFiles';
import { createSnapshotReader, type SnapshotReader } from './snapshotReader';

/** Copies of the whole store, to go back to. */
export interface Snapshots {
  /** Takes one now, and lets go of those that are kept no longer. */
  take(reason: SnapshotReason): Promise<Result<Snapshot, StorageError>>;
  /** Takes the one of the day, unless nothing has changed since the last. */
  takeDaily(): Promise<Result<Snapshot | undefined, StorageError>>;
  /** Newest first. */
  list(): Result<readonly Snapshot[], StorageError>;
  /** As `list`, when none is being taken; what a process that was killed has left of one is removed. */
  listSettled(): Promise<Result<readonly Snapshot[], StorageError>>;
  /**
   * Opens one to be compared with the store, after looking at every page of it; one that is not sound is refused and
   * left as it is. While it is open, this process does not let go of it. A snapshot of an older version is brought to
   * the latest schema.
   */
  open(id: string): Promise<Result<SnapshotReader, StorageError | UnknownSnapshot>>;
  /** Opens one as a store of its own, to be mended. A damaged one is refused and left as it is. */
  openStore(snapshot: Snapshot): Promise<Result<OpenedSnapshot, StorageError>>;
  /** Keeps a damaged one under a name by which it is a snapshot no more. */
  setAside(snapshot: Snapshot): Result<void, StorageError>;
}

export interface UnknownSnapshot {
  readonly type: 'unknownSnapshot';
}

export interface OpenedSnapshot {
  readonly store: Store;
  readonly database: OpenedDatabase;
}

export interface SnapshotParts {
  readonly folder: string;
  readonly store: Store;
  readonly database: Maintenance;
  readonly files: FileCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openFile: (path: string) => Promise<Result<OpenedDatabase, StorageError>>;
}

/** The snapshots in the folder of a store. */
export class SnapshotFolder implements Snapshots {
  readonly #parts: SnapshotParts;
  /** Those that are open to be compared. */
  readonly #compared = new Set<Snapshot>();
  /** Everybody who writes a part of a snapshot holds the lock of the taking or that of the store. */
  readonly #taking: ExclusiveWork;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.#taking = new ExclusiveWork(parts.database, 'snapshots');
  }

  take(reason: SnapshotReason): Promise<Result<Snapshot, StorageError>> {
    return this.#taking.run(async () => {
      const taken = await this.#takeNow(reason);
      if (!taken.ok) return taken;
      const forgotten = await this.#forgetOutdated();
      return forgotten.ok ? taken : forgotten;
    }, maxTakingWaitMs);
  }

  async takeDaily(): Promise<Result<Snapshot | undefined, StorageError>> {
    const { store, clock } = this.#parts;
    const due = await store.read(tx => dailyMark(tx, clock.now()));
    if (!due.ok) return due;
    if (due.value === undefined) return ok(undefined);
    const { mark, isChanged } = due.value;
    const taken = isChanged ? await this.take('daily') : ok(undefined);
    if (!taken.ok) return taken;
    const noted = await store.write(tx => ok(writeState(tx, 'dailySnapshot', { atMs: clock.now(), mark })));
    return noted.ok ? taken : noted;
  }

  list(): Result<readonly Snapshot[], StorageError> {
    const { folder, files } = this.#parts;
    return attemptFiles(folder, () => listSnapshotFiles(files, folder));
  }

  listSettled(): Promise<Result<readonly Snapshot[], StorageError>> {
    return this.#taking.run(async () => {
      const removed = await this.#removeParts();
      return removed.ok ? this.list() : removed;
    }, maxTakingWaitMs);
  }

  async open(id: string): Promise<Result<SnapshotReader, StorageError | UnknownSnapshot>> {
    const listed = this.list();
    if (!listed.ok) return listed;
    const snapshot = listed.value.find(each => each.id === id);
    if (!snapshot) return err({ type: 'unknownSnapshot' });
    this.#compared.add(snapshot);
    const opened = await this.#openSound(snapshot);
    if (!opened.ok) {
      this.#compared.delete(snapshot);
      return opened;
    }
    const reader = createSnapshotReader(this.#parts.store, opened.value);
    const close = async () => {
      await reader.close();
      this.#compared.delete(snapshot);
    };
    return ok({ ...reader, close });
  }

  async openStore(snapshot: Snapshot): Promise<Result<OpenedSnapshot, StorageError>> {
    const payloads = await this.#parts.store.read(tx => tx.payloads);
    if (!payloads.ok) return payloads;
    const opened = await this.#parts.openFile(snapshot.path);
    if (!opened.ok) return opened;
    return ok({ store: createStore(opened.value, payloads.value), database: opened.value });
  }

  setAside(snapshot: Snapshot): Result<void, StorageError> {
    const { folder, files, logger } = this.#parts;
    logger.warn('a damaged snapshot was set aside', { id: snapshot.id });
    return attemptFiles(folder, () => setSnapshotAside(files, snapshot));
  }

  async #takeNow(reason: SnapshotReason): Promise<Result<Snapshot, StorageError>> {
    const { folder, database, clock, logger } = this.#parts;
    const counted = await this.#removeParts();
    if (!counted.ok) return counted;
    const before = this.list();
    if (!before.ok) return before;
    const atMs = freeTime(before.value, clock.now());
    const path = snapshotPath(folder, { atMs, reason, items: counted.value });
    const written = await database.checkpointSnapshot(path);
    if (!written.ok) return written;
    const after = this.list();
    if (!after.ok) return after;
    const taken = after.value.find(snapshot => snapshot.path === path);
    if (!taken) return err({ type: 'io', code: 'ENOENT' });
    logger.info('took a snapshot', { id: taken.id, reason, items: taken.items });
    return ok(taken);
  }

  /** @returns how many live items the store has, read at the same time */
  async #removeParts(): Promise<Result<number, StorageError>> {
    const { folder, store, files } = this.#parts;
    const read = await store.read(tx => {
      const removed = attemptFiles(folder, () => removeSnapshotParts(files, folder));
      return removed.ok ? ok(countItems(tx).live) : removed;
    });
    return read.ok ? read.value : read;
  }

  async #forgetOutdated(): Promise<Result<void, StorageError>> {
    const { folder, store, files, clock } = this.#parts;
    const listed = this.list();
    if (!listed.ok) return listed;
    const agedMs = await store.read(tx => agingTime(tx, clock.now()));
    if (!agedMs.ok) return agedMs;
    const inUse = new Set([...this.#compared].map(({ id }) => id));
    const outdated = outdatedSnapshots(listed.value, agedMs.value).filter(({ id }) => !inUse.has(id));
    return attemptFiles(folder, () => {
      for (const snapshot of outdated) removeSnapshotFiles(files, snapshot);
    });
  }

  async #openSound(snapshot: Snapshot): Promise<Result<Store, StorageError>> {
    const opened = await this.openStore(snapshot);
    if (!opened.ok) return opened;
    const problems = await opened.value.database.integrityCheck();
    if (problems.ok && problems.value.length === 0) return ok(opened.value.store);
    await opened.value.store.close();
    return problems.ok ? err({ type: 'damaged', detail: problems.value.join('; ') }) : problems;
  }
}

/** A copy of 1 GiB takes some seconds. */
const maxTakingWaitMs = 60 * secondMs;

/** Two snapshots never have the same time. */
function freeTime(snapshots: readonly Snapshot[], wallMs: number): number {
  const taken = new Set(snapshots.map(snapshot => snapshot.atMs));
  let atMs = Math.floor(wallMs);
  while (taken.has(atMs)) atMs++;
  return atMs;
}

/** What tells whether anything has changed since the last daily snapshot; undefined while none is due. */
function dailyMark(
  store: StoreTransaction,
  wallMs: number,
): { readonly mark: string; readonly isChanged: boolean } | undefined {
  const last = readState(store, 'dailySnapshot');
  const sinceMs = wallMs - (last?.atMs ?? 0);
  if (sinceMs >= 0 && sinceMs < dayMs) return undefined;
  const { all } = countItems(store);
  const newest = [0, 1].map(
    deleted =>
      store.sql.get('SELECT max(last_modified) AS stamp FROM items WHERE deleted = ?', [deleted])?.[
        'stamp'
      ] ?? '',
  );
  const mark = [all, ...newest].join(' ');
  return { mark, isChanged: all > 0 && mark !== last?.mark };
}
