import type { Logger } from '../base/logger';
import { type Clock, dayMs } from '../base/time';
import type { Connection, ConnectionMode } from './connection/connection';
import { FileConnection } from './connection/fileConnection';
import { SafeConnection } from './connection/safeConnection';
import type { Migration, Transaction } from './database';
import type { Distrust } from './engine/selfTest';
import type { SqliteEngine } from './engine/wasmModule';
import type { FileCalls } from './files/fileCalls';
import type { Markers } from './files/markers';
import type { SalvageReport } from './recovery/salvage';
import type { TransactionTarget } from './transactions';

/** Everything that opening, checking and recovering one file takes. */
export interface FileContext {
  readonly engine: SqliteEngine;
  /** Why this process can only use safe mode; undefined when it can work on the file itself. */
  readonly distrust: Distrust;
  readonly path: string;
  readonly files: FileCalls;
  readonly markers: Markers;
  readonly cacheKib: number;
  readonly applicationId: number;
  readonly migrations: readonly Migration[];
  readonly isLockHeld: () => boolean;
  /** See `OpenDatabaseOptions.isCopy`. */
  readonly isCopy: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly migrationBackup: ((path: string) => Promise<void> | void) | undefined;
  readonly salvage: ((tx: Transaction, report: SalvageReport) => void) | undefined;
  readonly onRecovered: (report: RecoveryReport) => void;
}

/** What happened to a damaged file. */
export interface RecoveryReport extends SalvageReport {
  /** Where the damaged file is kept. */
  readonly setAside: string;
  /** What was wrong with it. */
  readonly detail: string;
}

/**
 * The mode that every process on this file is to use now. A process that can only use safe mode says so to the others,
 * for as long as it runs. Called under the lock.
 */
export function requiredMode({ distrust, engine, markers, logger, path }: FileContext): ConnectionMode {
  const isAnnounced = markers.has('safe-mode');
  if (distrust === undefined) return isAnnounced ? 'safe' : 'file';
  if (!isAnnounced) {
    logger.error(
      'safe mode: the store is written as a whole at every save, by every window of this machine',
      {
        path,
        reason: distrust,
      },
    );
    markers.set('safe-mode', `${engine.name()}\n${distrust}\n`);
  }
  return 'safe';
}

/**
 * Ends safe mode when this process can work on the file and another engine, or a day that is over, could not. A process
 * that still cannot announces it anew. Called under the lock.
 */
export function endSafeMode({ distrust, engine, markers, clock, logger, path }: FileContext): void {
  if (distrust !== undefined) return;
  const announcement = markers.text('safe-mode');
  if (announcement === undefined) return;
  const isOfThisEngine = announcement.split('\n')[0] === engine.name();
  if (isOfThisEngine && clock.now() - (markers.setAtMs('safe-mode') ?? 0) < safeModeLastsMs) return;
  logger.info('safe mode has ended', { path });
  markers.clear('safe-mode');
}

const safeModeLastsMs = dayMs;

/** Opens `path`, by default the file itself. Throws what SQLite and the file system throw. */
export function connect(context: FileContext, mode: ConnectionMode, path = context.path): Connection {
  return mode === 'file'
    ? new FileConnection({ ...context, path })
    : new SafeConnection({ ...context, path });
}

/** A target for transactions of the opening itself, which ends with the connection when one of them is broken off. */
export function openingTarget(context: FileContext, connection: Connection): TransactionTarget {
  return {
    connection,
    path: context.path,
    check: () => undefined,
    discard: () => connection.close(),
    isOwnWork: true,
  };
}
