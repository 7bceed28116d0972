import { basename, dirname, join } from 'node:path';
import { assert } from '../base/assert';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import type { Database, Migration, StorageError } from './database';
import { type FileCalls, nodeFileCalls } from './fileCalls';
import { ForeignCommits } from './foreignCommits';
import { type HostFacts, readHostFacts } from './hostFacts';
import { createPresence, type LivenessStrategy } from './liveness';
import { assertMigrationsInOrder, latestVersion } from './migrations';
import { openConnection } from './openConnection';
import { ProcessLock } from './processLock';
import { SharedDatabase } from './sharedDatabase';
import { loadEngine, type WasmLoader } from './wasmModule';

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
  /** Called under the lock before an existing file is migrated, with its path. */
  readonly migrationBackup?: (path: string) => Promise<void> | void;
  /** Another disk than the machine's, for tests. */
  readonly files?: FileCalls;
  /** Other facts than the machine's, for tests. */
  readonly facts?: HostFacts;
  readonly liveness?: LivenessStrategy;
}

/**
 * Opens one SQLite file that other processes may have open too, and brings it to the latest schema.
 *
 * @throws when the installation or a migration is broken
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Result<Database, StorageError>> {
  assertMigrationsInOrder(options.migrations);
  assert(
    options.applicationId > 0 && options.applicationId < 2 ** 31,
    'an application id is a positive 32-bit number',
  );
  const { path, clock, timers, random, logger } = options;
  const files = options.files ?? nodeFileCalls;
  const engine = await loadEngine(options.wasm);
  const presence = await createPresence({
    facts: options.facts ?? readHostFacts(),
    random,
    clock,
    timers,
    logger,
    ...(options.liveness === undefined ? {} : { strategy: options.liveness }),
  });
  const folder = join(dirname(path), locksFolder);
  const name = basename(path);
  const lock = await ProcessLock.open({ folder, name, presence, files, clock, timers, random, logger });
  if (!lock.ok) {
    await presence.close();
    return lock;
  }
  const foreignCommits = new ForeignCommits({ path, files, timers, logger });
  const database = new SharedDatabase({
    path,
    lock: lock.value,
    lockWaitMs: options.lockWaitMs ?? defaultLockWaitMs,
    schemaVersion: latestVersion(options.migrations),
    foreignCommits,
    logger,
    reopen: () =>
      openConnection({
        engine,
        path,
        files,
        cacheKib: options.cacheKib ?? defaultCacheKib,
        applicationId: options.applicationId,
        migrations: options.migrations,
        isLockHeld: () => lock.value.isHeld,
        migrationBackup: options.migrationBackup,
      }),
    onClosed: async () => {
      foreignCommits.stop();
      lock.value.dispose();
      await presence.close();
    },
  });
  const opened = await database.withConnection(() => ok());
  if (opened.ok) return ok(database);
  await database.close();
  return opened;
}

/** The folder, beside the file, that holds what the processes tell each other. */
export const locksFolder = 'locks';

const defaultCacheKib = 8192;
const defaultLockWaitMs = 15_000;
