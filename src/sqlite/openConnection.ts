import { err, ok, type Result } from '../base/result';
import type { Connection } from './connection';
import type { Migration, StorageError } from './database';
import type { FileCalls } from './fileCalls';
import { FileConnection } from './fileConnection';
import { applyMigrations, latestVersion } from './migrations';
import { readSchemaState } from './schemaCheck';
import { classifyStorageError } from './storageErrors';
import { runTransaction, type TransactionTarget } from './transactions';
import type { SqliteEngine } from './wasmModule';

export interface ConnectionContext {
  readonly engine: SqliteEngine;
  readonly path: string;
  readonly files: FileCalls;
  readonly cacheKib: number;
  readonly applicationId: number;
  readonly migrations: readonly Migration[];
  readonly isLockHeld: () => boolean;
  readonly migrationBackup: ((path: string) => Promise<void> | void) | undefined;
}

/** Opens the file under the lock, brings it to the latest schema, and answers a connection that is fit for use. */
export async function openConnection(context: ConnectionContext): Promise<Result<Connection, StorageError>> {
  const opened = connect(context);
  if (!opened.ok) return opened;
  const target = targetOf(opened.value, context);
  const state = runTransaction(target, 'read', () =>
    ok(
      readSchemaState(opened.value.session, {
        applicationId: context.applicationId,
        latest: latestVersion(context.migrations),
        path: context.path,
      }),
    ),
  );
  if (!state.ok) return state;
  if (state.value.type === 'foreign' || state.value.type === 'newerSchema') {
    opened.value.close();
    return err(state.value);
  }
  const from = state.value.type === 'new' ? 0 : state.value.version;
  const to = latestVersion(context.migrations);
  if (from === to) return opened;
  if (state.value.type === 'new') opened.value.session.execute('PRAGMA auto_vacuum=INCREMENTAL');
  else await context.migrationBackup?.(context.path);
  const migrated = applyMigrations(target, {
    migrations: context.migrations,
    applicationId: context.applicationId,
    from,
    to,
  });
  return migrated.ok ? opened : migrated;
}

function connect(context: ConnectionContext): Result<Connection, StorageError> {
  try {
    return ok(new FileConnection(context));
  } catch (thrown) {
    const error = classifyStorageError(thrown, { path: context.path, systemCode: undefined });
    if (error === undefined) throw thrown;
    return err(error);
  }
}

function targetOf(connection: Connection, context: ConnectionContext): TransactionTarget {
  return { connection, path: context.path, check: () => undefined, discard: () => connection.close() };
}
