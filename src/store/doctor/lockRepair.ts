import { join } from 'node:path';
import { ok, type Result } from '../../base/result';
import type { StorageError } from '../../sqlite/database';
import { nodeFileCalls } from '../../sqlite/fileCalls';
import { readHostFacts } from '../../sqlite/hostFacts';
import { createPresence } from '../../sqlite/liveness';
import { locksFolder } from '../../sqlite/openDatabase';
import { ProcessLock } from '../../sqlite/processLock';
import type { LeaseServices } from '../lease';
import { syncLockName } from '../lease';
import { storeFileName } from '../openStore';
import { type Finding, sound, trouble } from './finding';

/**
 * Looks at the locks of a device's folder, without opening its store: a lock whose owner cannot be judged from here
 * keeps the store from being opened. Mending breaks such a lock, which only a person can know to be right.
 */
export async function examineLocks(
  folder: string,
  services: LeaseServices,
  mend: boolean,
): Promise<Result<readonly Finding[], StorageError>> {
  const findings: Finding[] = [];
  const presence = await createPresence({ facts: readHostFacts(), ...services });
  try {
    for (const name of [storeFileName, `${storeFileName}-upkeep`, syncLockName]) {
      const opened = await ProcessLock.open({
        folder: join(folder, locksFolder),
        name,
        presence,
        files: nodeFileCalls,
        ...services,
      });
      if (!opened.ok) return opened;
      const lock = opened.value;
      const owner = lock.owner();
      if ((await lock.ownerLiveness()) === 'unknown' && owner !== undefined) {
        const mended = mend && (await lock.breakUnknownLock());
        findings.push(trouble('lock', 'error', heldBy(owner), { mend: breakMend, mended }));
      }
      lock.dispose();
    }
  } finally {
    await presence.close();
  }
  return ok(findings.length > 0 ? findings : [sound('lock', 'No lock is held by a process that is gone.')]);
}

const heldBy = (owner: string) =>
  `The store is locked by ${owner}, and it cannot be told from here whether that is still running.`;
const breakMend =
  'Removes the lock. Do this only when that process has ended: two processes that write at once can damage the store.';
