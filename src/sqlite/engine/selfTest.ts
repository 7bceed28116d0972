import { join } from 'node:path';
import { messageOf, systemCodeOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { err, type Ok, ok, type Result } from '../../base/result';
import { dayMs } from '../../base/time';
import { FileConnection, type FileConnectionOptions } from '../connection/fileConnection';
import type { StorageError } from '../database';
import { parseHeader } from '../files/databaseHeader';
import type { FileCalls } from '../files/fileCalls';
import { readWholeFile, removeIfThere } from '../files/fileSteps';
import { fromSystemCode, StorageFailure } from '../storageErrors';
import { maxGatheredBytes } from './gatheredWrites';
import type { SqliteEngine } from './wasmModule';

/** Why the file itself cannot be worked on by this engine on this machine; undefined when it can. */
export type Distrust = string | undefined;

/**
 * Proves once in a process, on a file of its own in `folder`, that the replaced imports are the system calls that they are taken for:
 * what SQLite says it wrote is in the file, synced and journaled, a roll-back brings the old state back, and nothing
 * goes without the lock. It guards against another `sql.js` and against a disk that does not keep to its word.
 *
 * Answers an error when the disk is full, cannot be written to or is broken, which says nothing of the engine.
 */
export function proveEngine(
  engine: SqliteEngine,
  files: FileCalls,
  folder: string,
  nonce: string,
): Result<Distrust, StorageError> {
  if (engine.proof !== undefined) return ok(engine.proof.distrust);
  if (!engine.isHooked) return conclude(engine, 'sql.js has other imports than those that are known');
  const path = join(folder, `${selfTestPrefix}${nonce}.db`);
  try {
    // That SQLite asks for syncs is what counts here; the file is thrown away, so nothing waits for the disk.
    const unsynced: FileCalls = { ...files, sync: () => undefined, syncFolder: () => undefined };
    const distrust = work(engine, unsynced, path);
    removeIfThere(files, path);
    removeIfThere(files, `${path}-journal`);
    return conclude(engine, distrust);
  } catch (thrown) {
    const trouble = diskTrouble(thrown, path);
    return trouble === undefined ? conclude(engine, messageOf(thrown)) : err(trouble);
  }
}

function conclude(engine: SqliteEngine, distrust: Distrust): Ok<Distrust> {
  engine.proof = { distrust };
  return ok(distrust);
}

/** Removes the self test's files that a process has left behind which was killed meanwhile. */
export function clearOldSelfTests(files: FileCalls, folder: string, nowMs: number, logger: Logger): void {
  for (const name of files.list(folder)) {
    if (!name.startsWith(selfTestPrefix)) continue;
    const path = join(folder, name);
    try {
      const status = files.status(path);
      if (status !== undefined && nowMs - status.changedMs > keepSelfTestsMs) files.remove(path);
    } catch (error) {
      logger.debug('a leftover could not be cleared away', { path, error: messageOf(error) });
    }
  }
}

const selfTestPrefix = 'self-test-';
const keepSelfTestsMs = dayMs;

function work(engine: SqliteEngine, files: FileCalls, path: string): Distrust {
  let isLockHeld = true;
  const before = { ...engine.syscalls.counts };
  const descriptorsBefore = engine.syscalls.openDescriptors;
  const options = { engine, path, files, isLockHeld: () => isLockHeld, cacheKib: selfTestCacheKib };

  const unwritten = inquire(options, writer => {
    writer.session.execute(
      `BEGIN; CREATE TABLE probe(content); INSERT INTO probe VALUES (zeroblob(${probeBytes})); COMMIT; ` +
        'BEGIN IMMEDIATE; UPDATE probe SET content = 1',
    );
    if (!files.status(`${path}-journal`)?.sizeBytes) return 'no journal is written before a change';
    writer.session.execute('ROLLBACK');
    if (files.status(`${path}-journal`)?.sizeBytes !== 0) return 'the journal is not truncated';
    isLockHeld = false;
    if (!isRefused(writer)) return 'SQLite goes on without the lock';
    isLockHeld = true;
    return undefined;
  });
  if (unwritten !== undefined) return unwritten;

  const bytes = readWholeFile(files, path);
  const header = parseHeader(bytes);
  if (header === undefined || bytes.length !== header.pageCount * header.pageBytes) {
    return 'the file on the disk is not the one that SQLite wrote';
  }
  const { counts } = engine.syscalls;
  if (counts.syncs - before.syncs < leastSyncs) return 'SQLite syncs nothing';
  if (counts.truncates === before.truncates) return 'SQLite truncates nothing';

  const unread = inquire(options, reader => {
    const length = reader.session.value('SELECT length(content) FROM probe');
    if (length !== probeBytes) return 'another content is read than was written';
    const verdict = reader.session.value('PRAGMA integrity_check');
    return verdict === 'ok' ? undefined : 'the file that was written is not sound';
  });
  if (unread !== undefined) return unread;
  return engine.syscalls.openDescriptors === descriptorsBefore ? undefined : 'files are left open';
}

/** Puts a connection to the test. Throws when the disk was in trouble meanwhile, whatever came of it. */
function inquire(options: FileConnectionOptions, ask: (connection: FileConnection) => Distrust): Distrust {
  const connection = new FileConnection(options);
  let distrust: Distrust;
  try {
    distrust = ask(connection);
  } catch (thrown) {
    if (diskTrouble(thrown, options.path) !== undefined) throw thrown;
    distrust = messageOf(thrown);
  } finally {
    connection.close();
  }
  const { systemCode } = connection;
  if (systemCode === undefined) return distrust;
  if (diskTroubles.has(systemCode)) {
    throw new StorageFailure(fromSystemCode(systemCode, options.path), distrust);
  }
  return `${distrust ?? 'a call failed'} (${systemCode})`;
}

const selfTestCacheKib = 64;
/** More than two pages, so that an overflow chain is written and read, and than a journal gathers before it is written. */
const probeBytes = maxGatheredBytes + 9000;
/** A commit syncs at least its journal, the file, and the journal's end. */
const leastSyncs = 3;

function isRefused(connection: FileConnection): boolean {
  try {
    connection.session.get('SELECT count(*) FROM probe');
    return false;
  } catch (thrown) {
    return messageOf(thrown) === 'database is locked';
  }
}

/** What says nothing of the engine, and may be over at the next opening. */
function diskTrouble(thrown: unknown, path: string): StorageError | undefined {
  if (thrown instanceof StorageFailure) return thrown.error;
  const code = systemCodeOf(thrown);
  return code !== undefined && diskTroubles.has(code) ? fromSystemCode(code, path) : undefined;
}

const diskTroubles: ReadonlySet<string> = new Set(
  'ENOSPC EDQUOT EROFS EACCES EPERM EIO EMFILE ENFILE ESTALE ETIMEDOUT'.split(' '),
);
