import { chmod, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../../base/errors';
import type { Random } from '../../base/random';
import type { SecretName, SecretStore } from './secrets';

const ownerOnlyFolder = 0o700;
const ownerOnlyFile = 0o600;
/** The permission bits of everybody but the owner. */
const othersBits = 0o077;
/** Windows keeps no such bits: there the folder's inherited access list protects the files. */
const hasModes = process.platform !== 'win32';

/**
 * Secrets in a folder that only its owner can read, one file each, so that two processes never overwrite each other's.
 * For a host without a keyring: the terminal, a container. A file is replaced by one durable rename.
 *
 * @param random names the files that wait for that, since two containers on one folder may have equal process numbers
 * @param warn told when a file could be read by others, which is mended
 */
export function fileSecrets(folder: string, random: Random, warn: (message: string) => void): SecretStore {
  const fileOf = (name: SecretName) => path.join(folder, name);
  return {
    async get(name) {
      const file = fileOf(name);
      // Through one handle, so that a sign-out elsewhere changes nothing in the middle.
      const handle = await valueIfThere(open(file, 'r'));
      if (handle === undefined) return undefined;
      try {
        if (await keepFromOthers(handle)) warn(couldBeRead(file));
        return await handle.readFile('utf8');
      } finally {
        await handle.close();
      }
    },
    async set(name, value) {
      await mkdir(folder, { recursive: true, mode: ownerOnlyFolder });
      if (hasModes) await chmod(folder, ownerOnlyFolder);
      await replaceDurably(fileOf(name), value, random);
    },
    async delete(name) {
      const entries = (await valueIfThere(readdir(folder))) ?? [];
      // Beside it may lie what a process that was killed was about to put in its place.
      const left = entries.filter(entry => entry === name || entry.startsWith(`${name}.`));
      for (const entry of left) await rm(path.join(folder, entry), { force: true });
    },
  };
}

/** True when the folder exists, belongs to this user, and nobody else may look into it. */
export async function isPrivateFolder(folder: string): Promise<boolean> {
  const status = await valueIfThere(stat(folder));
  if (status === undefined) return false;
  return !hasModes || (status.uid === process.getuid?.() && (status.mode & othersBits) === 0);
}

async function valueIfThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Answers whether others could read the file. */
async function keepFromOthers(handle: FileHandle): Promise<boolean> {
  const { mode } = await handle.stat();
  if (!hasModes || (mode & othersBits) === 0) return false;
  await handle.chmod(ownerOnlyFile);
  return true;
}

const couldBeRead = (file: string) =>
  `${file} could be read by others; now only you can read it. If others use this machine, sign in again after revoking this device.`;

async function replaceDurably(file: string, value: string, random: Random): Promise<void> {
  const temporary = `${file}.${random.uuid()}`;
  try {
    await writeDurably(temporary, value);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (hasModes) await syncFolder(path.dirname(file));
}

async function writeDurably(file: string, value: string): Promise<void> {
  const handle = await open(file, 'wx', ownerOnlyFile);
  try {
    await handle.writeFile(value);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
