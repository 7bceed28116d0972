import { messageOf } from '../../base/errors';
import { ok, type Result } from '../../base/result';
import { secondMs } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import { type LockServices, openDeviceLock } from './deviceLock';

/**
 * The right to sync, which one process of the device has at a time. It is a lock with a heartbeat: an owner that died
 * loses it at once, one that has fallen silent after {@link leaseTermMs}, so that a laptop which wakes in the middle of
 * a cycle may find it gone. What a cycle commits must therefore check its fencing number.
 */
export interface SyncLease {
  /** One attempt, which waits for nobody. Answers whether this process has the lease now. */
  tryAcquire(): Promise<Result<boolean, StorageError>>;
  /** Shows that the cycle goes on; to be called more often than the term. */
  heartbeat(): void;
  /** Gives the lease back. Nothing happens when it is not held, or was taken over. */
  release(): void;
  /** Gives it back and ends for good. Idempotent. */
  close(): Promise<void>;
}

export const syncLockName = 'sync';

/**
 * The silence after which a living owner loses the lease: several times as long as it is silent while it waits for an
 * answer, so that a slow server alone never costs it the lease.
 */
export const leaseTermMs = 75 * secondMs;

/** @param folder the device's folder, as of its store */
export async function createSyncLease(
  folder: string,
  services: LockServices,
): Promise<Result<SyncLease, StorageError>> {
  const opened = await openDeviceLock(folder, syncLockName, services, leaseTermMs);
  if (!opened.ok) return opened;
  const { lock, close } = opened.value;
  let closing: Promise<void> | undefined;
  return ok({
    tryAcquire: () => lock.tryAcquire(),
    heartbeat: () => {
      try {
        if (!lock.heartbeat()) services.logger.warn('the sync lease is not held any more');
      } catch (error) {
        // The lease is lost only when the heartbeat fails for its whole term; the fencing number guards against that.
        services.logger.warn('the sync lease could not be refreshed', { error: messageOf(error) });
      }
    },
    release: () => lock.release(),
    close: () => {
      closing ??= close();
      return closing;
    },
  });
}
