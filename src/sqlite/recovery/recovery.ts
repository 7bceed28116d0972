import { dirname } from 'node:path';
import { err, ok, type Result } from '../../base/result';
import { isoTime } from '../../base/time';
import type { Connection, ConnectionMode } from '../connection/connection';
import { FileConnection } from '../connection/fileConnection';
import type { StorageError } from '../database';
import { SqlSession } from '../engine/sqlSession';
import { connect, type FileContext, openingTarget, type RecoveryReport } from '../fileContext';
import { readWholeFile, removeIfThere, syncFile } from '../files/fileSteps';
import { applyMigrations, latestVersion } from '../migrations';
import { classifyStorageError, fromSystemCode, StorageFailure } from '../storageErrors';
import { runTransaction } from '../transactions';
import { asFirstPage, readFirstPage, withFirstPage } from './firstPage';
import { isDamageError } from './integrity';
import { type SalvageReport, salvageRows } from './salvage';

/**
 * Sets the damaged file aside, under a name with the time, and puts a fresh one in its place that holds every row that
 * could be read. The fresh file is complete and durable before the damaged one is moved, so that a process which dies
 * on the way leaves one of the two in place, and `finishInterruptedRecovery` does the rest.
 */
export function recoverDamagedFile(
  context: FileContext,
  mode: ConnectionMode,
  detail: string,
): Result<RecoveryReport, StorageError> {
  const { files, path, logger } = context;
  const built = buildFreshFile(context, mode);
  if (!built.ok) return built;
  const setAside = setAsidePath(context);
  files.rename(path, setAside);
  if (files.status(`${path}-journal`) !== undefined) files.rename(`${path}-journal`, `${setAside}-journal`);
  files.syncFolder(dirname(path));
  files.rename(recoveredPath(path), path);
  files.syncFolder(dirname(path));
  const report = { ...built.value, setAside, detail };
  logger.error('the store was damaged; it was set aside and what could be read was recovered', {
    setAside,
    detail,
    rows: Object.values(report.rowsByTable).reduce((sum, rows) => sum + rows, 0),
    incompleteTables: report.incompleteTables.join(' '),
  });
  return ok(report);
}

/** Ends a recovery in whose middle a process died. Called under the lock before the file is opened. */
export function finishInterruptedRecovery({ files, path }: Pick<FileContext, 'files' | 'path'>): void {
  for (const leftover of [...freshNames(path), `${path}.saving`]) removeIfThere(files, leftover);
  if (files.status(recoveredPath(path)) === undefined) return;
  if (files.status(path) === undefined) files.rename(recoveredPath(path), path);
  else files.remove(recoveredPath(path));
  files.syncFolder(dirname(path));
}

interface DamagedSource {
  readonly session: SqlSession;
  /** The system's code of a call that failed. */
  readonly systemCode: string | undefined;
  close(): void;
}

const freshPath = (path: string) => `${path}.recovering`;
const recoveredPath = (path: string) => `${path}.recovered`;
const freshNames = (path: string) => ['', '-journal', '.saving'].map(suffix => freshPath(path) + suffix);

function buildFreshFile(context: FileContext, mode: ConnectionMode): Result<SalvageReport, StorageError> {
  const { files, path } = context;
  for (const leftover of freshNames(path)) removeIfThere(files, leftover);
  const source = openDamaged(context, mode);
  try {
    const filled = fillFreshFile(context, connect(context, mode, freshPath(path)), source?.session);
    if (filled.ok) settle(context);
    return filled;
  } finally {
    source?.close();
  }
}

/** Brings the fresh file to the damaged one's schema, copies the rows, and closes it. */
function fillFreshFile(
  context: FileContext,
  fresh: Connection,
  source: SqlSession | undefined,
): Result<SalvageReport, StorageError> {
  try {
    const target = openingTarget(context, fresh);
    const { migrations, applicationId } = context;
    const latest = latestVersion(migrations);
    const version = source === undefined ? undefined : versionOf(source);
    const to = version !== undefined && version > 0 && version < latest ? version : latest;
    fresh.session.execute('PRAGMA auto_vacuum=INCREMENTAL');
    const migrated = applyMigrations(target, { migrations, applicationId, from: 0, to });
    if (!migrated.ok) return migrated;
    fresh.session.execute('PRAGMA foreign_keys=OFF');
    return runTransaction(target, 'write', tx => {
      const report =
        source === undefined ? nothingReadable(tx.all(allTables)) : salvageRows(source, fresh.session);
      context.salvage?.(tx, report);
      return ok(report);
    });
  } finally {
    fresh.close();
  }
}

