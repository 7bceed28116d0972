import { constants } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../base/assert';
import { fromUtf8, toHex, toUtf8 } from '../../base/encoding';
import { messageOf, systemCodeOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Random } from '../../base/random';
import { err, ok, type Result } from '../../base/result';
import { type Clock, dayMs, type Timers } from '../../base/time';
import type { StorageError } from '../database';
import type { FileCalls } from '../files/fileCalls';
import { readWholeFile, writeFully } from '../files/fileSteps';
import { fromSystemCode } from '../storageErrors';
import type { Presence } from './liveness';
import type { Liveness } from './livenessSocket';
import { LockTurns } from './lockTurns';

/** Why a lock could not be had. */
export type LockError = Extract<StorageError, { type: 'busy' | 'ownerUnknown' | 'full' | 'readOnly' | 'io' }>;

export interface ProcessLockOptions {
  /** The folder of the locks; it is made when it is missing. */
  readonly folder: string;
  /** The lock's name: letters and digits. */
  readonly name: string;
  readonly presence: Presence;
  readonly files: FileCalls;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * Makes it a lease: an owner whose heartbeat has not changed for this long, on the observer's monotonic clock, loses
   * it although it lives.
   */
  readonly heartbeatTermMs?: number;
  /** Told when this process has taken the lock from an owner that died, or fell silent, while it held it. */
  readonly onTakenOver?: (owner: string) => void;
  /** Told, at the opening, that the machine was started anew while a process was using the lock's folder. */
  readonly onEarlierBoot?: () => void;
}

/**
 * A lock between processes that survives their death. Each holder has a folder of its own, which contains one file
 * named after the holder. To acquire is to rename that folder to the lock's name, which fails while a folder that is
 * not empty stands there; to release is to rename it back. So the lock always appears whole, with its owner in it, and
 * both are one system call.
 *
 * A dead owner's lock is renamed to a name made of that owner's token. Two processes cannot both do so, and a late one
 * cannot take the lock of the next owner, since a folder of that name already stands.
 */
export class ProcessLock {
  readonly #options: ProcessLockOptions;
  readonly #lockPath: string;
  readonly #ownPath: string;
  /** Names this lock of this process: a process may have the same lock open more than once. */
  readonly #token: string;
  readonly #turns: LockTurns;
  #isHeld = false;
  #isReleaseDue = false;
  #lastBeatMs = 0;
  #seen: { readonly owner: string; readonly beatMs: number; readonly sinceMs: number } | undefined;

  private constructor(options: ProcessLockOptions) {
    this.#options = options;
    this.#turns = new LockTurns(options.clock);
    this.#lockPath = join(options.folder, `${options.name}.lock`);
    this.#token = `${options.presence.token}.${toHex(options.random.bytes(nonceBytes))}`;
    this.#ownPath = join(options.folder, `${options.name}.process-${this.#token}`);
  }

