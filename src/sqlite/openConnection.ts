import { err, ok, type Result } from '../base/result';
import type { Connection, ConnectionMode } from './connection/connection';
import type { StorageError } from './database';
import { connect, endSafeMode, type FileContext, openingTarget, requiredMode } from './fileContext';
import { hasHotJournal } from './files/rollbackJournal';
import { applyMigrations, latestVersion } from './migrations';
import { keepFirstPage } from './recovery/firstPage';
import { findHeaderProblem, findProblems } from './recovery/integrity';
import { finishInterruptedRecovery, recoverDamagedFile } from './recovery/recovery';
import { readSchemaState, type SchemaState } from './schemaCheck';
import { classifyStorageError } from './storageErrors';
import { runTransaction } from './transactions';

/**
 * Opens the file under the lock: settles what a dead process left, recovers a damaged file, refuses a foreign or a
 * newer one, and applies the migrations that are missing.
 */
export async function openConnection(context: FileContext): Promise<Result<Connection, StorageError>> {
  try {
    finishInterruptedRecovery(context);
    endSafeMode(context);
    if (context.isCopy && context.files.status(context.path) === undefined) {
      return err({ type: 'io', code: 'ENOENT' });
    }
    const mode = requiredMode(context);
    const checked = openChecked(context, mode);
    const isRecoverable = !checked.ok && checked.error.type === 'damaged' && !context.isCopy;
    if (!isRecoverable) return await prepare(context, checked);
    const recovered = recoverDamagedFile(context, mode, checked.error.detail);
    if (!recovered.ok) return recovered;
    context.markers.clear('damage-suspected');
    context.markers.clear('check-due');
    const fresh = await prepare(context, openChecked(context, mode));
    context.onRecovered(recovered.value);
    return fresh;
  } catch (thrown) {
    const error = classifyStorageError(thrown, { path: context.path, systemCode: undefined });
    if (error === undefined) throw thrown;
    return err(error);
  }
}

/** The largest file whose due check is made at the opening, which it holds up by about 12 ms for each MiB. */
const maxCheckedAtOpeningBytes = 16 * 1024 * 1024;

interface CheckedConnection {
  readonly connection: Connection;
  readonly state: Extract<SchemaState, { type: 'new' | 'ours' }>;
}

function openChecked(context: FileContext, mode: ConnectionMode): Result<CheckedConnection, StorageError> {
  const { files, path, markers } = context;
  const hadContent = files.status(path) !== undefined && (context.isCopy || markers.has('first-page'));
  if (hasHotJournal(files, path)) markers.set('check-due', 'a commit was cut off');
  const connected = tryConnect(context, mode);
  if (!connected.ok) return connected;
  const connection = connected.value;
  const target = openingTarget(context, connection);
  const inspected = runTransaction(target, 'read', (): Result<CheckedConnection['state'], StorageError> => {
    const known = {
      applicationId: context.applicationId,
      latest: latestVersion(context.migrations),
      path,
    };
    const state = readSchemaState(connection.session, known);
    if (state.type === 'foreign' || state.type === 'newerSchema') return err(state);
    const problem =
      state.type === 'new' && hadContent
        ? 'there is nothing in it'
        : (findHeaderProblem(files, path) ?? findDueProblem(context, connection));
    return problem === undefined ? ok(state) : err({ type: 'damaged', detail: problem });
  });
  if (inspected.ok) return ok({ connection, state: inspected.value });
  connection.close();
  return inspected;
}

function tryConnect(context: FileContext, mode: ConnectionMode): Result<Connection, StorageError> {
  try {
    return ok(connect(context, mode));
  } catch (thrown) {
    const error = classifyStorageError(thrown, { path: context.path, systemCode: undefined });
    if (error === undefined) throw thrown;
    return err(error);
  }
}

/** The first problem that a check finds which is due now. */
function findDueProblem({ markers, files, path }: FileContext, connection: Connection): string | undefined {
  const isSuspected = markers.has('damage-suspected');
  const isDue = isSuspected || markers.has('check-due');
  const sizeBytes = files.status(path)?.sizeBytes ?? 0;
  if (!isDue || (!isSuspected && sizeBytes > maxCheckedAtOpeningBytes)) return undefined;
  const [problem] = findProblems(connection.session, 'quick');
  if (problem === undefined) {
    markers.clear('damage-suspected');
    markers.clear('check-due');
  }
  return problem;
}

async function prepare(
  context: FileContext,
  checked: Result<CheckedConnection, StorageError>,
): Promise<Result<Connection, StorageError>> {
  if (!checked.ok) return checked;
  const { connection } = checked.value;
  try {
    const migrated = await migrate(context, checked.value);
    if (!migrated.ok) return migrated;
    if (context.files.status(context.path) !== undefined) {
      keepFirstPage(context.files, context.path, context.markers);
    }
    return ok(connection);
  } catch (thrown) {
    connection.close();
    throw thrown;
  }
}

async function migrate(
  context: FileContext,
  { connection, state }: CheckedConnection,
): Promise<Result<void, StorageError>> {
  const { migrations, applicationId } = context;
  const from = state.type === 'new' ? 0 : state.version;
  const to = latestVersion(migrations);
  if (from === to) return ok();
  // Unused pages can then be given back bit by bit; it can only be chosen before the first table.
  if (state.type === 'new') connection.session.execute('PRAGMA auto_vacuum=INCREMENTAL');
  else await context.migrationBackup?.(context.path);
  return applyMigrations(openingTarget(context, connection), { migrations, applicationId, from, to });
}