/** Makes the fresh file durable under the name that says that it is complete. */
function settle({ files, path }: FileContext): void {
  syncFile(files, freshPath(path));
  removeIfThere(files, `${freshPath(path)}-journal`);
  files.rename(freshPath(path), recoveredPath(path));
  files.syncFolder(dirname(path));
}

/** The damaged file, by itself or else with the kept copy of its first page; undefined when neither can be read. */
function openDamaged(context: FileContext, mode: ConnectionMode): DamagedSource | undefined {
  const plain = tryToRead(context, () => open(context, mode, undefined));
  if (plain.ok) return plain.value;
  const sizeBytes = context.files.status(context.path)?.sizeBytes ?? 0;
  // SQLite reads nothing of a file that is shorter than its own first page says, until that page says otherwise.
  const kept = context.markers.bytes('first-page') ?? readFirstPage(context.files, context.path);
  const patched =
    kept === undefined ? plain : tryToRead(context, () => open(context, mode, asFirstPage(kept, sizeBytes)));
  if (patched.ok) return patched.value;
  // A disk that cannot read now may do so later: then nothing is given up, and the next opening tries again.
  if (patched.error.type !== 'damaged') throw new StorageFailure(patched.error, 'the damaged file');
  return undefined;
}

/** Opens a source of which the list of tables can be read. */
function tryToRead(context: FileContext, open: () => DamagedSource): Result<DamagedSource, StorageError> {
  let source: DamagedSource | undefined;
  try {
    source = open();
    const tables = source.session.all('SELECT name FROM sqlite_master');
    // SQLite may take a file that it could not look at for an empty one.
    const { systemCode } = source;
    if (systemCode === undefined && tables.length > 0) return ok(source);
    source.close();
    return err(
      systemCode === undefined
        ? { type: 'damaged', detail: 'it has no tables' }
        : fromSystemCode(systemCode, context.path),
    );
  } catch (thrown) {
    const error = classifyStorageError(thrown, { path: context.path, systemCode: source?.systemCode });
    source?.close();
    if (error === undefined) throw thrown;
    return err(error);
  }
}

function open(context: FileContext, mode: ConnectionMode, firstPage: Uint8Array | undefined): DamagedSource {
  return mode === 'file' ? openOnFile(context, firstPage) : openInMemory(context, firstPage);
}

function openOnFile(context: FileContext, firstPage: Uint8Array | undefined): DamagedSource {
  const files =
    firstPage === undefined ? context.files : withFirstPage(context.files, context.path, firstPage);
  return new FileConnection({ ...context, files, readOnly: true });
}

function openInMemory(
  { engine, files, path }: FileContext,
  firstPage: Uint8Array | undefined,
): DamagedSource {
  const bytes = readWholeFile(files, path);
  if (firstPage !== undefined) bytes.set(firstPage.subarray(0, bytes.length));
  const session = new SqlSession(new engine.sql.Database(bytes));
  return { session, systemCode: undefined, close: () => session.close() };
}

const allTables = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'";

function nothingReadable(tables: readonly Readonly<Record<string, unknown>>[]): SalvageReport {
  return { rowsByTable: {}, incompleteTables: tables.map(table => String(table['name'])) };
}

function versionOf(session: SqlSession): number | undefined {
  try {
    return session.number('PRAGMA user_version');
  } catch (thrown) {
    if (!isDamageError(thrown)) throw thrown;
    return undefined;
  }
}

function setAsidePath({ files, path, clock }: FileContext): string {
  const stem = `${path}.damaged-${isoTime(clock.now()).replaceAll(':', '-')}`;
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? stem : `${stem}-${number}`;
    if (files.status(candidate) === undefined) return candidate;
  }
}
