import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../../base/errors';
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
 * @param warn told when a file could be read by others, which is mended
 */
export function fileSecrets(folder: string, warn: (message: string) => void): SecretStore {
  const fileOf = (name: SecretName) => path.join(folder, name);
  return {
    async get(name) {
      const file = fileOf(name);
      const value = await readIfThere(file);
      if (value !== undefined) await keepFromOthers(file, warn);
      return value;
    },
    async set(name, value) {
      await mkdir(folder, { recursive: true, mode: ownerOnlyFolder });
      if (hasModes) await chmod(folder, ownerOnlyFolder);
      await replaceDurably(fileOf(name), value);
    },
    async delete(name) {
      await rm(fileOf(name), { force: true });
    },
  };
}

/** True when the folder exists, belongs to this user, and nobody else may look into it. */
export async function isPrivateFolder(folder: string): Promise<boolean> {
  try {
    const { uid, mode } = await stat(folder);
    return !hasModes || (uid === process.getuid?.() && (mode & othersBits) === 0);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function keepFromOthers(file: string, warn: (message: string) => void): Promise<void> {
  const { mode } = await stat(file);
  if (!hasModes || (mode & othersBits) === 0) return;
  await chmod(file, ownerOnlyFile);
  warn(
    `${file} could be read by others; now only you can read it. If others use this machine, sign in again after revoking this device.`,
  );
}

async function replaceDurably(file: string, value: string): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  const handle = await open(temporary, 'w', ownerOnlyFile);
  try {
    await handle.writeFile(value);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  if (hasModes) await syncFolder(path.dirname(file));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
