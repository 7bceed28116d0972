import { err, ok, type Result } from '../base/result';
import type { StorageError } from '../sqlite/database';
import { classifyStorageError } from '../sqlite/storageErrors';

/** Runs calls to the file system; their failures become values. */
export function attemptFiles<T>(path: string, run: () => T): Result<T, StorageError> {
  try {
    return ok(run());
  } catch (thrown) {
    const error = classifyStorageError(thrown, { path, systemCode: undefined });
    if (error === undefined) throw thrown;
    return err(error);
  }
}
