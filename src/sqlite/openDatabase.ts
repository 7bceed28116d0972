import { basename, dirname, join } from 'node:path';
import { assert } from '../base/assert';
import { toHex } from '../base/encoding';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { ThreadShare } from '../base/threadShare';
import type { Clock, Timers } from '../base/time';
import type { Database, Migration, StorageError, Transaction } from './database';
import { clearOldSelfTests, proveEngine } from './engine/selfTest';
import { loadEngine, type SqliteEngine, type WasmLoader } from './engine/wasmModule';
import { type FileContext, type RecoveryReport, requiredMode } from './fileContext';
import { type FileCalls, nodeFileCalls, withoutMaking } from './files/fileCalls';
import { Markers } from './files/markers';
import { ForeignCommits } from './foreignCommits';
import { type HostFacts, readHostFacts } from './lock/hostFacts';
import { createPresence, type LivenessStrategy } from './lock/liveness';
import { ProcessLock, type ProcessLockOptions } from './lock/processLock';
import { createMaintenance, type Maintenance } from './maintenance';
import { assertMigrationsInOrder, latestVersion } from './migrations';
import { openConnection } from './openConnection';
import type { SalvageReport } from './recovery/salvage';
import { SharedDatabase } from './sharedDatabase';
import { classifyStorageError, makeStoreFolder } from './storageErrors';

export interface OpenDatabaseOptions {
  /** The file. Its folder is made when it is missing; locks live in `locks/` beside it. */
  readonly path: string;
  readonly migrations: readonly Migration[];
  /** Marks the file as this product's: a positive 32-bit number. A file with another one is left untouched. */
  readonly applicationId: number;
  readonly wasm: WasmLoader;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** The most memory, in KiB, that pages of the file may take in this process. */
  readonly cacheKib?: number;
  /** The longest that a transaction waits for the lock. */
  readonly lockWaitMs?: number;
  /** Called under the lock before an existing file is migrated, with its path. The file stays as it is when it throws. */
  readonly migrationBackup?: (path: string) => Promise<void> | void;
  /**
   * Called in the transaction that fills a fresh file with the rows of a damaged one: builds what is derived from them
   * anew. Foreign keys are not enforced meanwhile, and rows that others refer to may be missing.
   */
  readonly salvage?: (tx: Transaction, report: SalvageReport) => void;
  /** Hears of a damaged file that was set aside and recovered, at the opening or later. */
  readonly onRecovered?: (report: RecoveryReport) => void;
  /**
   * True for a copy that is only good as it was taken: it is never made, nor recovered. One that is gone, empty or
   * damaged is refused, at the opening and at every transaction, and stays as it is.
   */
  readonly isCopy?: boolean;
  /** Another disk than the machine's, for tests. */
  readonly files?: FileCalls;
  /** Other facts than the machine's, for tests. */
  readonly facts?: HostFacts;
  readonly liveness?: LivenessStrategy;
  /** Another `sql.js` than the process's own, for tests. */
  readonly startEngine?: (wasm: WasmLoader) => Promise<SqliteEngine>;
}

/** An open file, and what the opening had to mend. */
export interface OpenedDatabase extends Database, Maintenance {
  /** What happened to the file when it was found damaged at the opening; undefined when it was sound. */
  readonly recovered: RecoveryReport | undefined;
}

/** The folder, beside the file, that holds what the processes tell each other. */
export const locksFolder = 'locks';

/**
 * Opens one SQLite file that other processes may have open too, and brings it to the latest schema.
 *
 * @throws when the installation or a migration is broken
 */
export async function openDatabase(
  options: OpenDatabaseOptions,
): Promise<Result<OpenedDatabase, StorageError>> {
  assertMigrationsInOrder(options.migrations);
  assert(
    options.applicationId > 0 && options.applicationId < 2 ** 31,
    'an application id is a positive 32-bit number',
  );
  const cleanup = new Cleanup();
  try {
    const opened = await open(options, cleanup);
    if (!opened.ok) await cleanup.run();
    return opened;
  } catch (thrown) {
    await cleanup.run();
    const error = classifyStorageError(thrown, { path: options.path, systemCode: undefined });
    if (error === undefined) throw thrown;
    return err(error);
  }
}

