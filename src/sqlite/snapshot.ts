import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { systemCodeOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import type { Timers } from '../base/time';
import type { StorageError } from './database';
import type { FileCalls } from './files/fileCalls';
import { readFully, removeIfThere, syncFile, writeFully } from './files/fileSteps';
import type { SharedDatabase } from './sharedDatabase';
import { fromSystemCode } from './storageErrors';
import { runTransaction } from './transactions';

/** Copies the file under the lock; the copy then becomes durable without it, and appears whole or not at all. */
export async function writeSnapshot(
  database: SharedDatabase,
  files: FileCalls,
  timers: Timers,
  path: string,
  toPath: string,
): Promise<Result<void, StorageError>> {
  const partPath = `${toPath}.part`;
  const copied = await database.withConnection(async connection => {
    // A commit that a dead process left half done is rolled back when the file is read.
    const settled = runTransaction(database.targetOf(connection), 'read', tx => ok(tx.all(anything)));
    return settled.ok ? guarded(toPath, () => copyFile(files, timers, path, partPath)) : settled;
  });
  const finished = copied.ok
    ? await guarded(toPath, async () => {
        syncFile(files, partPath);
        files.rename(partPath, toPath);
        files.syncFolder(dirname(toPath));
      })
    : copied;
  if (!finished.ok) await guarded(toPath, async () => removeIfThere(files, partPath));
  return finished;
}

const anything = 'SELECT 1 FROM sqlite_master LIMIT 1';
const chunkBytes = 1024 * 1024;
/** Chunks copied before other work of this thread has its turn. */
const chunksPerTurn = 8;

async function copyFile(files: FileCalls, timers: Timers, from: string, to: string): Promise<void> {
  const source = files.open(from, constants.O_RDONLY);
  try {
    files.makeFolder(dirname(to));
    const target = files.open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
    try {
      const chunk = new Uint8Array(chunkBytes);
      let position = 0;
      for (let turn = 1; ; turn++) {
        const length = readFully(files, source, chunk, position);
        writeFully(files, target, chunk.subarray(0, length), position);
        position += length;
        if (length < chunkBytes) return;
        if (turn % chunksPerTurn === 0) await timers.sleep(0);
      }
    } finally {
      files.close(target);
    }
  } finally {
    files.close(source);
  }
}

async function guarded(path: string, run: () => Promise<void>): Promise<Result<void, StorageError>> {
  try {
    await run();
    return ok();
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === undefined) throw error;
    return err(fromSystemCode(code, path));
  }
}
