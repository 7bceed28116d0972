import { renameSync } from 'node:fs';
import { chmod, copyFile, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import { isoTime, secondMs } from '../base/time';
import type { OpenedDatabase } from '../sqlite/openDatabase';
import { describeStorageError } from '../sqlite/storageErrors';
import { serveLockName } from './serve';
import { makeDataFolder, openStore, type StoreHost, storePath } from './store';

const serveLockWaitMs = secondMs;
const ownerOnly = 0o600;

/** Writes a whole, durable copy of the store to `file`, while the server may be running. */
export async function backUp(
  dataFolder: string,
  file: string,
  host: StoreHost,
): Promise<Result<void, string>> {
  const store = await openStore(storePath(dataFolder), host);
  if (!store.ok) return err(describeStorageError(store.error));
  const written = await store.value.checkpointSnapshot(file);
  await store.value.close();
  if (!written.ok) return err(describeStorageError(written.error));
  await chmod(file, ownerOnly);
  return ok();
}

/**
 * Puts a backup in the place of the store, and keeps what was there beside it. Refused while a server runs. The
 * devices find out by themselves: see "epoch" in `docs/PROTOCOL.md`.
 *
 * @returns where the former store is kept
 */
export async function restore(
  dataFolder: string,
  file: string,
  host: StoreHost,
): Promise<Result<string, string>> {
  const stamp = isoTime(host.clock.now()).replace(/[:.]/g, '-');
  const trialFolder = join(dataFolder, `restoring-${stamp}`);
  const made = makeDataFolder(trialFolder);
  if (!made.ok) return err(describeStorageError(made.error));
  try {
    const path = storePath(dataFolder);
    const candidate = storePath(trialFolder);
    const proven = await proveBackup(file, candidate, host);
    if (!proven.ok) return proven;
    const kept = `${path}.before-restore-${stamp}`;
    const replaced = await replaceStore({ path, candidate, kept }, host);
    return replaced.ok ? ok(kept) : replaced;
  } finally {
    await rm(trialFolder, { recursive: true, force: true });
  }
}

/** Copies the backup to a folder of its own and opens it there, so that a bad one is found before anything is replaced. */
async function proveBackup(file: string, candidate: string, host: StoreHost): Promise<Result<void, string>> {
  try {
    await copyFile(file, candidate);
    await sync(candidate);
  } catch (error) {
    return err(`The backup cannot be read: ${messageOf(error)}`);
  }
  const opened = await openStore(candidate, host);
  if (!opened.ok) return err(`The backup cannot be used. ${describeStorageError(opened.error)}`);
  const { recovered } = opened.value;
  const findings = await opened.value.integrityCheck();
  await opened.value.close();
  if (recovered !== undefined) return err(`The backup is damaged: ${recovered.detail}. Use another one.`);
  if (!findings.ok) return err(describeStorageError(findings.error));
  const [finding] = findings.value;
  return finding === undefined ? ok() : err(`The backup is damaged: ${finding}. Use another one.`);
}

interface Replacement {
  readonly path: string;
  readonly candidate: string;
  /** Where what was there is kept. */
  readonly kept: string;
}

async function replaceStore(paths: Replacement, host: StoreHost): Promise<Result<void, string>> {
  const current = await openStore(paths.path, host);
  if (!current.ok) return err(describeStorageError(current.error));
  const swapped = await swap(current.value, paths);
  await current.value.close();
  if (!swapped.ok) return swapped;
  const restored = await openStore(paths.path, host);
  if (!restored.ok) return err(describeStorageError(restored.error));
  const settled = await restored.value.vacuum(); // also renews what is kept of the file for a recovery
  await restored.value.close();
  return settled.ok ? ok() : err(describeStorageError(settled.error));
}

async function swap(current: OpenedDatabase, paths: Replacement): Promise<Result<void, string>> {
  const lock = await current.openLock(serveLockName);
  const held = lock.ok ? await lock.value.acquire(serveLockWaitMs) : lock;
  if (!lock.ok || !held.ok) {
    const why = !held.ok && held.error.type === 'ownerUnknown' ? ` ${describeStorageError(held.error)}` : '';
    return err(`A server is running on this store. Stop it, then restore.${why}`);
  }
  try {
    const snapshot = await current.checkpointSnapshot(paths.kept);
    if (!snapshot.ok) return err(describeStorageError(snapshot.error));
    // Every transaction runs under the file's lock, so inside one no other process is in the middle of its own.
    const moved = await current.read(() => renameSync(paths.candidate, paths.path));
    if (!moved.ok) return err(describeStorageError(moved.error));
    await sync(dirname(paths.path));
    return ok();
  } finally {
    lock.value.release();
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
}
