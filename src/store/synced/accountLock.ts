import { err, ok, type Result } from '../../base/result';
import { minuteMs, secondMs } from '../../base/time';
import type { LockError, ProcessLock } from '../../sqlite/lock/processLock';
import { type LockServices, openDeviceLock } from './deviceLock';

/**
 * The right to change who the device is signed in as, and to make its local key: a store and a secret storage cannot
 * be written in one step, so one process of the device does it at a time. Only an owner that died loses it, however
 * long the secret storage keeps a living one waiting.
 */
export interface AccountLock {
  /**
   * Runs the work while no other does, in this process or another one. Waits {@link maxAccountWaitMs} at most for
   * that. Not to be called from within the work.
   */
  hold<T>(work: () => Promise<T>): Promise<Result<T, LockError>>;
}

export const accountLockName = 'account';

/** Longer than a sign-in takes with a slow server, or a person to unlock the system's keyring. */
export const maxAccountWaitMs = minuteMs;

/** @param folder the device's folder, as of its store */
export function createAccountLock(folder: string, services: LockServices): AccountLock {
  return {
    // Opened for each use: a device needs it once, and then at a sign-in.
    hold: async work => {
      const opened = await openDeviceLock(folder, accountLockName, services);
      if (!opened.ok) return opened;
      const { lock, close } = opened.value;
      try {
        const acquired = await acquire(lock, services);
        return acquired.ok ? ok(await work()) : acquired;
      } finally {
        lock.release();
        await untilReleased(lock, services);
        await close();
      }
    },
  };
}

/** Asks less often than the lock does by itself: it is held for seconds. */
async function acquire(lock: ProcessLock, { clock, timers }: LockServices): Promise<Result<void, LockError>> {
  const startMs = clock.monotonic();
  for (;;) {
    const acquired = await lock.acquire(0);
    if (acquired.ok) return acquired;
    const { error } = acquired;
    if (error.type !== 'busy' && error.type !== 'ownerUnknown') return acquired;
    const waitedMs = clock.monotonic() - startMs;
    if (waitedMs >= maxAccountWaitMs) return error.type === 'busy' ? err({ ...error, waitedMs }) : acquired;
    await timers.sleep(pollMs);
  }
}

/** A release that failed, as while a scanner has the folder open, is tried again by the lock until it is closed. */
async function untilReleased(lock: ProcessLock, { timers }: LockServices): Promise<void> {
  for (let waitedMs = 0; lock.isHeld && waitedMs < maxReleaseWaitMs; waitedMs += pollMs) {
    await timers.sleep(pollMs);
  }
}

const pollMs = 100;
const maxReleaseWaitMs = 5 * secondMs;
