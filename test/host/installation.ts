import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../../src/base/errors';
import { minuteMs, systemClock, systemTimers } from '../../src/base/time';
import { endedThread, readHostFacts } from '../../src/sqlite/lock/hostFacts';
import { exists } from './files';
import { cacheFolder } from './folders';
import { HostError } from './hostError';
import type { Progress } from './progress';

/** Something that is installed once and then only used. */
export interface Recipe {
  /** First part of the folder's name. */
  readonly name: string;
  /** To be raised whenever `install` would give something else from the same lockfile. */
  readonly revision: number;
  /** Folder with `package.json` and `package-lock.json`. */
  readonly manifestFolder: string;
  /** Fills the empty `folder`; it is moved to its place afterwards, so nothing in it may name its own path. */
  install(folder: string, logFile: string): Promise<void>;
}

/**
 * The folder that holds what `recipe` installs, installing it first where it is missing. The folder's name carries a
 * hash of the lockfile, and it appears there by one rename: it is complete or absent, however an install was
 * interrupted. A lock keeps two processes from doing the same work; were both to do it, the second result is dropped.
 */
export async function installOnce(recipe: Recipe, progress: Progress): Promise<string> {
  const folder = path.join(cacheFolder, `${recipe.name}-${await fingerprint(recipe)}`);
  if (await exists(folder)) return folder;
  await mkdir(cacheFolder, { recursive: true });
  const release = await acquireLock(path.join(cacheFolder, `${recipe.name}.lock`), progress);
  try {
    if (await exists(folder)) return folder;
    await removeOthers(recipe.name);
    const staging = path.join(cacheFolder, `${recipe.name}-staging-${process.pid}`);
    await mkdir(staging);
    await recipe.install(staging, path.join(cacheFolder, `${recipe.name}-install.log`));
    await moveInto(staging, folder);
    return folder;
  } finally {
    await release();
  }
}

async function fingerprint(recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(`${recipe.revision}\n`);
  for (const file of ['package.json', 'package-lock.json']) {
    hash.update(await readFile(path.join(recipe.manifestFolder, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Installs of older lockfiles and what interrupted installs left behind. */
async function removeOthers(name: string): Promise<void> {
  const ours = new RegExp(`^${name}-(staging-\\d+|[0-9a-f]{12})$`);
  for (const entry of await readdir(cacheFolder)) {
    if (ours.test(entry)) await rm(path.join(cacheFolder, entry), { recursive: true, force: true });
  }
}

async function moveInto(staging: string, folder: string): Promise<void> {
  try {
    await rename(staging, folder);
  } catch (error) {
    if (!(await exists(folder))) throw error;
    await rm(staging, { recursive: true, force: true });
  }
}

const lockWaitLimitMs = 20 * minuteMs;
const lockPollMs = 500;

/** Creates `file` with this process's id, waiting while another living process holds it. Answers its release. */
async function acquireLock(file: string, progress: Progress): Promise<() => Promise<void>> {
  if (!(await tryLock(file))) {
    const startedMs = systemClock.monotonic();
    await progress.step('Waiting for another process that is installing the test host', async () => {
      while (!(await tryLock(file))) {
        if (systemClock.monotonic() - startedMs > lockWaitLimitMs) {
          throw new HostError(
            `Another install holds ${file} for too long; if none is running, delete that file.`,
          );
        }
        await systemTimers.sleep(lockPollMs);
      }
    });
  }
  return () => rm(file, { force: true });
}

/** By a hard link, so that the lock never exists without the holder's id in it. */
async function tryLock(file: string): Promise<boolean> {
  const own = `${file}.${process.pid}`;
  await writeFile(own, String(process.pid));
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    if (await holderIsGone(file)) await rm(file, { force: true });
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

async function holderIsGone(file: string): Promise<boolean> {
  try {
    const holder = Number(await readFile(file, 'utf8'));
    process.kill(holder, 0);
    return readHostFacts().startTimeOf(holder, holder) === endedThread;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ESRCH' || code === 'ENOENT') return true;
    if (code === 'EPERM') return false;
    throw error;
  }
}
