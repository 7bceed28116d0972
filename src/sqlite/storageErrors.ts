import { messageOf, systemCodeOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import type { StorageError } from './database';
import type { FileCalls } from './files/fileCalls';

/** What SQLite or the file system threw, when it is one of the failures that storage may have; else undefined. */
export function classifyStorageError(
  thrown: unknown,
  context: { readonly path: string; readonly systemCode: string | undefined },
): StorageError | undefined {
  if (thrown instanceof StorageFailure) return thrown.error;
  const ownCode = systemCodeOf(thrown);
  if (ownCode !== undefined && !isBugCode(ownCode)) return fromSystemCode(ownCode, context.path);
  const message = messageOf(thrown);
  switch (sqliteFailure(message)) {
    case 'full':
      return { type: 'full' };
    case 'damaged':
      // SQLite also says so of a page that the disk could not read.
      return context.systemCode === undefined
        ? { type: 'damaged', detail: message }
        : fromSystemCode(context.systemCode, context.path);
    case 'readOnly':
      return context.systemCode === undefined
        ? { type: 'readOnly', path: context.path }
        : fromSystemCode(context.systemCode, context.path);
    case 'system':
      return fromSystemCode(context.systemCode ?? 'EIO', context.path);
    case 'memory':
      // SQLite also says so of a database that it could not open, where the failed call tells more.
      return context.systemCode === undefined
        ? { type: 'io', code: 'ENOMEM' }
        : fromSystemCode(context.systemCode, context.path);
    case undefined:
      return undefined;
  }
}

/** Node's own codes (`ERR_INVALID_ARG_TYPE`) tell of a wrong call, the system's (`EIO`) of a failed one. */
function isBugCode(code: string): boolean {
  return code.startsWith('ERR_');
}

/** Carries a storage error out of the work of a transaction. */
export class StorageFailure extends Error {
  constructor(
    readonly error: StorageError,
    cause: unknown,
  ) {
    super(`storage failed: ${messageOf(cause)}`, { cause });
  }
}

/** The error of a failed call to the file system. `path` is what it was about. */
export function fromSystemCode(code: string, path: string): StorageError {
  if (code === 'ENOSPC' || code === 'EDQUOT') return { type: 'full' };
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return { type: 'readOnly', path };
  return { type: 'io', code };
}

/** Makes a folder, for this user alone, when it is missing. */
export function makeStoreFolder(files: FileCalls, folder: string): Result<void, StorageError> {
  try {
    files.makeFolder(folder);
    return ok();
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === undefined) throw error;
    return err(fromSystemCode(code, folder));
  }
}

/** An error in plain words, with the next step. */
export function describeStorageError(error: StorageError): string {
  switch (error.type) {
    case 'busy':
      return (
        `The store has been in use by ${error.owner} for ${Math.round(error.waitedMs / 1000)} s. ` +
        'Try again; if it goes on, close that program.'
      );
    case 'ownerUnknown':
      return (
        `The store is locked by ${error.owner}, and it cannot be told from here whether that is still running. ` +
        'Close it there. If it is gone for good, remove its lock: on a device the doctor does, ' +
        `and else delete the folder ${error.lockPath}.`
      );
    case 'full':
      return 'The disk is full, so nothing was saved. Free some space and try again; what was saved before is safe.';
    case 'readOnly':
      return `The store at ${error.path} cannot be written to. Give this user the right to write there and try again.`;
    case 'io':
      if (folderCodes.has(error.code)) {
        return `The folder of the store is none, or cannot be made (${error.code}). Choose another folder, or put back what was there.`;
      }
      return (
        `The disk reported an error (${error.code}), so this was not done. ` +
        'Try again; if it goes on, check the disk and copy the store to another one.'
      );
    case 'damaged':
      return error.setAside === undefined
        ? `The store's file is damaged (${error.detail}). Run the doctor, which keeps the file and recovers what it can.`
        : `The store's file was damaged (${error.detail}). It is kept at ${error.setAside}. Sync to bring back the rest.`;
    case 'newerSchema':
      return (
        `The store was written by a newer version (its schema is ${error.found}, this one knows ${error.known}). ` +
        'Nothing was changed. Update, or reload the window if the update is done.'
      );
    case 'foreign':
      return `The file at ${error.path} belongs to another program. It was left untouched; choose another folder.`;
    case 'closed':
      return 'The store is closed. Open it again and repeat what you did.';
  }
}

/** What the system says of a path that leads nowhere, or through a file. */
const folderCodes: ReadonlySet<string> = new Set(['ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG']);

type SqliteFailure = 'full' | 'damaged' | 'readOnly' | 'system' | 'memory';

/** SQLite's own words (`sqlite3ErrStr`), since `sql.js` throws no codes. */
function sqliteFailure(message: string): SqliteFailure | undefined {
  switch (message) {
    case 'database or disk is full':
      return 'full';
    case 'disk I/O error':
    case 'unable to open database file':
    case 'the database file could not be opened':
      return 'system';
    case 'attempt to write a readonly database':
      return 'readOnly';
    case 'out of memory':
      return 'memory';
    case 'database disk image is malformed':
    case 'file is not a database':
      return 'damaged';
    default:
      return message.startsWith('malformed database schema') ? 'damaged' : undefined;
  }
}