const defaultCacheKib = 8192;
const defaultLockWaitMs = 15_000;
const selfTestNonceBytes = 6;

async function open(
  options: OpenDatabaseOptions,
  cleanup: Cleanup,
): Promise<Result<OpenedDatabase, StorageError>> {
  const { path, clock, timers, random, logger } = options;
  const disk = options.files ?? nodeFileCalls;
  const isCopy = options.isCopy ?? false;
  const files = isCopy ? withoutMaking(disk, path) : disk;
  const folder = join(dirname(path), locksFolder);
  const markers = new Markers(files, folder, basename(path));
  const engine = await (options.startEngine ?? loadEngine)(options.wasm);

  const made = makeStoreFolder(files, folder);
  if (!made.ok) return made;
  const presence = await createPresence({
    ...{ facts: options.facts ?? readHostFacts(), folder, random, clock, timers, logger },
    ...(options.liveness === undefined ? {} : { strategy: options.liveness }),
  });
  cleanup.add(() => presence.close());
  const openLock = async (name: string, lockOptions: LockOptions) => {
    const common = { folder, name, presence, files, clock, timers, random, logger };
    const lock = await ProcessLock.open({ ...common, ...lockOptions });
    if (lock.ok) cleanup.add(() => lock.value.dispose());
    return lock;
  };
  // Both are heard of before the lock is held, under which alone markers are written.
  let checkReason: string | undefined;
  const lock = await openLock(basename(path), {
    onTakenOver: () => {
      checkReason = 'a process ended while it held the lock';
    },
    onEarlierBoot: () => {
      checkReason = 'the machine was started anew while the store was open';
    },
  });
  if (!lock.ok) return lock;

  const distrust = proveEngine(engine, files, folder, toHex(random.bytes(selfTestNonceBytes)));
  if (!distrust.ok) return distrust;
  clearOldSelfTests(files, folder, clock.now(), logger);
  let recovered: RecoveryReport | undefined;
  const context: FileContext = {
    ...{ engine, distrust: distrust.value, path, files, markers, clock, logger },
    cacheKib: options.cacheKib ?? defaultCacheKib,
    applicationId: options.applicationId,
    migrations: options.migrations,
    isLockHeld: () => lock.value.isHeld,
    isCopy,
    migrationBackup: options.migrationBackup,
    salvage: options.salvage,
    onRecovered: report => {
      recovered = report;
      options.onRecovered?.(report);
    },
  };
  const foreignCommits = new ForeignCommits({ path, files, timers, logger });
  cleanup.add(() => foreignCommits.stop());
  const database = new SharedDatabase({
    path,
    lock: lock.value,
    lockWaitMs: options.lockWaitMs ?? defaultLockWaitMs,
    schemaVersion: latestVersion(options.migrations),
    foreignCommits,
    threadShare: new ThreadShare(clock, timers),
    logger,
    onLocked: () => {
      if (checkReason !== undefined) markers.set('check-due', checkReason);
      checkReason = undefined;
    },
    requiredMode: () => requiredMode(context),
    reopen: () => openConnection(context),
    onDamageSuspected: detail => markers.set('damage-suspected', detail),
    onClosed: () => cleanup.run(),
  });
  cleanup.add(() => database.reopenNext());
  const opened = await database.withConnection(() => ok());
  if (!opened.ok) return opened;
  const maintenance = createMaintenance({
    ...{ database, context, timers },
    openLock: (name, lockOptions) => openLock(`${basename(path)}-${name}`, lockOptions ?? {}),
  });
  return ok(Object.assign(database, maintenance, { recovered }));
}

type LockOptions = Pick<ProcessLockOptions, 'heartbeatTermMs' | 'onTakenOver' | 'onEarlierBoot'>;

/** What must be undone when the file is closed, or cannot be opened: the last first, each once. */
class Cleanup {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step();
  }
}
