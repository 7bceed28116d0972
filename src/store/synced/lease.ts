import { join } from 'node:path';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Random } from '../../base/random';
import { ok, type Result } from '../../base/result';
import { type Clock, secondMs, type Timers } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import { nodeFileCalls } from '../../sqlite/files/fileCalls';
import { readHostFacts } from '../../sqlite/lock/hostFacts';
import { createPresence } from '../../sqlite/lock/liveness';
import { ProcessLock } from '../../sqlite/lock/processLock';
import { locksFolder } from '../../sqlite/openDatabase';

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

export interface LeaseServices {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

/** @param folder the device's folder, as of its store */
export async function createSyncLease(
  folder: string,
  services: LeaseServices,
): Promise<Result<SyncLease, StorageError>> {
  const presence = await createPresence({ facts: readHostFacts(), ...services });
  const opened = await ProcessLock.open({
    folder: join(folder, locksFolder),
    name: syncLockName,
    presence,
    files: nodeFileCalls,
    heartbeatTermMs: leaseTermMs,
    ...services,
  });
  if (!opened.ok) {
    await presence.close();
    return opened;
  }
  const lock = opened.value;
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
      closing ??= (async () => {
        lock.release();
        lock.dispose();
        await presence.close();
      })();
      return closing;
    },
  });
}
