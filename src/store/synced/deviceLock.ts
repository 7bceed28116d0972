import { join } from 'node:path';
import type { Logger } from '../../base/logger';
import type { Random } from '../../base/random';
import { ok, type Result } from '../../base/result';
import type { Clock, Timers } from '../../base/time';
import { nodeFileCalls } from '../../sqlite/files/fileCalls';
import { readHostFacts } from '../../sqlite/lock/hostFacts';
import { createPresence } from '../../sqlite/lock/liveness';
import { type LockError, ProcessLock } from '../../sqlite/lock/processLock';
import { locksFolder } from '../../sqlite/openDatabase';

export interface LockServices {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

/** A lock of a device's folder, with the presence by which other processes judge its owner. */
export interface DeviceLock {
  readonly lock: ProcessLock;
  /** Gives the lock back and ends for good. */
  close(): Promise<void>;
}

/**
 * @param folder the device's folder, as of its store
 * @param heartbeatTermMs makes it a lease; see the process lock
 */
export async function openDeviceLock(
  folder: string,
  name: string,
  services: LockServices,
  heartbeatTermMs?: number,
): Promise<Result<DeviceLock, LockError>> {
  const locks = join(folder, locksFolder);
  const presence = await createPresence({ facts: readHostFacts(), folder: locks, ...services });
  const opened = await ProcessLock.open({
    folder: locks,
    name,
    presence,
    files: nodeFileCalls,
    ...(heartbeatTermMs === undefined ? {} : { heartbeatTermMs }),
    ...services,
  });
  if (!opened.ok) {
    await presence.close();
    return opened;
  }
  const lock = opened.value;
  return ok({
    lock,
    close: async () => {
      lock.dispose();
      await presence.close();
    },
  });
}
