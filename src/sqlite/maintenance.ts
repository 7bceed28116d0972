import { systemCodeOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import type { Timers } from '../base/time';
import type { Connection, ConnectionMode } from './connection/connection';
import type { StorageError } from './database';
import type { FileContext } from './fileContext';
import { wipeUnusedBytes } from './files/unusedBytes';
import type { LockError, ProcessLock } from './lock/processLock';
import { keepFirstPage } from './recovery/firstPage';
import { findProblems } from './recovery/integrity';
import type { SharedDatabase } from './sharedDatabase';
import { writeSnapshot } from './snapshot';
import { fromSystemCode } from './storageErrors';
import { runTransaction } from './transactions';

/** What keeps a file in order, beside the transactions on it. Everything here queues up with them. */
export interface Maintenance {
  /**
   * Writes a copy of the file as it is between two transactions. The copy appears at `toPath` whole and durable, or
   * not at all; what was there is replaced.
   */
  checkpointSnapshot(toPath: string): Promise<Result<void, StorageError>>;
  /** Gives unused pages back to the disk, in short transactions. Answers the bytes that the file has lost. */
  vacuum(): Promise<Result<number, StorageError>>;
  /**
   * Overwrites what no row uses any more, so that nothing of a deleted or overwritten row stays in the file. Holds the
   * lock for about 4 ms for each MiB. Answers how many pages held something.
   */
  wipeUnused(): Promise<Result<number, StorageError>>;
  /**
   * Looks at every page (about 12 ms for each MiB) and answers what is wrong, in SQLite's words. A file that is not
   * sound is set aside and recovered at once, and `onRecovered` is told.
   */
  quickCheck(): Promise<Result<readonly string[], StorageError>>;
  /** As `quickCheck`, and compares every index with its table. Changes nothing. */
  integrityCheck(): Promise<Result<readonly string[], StorageError>>;
  /** Builds every index of the tables anew, when `integrityCheck` finds one that disagrees with its table. */
  rebuildIndexes(): Promise<Result<void, StorageError>>;
  stats(): Promise<Result<FileStats, StorageError>>;
  /** A lock beside the file's own, for work that only one process may do at a time. See `ProcessLock`. */
  openLock(
    name: string,
    options?: { readonly heartbeatTermMs?: number },
  ): Promise<Result<ProcessLock, LockError>>;
}

export interface FileStats {
  readonly mode: ConnectionMode;
  readonly fileBytes: number;
  readonly pageCount: number;
  /** Pages that hold nothing, which `vacuum` gives back. */
  readonly freePageCount: number;
  /** Whether a process ended in the middle of its work and the file has not been checked since. */
  readonly isCheckDue: boolean;
}

export interface MaintenanceParts {
  readonly database: SharedDatabase;
  readonly context: FileContext;
  readonly timers: Timers;
  readonly openLock: Maintenance['openLock'];
}

export function createMaintenance({ database, context, timers, openLock }: MaintenanceParts): Maintenance {
  const { files, path, markers } = context;

  /** Runs `work` with the connection in a transaction. */
  const inTransaction = <T>(kind: 'read' | 'write', work: (connection: Connection) => T) =>
    database.withConnection(connection =>
      runTransaction(database.targetOf(connection), kind, () => ok(work(connection))),
    );

  /** Reads the whole file from the disk, not from memory. */
  const look = (depth: 'quick' | 'full', conclude: (problems: readonly string[]) => void) =>
    database.withConnection(
      connection =>
        runTransaction(database.targetOf(connection), 'read', () => {
          const problems = findProblems(connection.session, depth);
          conclude(problems);
          return ok(problems);
        }),
      'fresh',
    );

  return {
    openLock,

    checkpointSnapshot: toPath => writeSnapshot(database, files, timers, path, toPath),

    async vacuum() {
      const before = files.status(path)?.sizeBytes ?? 0;
      for (;;) {
        const freed = await inTransaction('write', ({ session, mode }) => {
          const free = session.number('PRAGMA freelist_count');
          // In safe mode each transaction writes the whole file, so it is done in one.
          session.all(`PRAGMA incremental_vacuum(${mode === 'safe' ? free : pagesPerVacuumStep})`);
          return { isDone: free <= pagesPerVacuumStep || session.number('PRAGMA freelist_count') === free };
        });
        if (!freed.ok) return freed;
        if (freed.value.isDone) break;
      }
      const kept = await inTransaction('read', () => keepFirstPage(files, path, markers, true));
      return kept.ok ? ok(Math.max(0, before - (files.status(path)?.sizeBytes ?? 0))) : kept;
    },

    wipeUnused: () =>
      database.withConnection(async connection => {
        // Other processes hold pages with the old bytes: a commit makes them read the file again.
        const version = connection.session.number('PRAGMA user_version');
        const noted = runTransaction(database.targetOf(connection), 'write', tx =>
          ok(tx.run(`PRAGMA user_version=${version}`)),
        );
        if (!noted.ok) return noted;
        try {
          return ok(await wipeUnusedBytes(files, timers, path));
        } catch (error) {
          const code = systemCodeOf(error);
          if (code === undefined) throw error;
          return err(fromSystemCode(code, path));
        } finally {
          database.reopenNext();
        }
      }),

    async quickCheck() {
      const checked = await look('quick', problems => {
        if (problems.length > 0) markers.set('damage-suspected', problems.join('\n'));
        else markers.clear('check-due');
      });
      if (!checked.ok || checked.value.length === 0) return checked;
      const recovered = await database.withConnection(() => ok(), 'fresh');
      return recovered.ok ? checked : recovered;
    },

    integrityCheck: () => look('full', () => undefined),

    rebuildIndexes: () => inTransaction('write', ({ session }) => session.execute('REINDEX')),

    stats: () =>
      inTransaction('read', ({ session, mode }) => ({
        mode,
        fileBytes: files.status(path)?.sizeBytes ?? 0,
        pageCount: session.number('PRAGMA page_count'),
        freePageCount: session.number('PRAGMA freelist_count'),
        isCheckDue: markers.has('check-due') || markers.has('damage-suspected'),
      })),
  };
}

/** Pages given back in one transaction, so that nobody waits long for the lock. */
const pagesPerVacuumStep = 256;
