import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import type { Migration, StorageError } from '../sqlite/database';
import type { WasmLoader } from '../sqlite/engine/wasmModule';
import type { RecoveryReport } from '../sqlite/fileContext';
import { readHeaderBytes } from '../sqlite/files/databaseHeader';
import { type FileCalls, nodeFileCalls } from '../sqlite/files/fileCalls';
import { removeIfThere, syncFile } from '../sqlite/files/fileSteps';
import { type OpenDatabaseOptions, type OpenedDatabase, openDatabase } from '../sqlite/openDatabase';
import { attemptFiles } from './fileAttempt';
import { countItems } from './items';
import type { Payloads } from './payloads';
import { storeApplicationId, storeMigrations } from './schema';
import {
  listSnapshotFiles,
  renameMigrationSnapshot,
  snapshotPath,
  snapshotsFolder,
} from './snapshots/snapshotFiles';
import { SnapshotFolder } from './snapshots/snapshots';
import { createStore, type Store } from './store';
import { createStoreMaintenance, type StoreMaintenance } from './upkeep/maintenance';
import { repairSalvaged } from './upkeep/salvage';

export interface OpenStoreOptions {
  /** The device's folder: `store.db`, its locks and its snapshots. It is made when it is missing. */
  readonly folder: string;
  readonly wasm: WasmLoader;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly payloads: Payloads;
  /** Other steps than the store's own, for tests. */
  readonly migrations?: readonly Migration[];
  /** Hears of a damaged file that was recovered, at the opening or later. */
  readonly onRecovered?: (recovered: Recovered) => void;
}

export interface OpenedStore {
  readonly store: Store;
  /** What happened when the file was found damaged at the opening. */
  readonly recovered: Recovered | undefined;
  readonly maintenance: StoreMaintenance;
}

/** A damaged file was set aside, and what could be read of it was kept. */
export interface Recovered {
  readonly setAside: string;
  readonly detail: string;
  /** Items that were kept. */
  readonly items: number;
  /** False when rows were lost, which sync brings back as far as the server has them. */
  readonly isComplete: boolean;
}

/** Opens the device's store, and makes it when there is none. */
export async function openStore(options: OpenStoreOptions): Promise<Result<OpenedStore, StorageError>> {
  const { folder, clock, logger, payloads } = options;
  let migratedMs: number | undefined;
  const opened = await openStoreFile(options, join(folder, storeFileName), {
    migrationBackup: async path => {
      migratedMs = await keepBeforeMigration(folder, path, Math.floor(clock.now()));
    },
    onRecovered: report => options.onRecovered?.(recoveredOf(report)),
  });
  if (!opened.ok) return opened;
  const database = opened.value;
  const store = createStore(database, payloads);
  if (migratedMs !== undefined) {
    const atMs = migratedMs;
    const counted = await store.read(tx => countItems(tx).live);
    const named = counted.ok
      ? attemptFiles(folder, () => renameMigrationSnapshot(nodeFileCalls, folder, atMs, counted.value))
      : counted;
    if (!named.ok)
      logger.warn('the snapshot of a migration tells no number of items', { error: named.error.type });
  }
  const openFile = (path: string) => openStoreFile(options, path, { isCopy: true });
  const files = nodeFileCalls;
  const snapshots = new SnapshotFolder({ folder, store, database, files, clock, logger, openFile });
  const maintenance = createStoreMaintenance({ folder, store, database, snapshots, files, clock, logger });
  return ok({
    store,
    recovered: database.recovered && recoveredOf(database.recovered),
    maintenance,
  });
}

function recoveredOf(report: RecoveryReport): Recovered {
  return {
    setAside: report.setAside,
    detail: report.detail,
    items: report.rowsByTable['items'] ?? 0,
    isComplete: report.incompleteTables.length === 0,
  };
}

export const storeFileName = 'store.db';

function openStoreFile(
  { wasm, clock, timers, random, logger, migrations }: OpenStoreOptions,
  path: string,
  how: Pick<OpenDatabaseOptions, 'migrationBackup' | 'onRecovered' | 'isCopy'>,
): Promise<Result<OpenedDatabase, StorageError>> {
  return openDatabase({
    path,
    migrations: migrations ?? storeMigrations,
    applicationId: storeApplicationId,
    ...{ wasm, clock, timers, random, logger },
    salvage: (tx, { incompleteTables }) => repairSalvaged(tx, { incompleteTables, wallMs: clock.now() }),
    ...how,
  });
}

/**
 * A copy of the file as it was before the schema changes; how many items it has cannot be told before. A migration that
 * fails is tried again at every opening, so the copy that there is of the same state serves for all of them.
 * @returns the time of the copy
 */
async function keepBeforeMigration(folder: string, path: string, nowMs: number): Promise<number> {
  const files = nodeFileCalls;
  const same = listSnapshotFiles(files, folder).find(
    each => each.reason === 'migration' && isSameState(files, each.path, path),
  );
  if (same !== undefined) return same.atMs;
  const to = snapshotPath(folder, { atMs: nowMs, reason: 'migration', items: 0 });
  const part = `${to}.part`;
  files.makeFolder(join(folder, snapshotsFolder));
  try {
    await copyFile(path, part);
    syncFile(files, part);
    files.rename(part, to);
  } catch (error) {
    removeIfThere(files, part);
    throw error;
  }
  files.syncFolder(join(folder, snapshotsFolder));
  return nowMs;
}

/** Whether nothing was committed to one of the two files since it was copied to the other. */
function isSameState(files: FileCalls, copy: string, original: string): boolean {
  const [left, right] = [readHeaderBytes(files, copy), readHeaderBytes(files, original)];
  return (
    files.status(copy)?.sizeBytes === files.status(original)?.sizeBytes &&
    left.every((byte, index) => byte === right[index])
  );
}