  /** Makes ready to acquire, and clears away what dead processes have left. */
  static async open(options: ProcessLockOptions): Promise<Result<ProcessLock, LockError>> {
    const lock = new ProcessLock(options);
    const prepared = lock.#attempt(() => lock.#prepare());
    if (!prepared.ok) return prepared;
    const listed = lock.#attempt(() => options.files.list(options.folder));
    if (!listed.ok) return listed;
    await lock.#sweep(listed.value);
    return ok(lock);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** One attempt, which takes over from an owner that may be taken over from. Answers whether the lock is held. */
  async tryAcquire(): Promise<Result<boolean, LockError>> {
    try {
      const taken = this.#take();
      if (!taken.ok || taken.value) return taken;
      return (await this.#challenge()) === 'removed' ? this.#take() : ok(false);
    } catch (error) {
      return this.#failure(error);
    }
  }

  /** Waits for the lock, `waitMs` at most. */
  async acquire(waitMs: number): Promise<Result<void, LockError>> {
    try {
      return await this.#wait(waitMs);
    } catch (error) {
      return this.#failure(error);
    }
  }

  /** Gives the lock back. Nothing happens when it is not held, or was taken over. */
  release(): void {
    if (!this.#isHeld) return;
    const { files, timers, logger } = this.#options;
    this.#turns.released();
    try {
      if (this.#holdsLock()) {
        files.rename(this.#lockPath, this.#ownPath);
      } else {
        logger.warn('a lock that was held has been taken away', { lock: this.#lockPath });
      }
      this.#isHeld = false;
    } catch (error) {
      // Still held: the next acquire finds it so. Until then it is tried again, since others wait for it.
      logger.warn('a lock could not be released yet', { lock: this.#lockPath, error: messageOf(error) });
      this.#isReleaseDue = true;
      timers.after(releaseAgainAfterMs, () => {
        if (this.#isReleaseDue) this.release();
      });
    }
  }

  /** Shows that the holder is at work. Answers false when the lock is not held any more. */
  heartbeat(): boolean {
    if (!this.#isHeld) return false;
    const beatMs = Math.max(this.#lastBeatMs + 1, Math.floor(this.#options.clock.now()));
    try {
      this.#options.files.touch(this.#entryIn(this.#lockPath), beatMs);
      this.#lastBeatMs = beatMs;
      return true;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') {
        this.#isHeld = false;
        return false;
      }
      // Still held: if it goes on, the others take the lock, and a later heartbeat finds it gone.
      this.#options.logger.warn('the heartbeat could not be shown', { error: messageOf(error) });
      return true;
    }
  }

  /** Who holds the lock, in words; undefined when nobody does. */
  owner(): string | undefined {
    const owner = this.#owner();
    return owner === undefined ? undefined : this.#options.presence.describe(owner);
  }

  /** Whether the holder lives; undefined when nobody holds the lock. */
  async ownerLiveness(): Promise<Liveness | undefined> {
    const owner = this.#owner();
    return owner === undefined ? undefined : this.#judge(owner);
  }

  /**
   * Removes the lock of an owner of whom it cannot be told whether it lives. Only for a repair that a person asked
   * for: if that owner does live, two processes may then write at once. Answers whether there was such a lock.
   */
  async breakUnknownLock(): Promise<boolean> {
    const owner = this.#owner();
    if (owner === undefined || (await this.#judge(owner)) !== 'unknown') return false;
    return this.#remove(owner, owner);
  }

  /** Releases the lock and leaves the folder of the locks. */
  dispose(): void {
    this.release();
    this.#isReleaseDue = false;
    try {
      this.#options.files.removeFolder(this.#ownPath);
    } catch (error) {
      // The next process that opens the lock clears it away.
      this.#options.logger.debug('the folder of the lock stays', { error: messageOf(error) });
    }
  }

  async #wait(waitMs: number): Promise<Result<void, LockError>> {
    const { clock, timers, random } = this.#options;
    const startMs = clock.monotonic();
    let unknownOwner: string | undefined;
    const politeMs = Math.min(waitMs, this.#turns.pauseMs());
    if (politeMs > 0) await timers.sleep(politeMs);
    for (let attempt = 0; ; attempt++) {
      const taken = this.#take();
      if (!taken.ok) return taken;
      if (taken.value) {
        this.#turns.acquired(attempt > 0 || politeMs > 0);
        return ok();
      }
      this.#turns.metOther();
      if (attempt % attemptsPerChallenge === 0) {
        const challenge = await this.#challenge();
        if (challenge === 'removed') continue;
        unknownOwner = challenge === 'unknown' ? this.#owner() : undefined;
      }
      const waitedMs = clock.monotonic() - startMs;
      if (waitedMs >= waitMs) return err(this.#refusal(waitedMs, unknownOwner));
      // The longer a process has waited, the more often it tries, so that nobody waits for ever behind newcomers.
      const pauseMs = Math.max(minPauseMs, maxPauseMs - waitedMs / waitPerPauseStep);
      await timers.sleep(Math.min(waitMs - waitedMs, 1 + random.fraction() * pauseMs));
    }
  }

  #take(): Result<boolean, LockError> {
    this.#isReleaseDue = false;
    if (this.#isHeld) return ok(true);
    const { files } = this.#options;
    for (let attempt = 0; attempt < maxPrepareAttempts; attempt++) {
      try {
        files.rename(this.#ownPath, this.#lockPath);
        this.#isHeld = true;
        return ok(true);
      } catch (error) {
        const code = systemCodeOf(error);
        if (code === 'ENOENT') {
          const prepared = this.#attempt(() => this.#prepare());
          if (!prepared.ok) return prepared;
          continue;
        }
        return meansHeld(code) ? ok(false) : this.#failure(error);
      }
    }
    return ok(false);
  }

  /** Looks at the owner, and removes the lock when the owner has lost it. */
  async #challenge(): Promise<'removed' | Liveness | 'free'> {
    const owner = this.#owner();
    if (owner === undefined) return 'free';
    const liveness = await this.#judge(owner);
    if (liveness === undefined) return 'free';
    // An owner dies once, but may fall silent many times: each time has a name of its own.
    const end = liveness === 'dead' ? owner : this.#silenceOf(owner);
    if (end === undefined || !this.#remove(owner, end)) return liveness;
    this.#options.onTakenOver?.(owner);
    return 'removed';
  }

  /** Names the silence for which a living owner loses a lease; undefined while it may keep it. */
  #silenceOf(owner: string): string | undefined {
    const { heartbeatTermMs, clock, files } = this.#options;
    if (heartbeatTermMs === undefined) return undefined;
    const beatMs = files.status(join(this.#lockPath, owner))?.modifiedMs;
    const nowMs = clock.monotonic();
    if (beatMs === undefined || this.#seen?.owner !== owner || this.#seen.beatMs !== beatMs) {
      this.#seen = beatMs === undefined ? undefined : { owner, beatMs, sinceMs: nowMs };
      return undefined;
    }
    return nowMs - this.#seen.sinceMs >= heartbeatTermMs ? `${owner}-${beatMs}` : undefined;
  }

  #remove(owner: string, end: string): boolean {
    const { files, folder, name, logger, presence } = this.#options;
    try {
      files.rename(this.#lockPath, join(folder, `${name}.dead-${end}`));
      logger.info('took a lock over', { lock: this.#lockPath, from: presence.describe(owner) });
      return true;
    } catch (error) {
      logger.debug('somebody else took the lock over', { lock: this.#lockPath, error: messageOf(error) });
      return false;
    }
  }

  /** Undefined when the owner has just left. */
  async #judge(owner: string): Promise<Liveness | undefined> {
    const note = this.#noteIn(join(this.#lockPath, owner));
    return note === undefined ? undefined : this.#options.presence.judge(owner, note);
  }

  /** Undefined when it is not there any more; empty when it cannot be read, which tells nothing of the owner. */
  #noteIn(path: string): string | undefined {
    try {
      return fromUtf8(readWholeFile(this.#options.files, path)) ?? '';
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      this.#options.logger.debug('what the owner noted cannot be read', { path, error: messageOf(error) });
      return '';
    }
  }

  #owner(): string | undefined {
    try {
      return this.#options.files.list(this.#lockPath)[0];
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #holdsLock(): boolean {
    return this.#options.files.status(this.#entryIn(this.#lockPath)) !== undefined;
  }

  #entryIn(folder: string): string {
    return join(folder, this.#token);
  }

  #prepare(): void {
    const { files, presence } = this.#options;
    files.makeFolder(this.#ownPath);
    const descriptor = files.open(this.#entryIn(this.#ownPath), constants.O_WRONLY | constants.O_CREAT);
    try {
      writeFully(files, descriptor, toUtf8(presence.note), 0);
      if (presence.note !== '') files.sync(descriptor); // after a power cut it tells that this process is gone
    } finally {
      files.close(descriptor);
    }
  }

  /** Clears away the folders of dead processes and, after a day, the locks that were taken from them. */
  async #sweep(entries: readonly string[]): Promise<void> {
    const { files, folder, name, presence, clock, logger } = this.#options;
    for (const entry of entries) {
      const path = join(folder, entry);
      const process = suffixOf(entry, `${name}.process-`);
      const taken = suffixOf(entry, `${name}.dead-`);
      try {
        if (process !== undefined && process !== this.#token) {
          if (!(await this.#clearIfDead(process, path))) continue;
          files.removeFolder(path);
          if (presence.isFromEarlierBoot(process)) this.#options.onEarlierBoot?.();
        } else if (taken !== undefined) {
          const ageMs = clock.now() - (files.status(path)?.changedMs ?? clock.now());
          if (ageMs <= keepDeadLocksMs) continue;
          await this.#clearIfDead(taken, path); // who lost a lease by its silence may live
          files.removeFolder(path);
        }
      } catch (error) {
        logger.debug('a leftover could not be cleared away', { path, error: messageOf(error) });
      }
    }
  }

  /** Removes what a dead process has left elsewhere. Answers whether it is dead. */
  async #clearIfDead(token: string, path: string): Promise<boolean> {
    const { files, presence } = this.#options;
    const note = this.#noteIn(join(path, token)) ?? '';
    if ((await presence.judge(token, note)) !== 'dead') return false;
    const leftover = presence.leftoverOf(token, note);
    if (leftover !== undefined && files.status(leftover) !== undefined) files.remove(leftover);
    return true;
  }

  #refusal(waitedMs: number, unknownOwner: string | undefined): LockError {
    const token = this.#owner();
    const owner = token === undefined ? 'another process' : this.#options.presence.describe(token);
    return token !== undefined && token === unknownOwner
      ? { type: 'ownerUnknown', owner, lockPath: this.#lockPath }
      : { type: 'busy', waitedMs, owner };
  }

  #attempt<T>(run: () => T): Result<T, LockError> {
    try {
      return ok(run());
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): Result<never, LockError> {
    const code = systemCodeOf(error);
    assert(code !== undefined, messageOf(error));
    const failure = fromSystemCode(code, this.#options.folder);
    assert(failure.type === 'full' || failure.type === 'readOnly' || failure.type === 'io', failure.type);
    return err(failure);
  }
}

const nonceBytes = 4;
const releaseAgainAfterMs = 100;
const attemptsPerChallenge = 4;
const maxPrepareAttempts = 3;
const minPauseMs = 1;
const maxPauseMs = 12;
/** Milliseconds of waiting that shorten the pause between attempts by one millisecond. */
const waitPerPauseStep = 50;
const keepDeadLocksMs = dayMs;

/** A rename onto a folder that is not empty fails with one of the first two; Windows has other words for it. */
function meansHeld(code: string | undefined): boolean {
  if (code === 'ENOTEMPTY' || code === 'EEXIST') return true;
  return process.platform === 'win32' && (code === 'EPERM' || code === 'EACCES' || code === 'EBUSY');
}

function suffixOf(text: string, prefix: string): string | undefined {
  return text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}
