import { join } from 'node:path';
import { ok, type Result } from '../../base/result';
import { secondMs, type Timers } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import { nodeFileCalls } from '../../sqlite/files/fileCalls';
import { readHostFacts } from '../../sqlite/lock/hostFacts';
import { createPresence } from '../../sqlite/lock/liveness';
import { ProcessLock } from '../../sqlite/lock/processLock';
import { locksFolder } from '../../sqlite/openDatabase';
import { storeFileName } from '../openStore';
import { accountLockName } from '../synced/accountLock';
import type { LockServices } from '../synced/deviceLock';
import { syncLockName } from '../synced/lease';
import { type Finding, sound, trouble } from './finding';

export interface LockExamination {
  readonly findings: readonly Finding[];
  /** The store cannot be opened before its lock is removed. */
  readonly isStoreLocked: boolean;
}

/**
 * Looks at the locks of a device's folder, without opening its store: a lock whose owner cannot be judged from here
 * keeps the store from being opened. Mending breaks such a lock, which only a person can know to be right. A lock that
 * changes hands meanwhile is in use, and is left alone.
 */
export async function examineLocks(
  folder: string,
  services: LockServices,
  mend: boolean,
): Promise<Result<LockExamination, StorageError>> {
  const findings: Finding[] = [];
  let isStoreLocked = false;
  const locks = join(folder, locksFolder);
  const presence = await createPresence({ facts: readHostFacts(), folder: locks, ...services });
  try {
    for (const { name, guards } of lockNames) {
      const opened = await ProcessLock.open({
        folder: locks,
        name,
        presence,
        files: nodeFileCalls,
        ...services,
      });
      if (!opened.ok) return opened;
      const lock = opened.value;
      const owner = await lastingUnknownOwner(lock, join(locks, `${name}.lock`), services.timers);
      if (owner !== undefined) {
        const mended = mend && (await lock.breakUnknownLock());
        findings.push(trouble('lock', 'error', heldBy(guards, owner), { mend: breakMend, mended }));
        if (name === storeFileName) isStoreLocked = !mended;
      }
      lock.dispose();
    }
  } finally {
    await presence.close();
  }
  const nothing = [sound('lock', 'No lock is held by a process that is gone.')];
  return ok({ findings: findings.length > 0 ? findings : nothing, isStoreLocked });
}

/** Who has held the lock all the time that it was watched, in words, when it cannot be told whether that owner lives. */
async function lastingUnknownOwner(
  lock: ProcessLock,
  lockPath: string,
  timers: Timers,
): Promise<string | undefined> {
  if ((await lock.ownerLiveness()) !== 'unknown') return undefined;
  // Whoever takes the lock renames a folder, which changes its time of change.
  const sighting = () => ({ owner: lock.owner(), sinceMs: nodeFileCalls.status(lockPath)?.changedMs });
  const first = sighting();
  await timers.sleep(watchLockMs);
  const last = sighting();
  return last.owner === first.owner && last.sinceMs === first.sinceMs ? last.owner : undefined;
}

/** Longer than a process at work holds a lock, but for a check of a file of some hundred MiB. */
const watchLockMs = 3 * secondMs;
const lockNames = [
  { name: storeFileName, guards: 'The store' },
  { name: `${storeFileName}-upkeep`, guards: 'The upkeep of the store' },
  { name: syncLockName, guards: 'Sync' },
  { name: accountLockName, guards: 'Signing in and out' },
];
const heldBy = (guards: string, owner: string) =>
  `${guards} is locked by ${owner}, and it cannot be told from here whether that is still running.`;
const breakMend =
  'Removes the lock. Do this only when that process has ended: two processes that write at once can damage the store.';
