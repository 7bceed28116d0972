import { access, readdir } from 'node:fs/promises';
import { systemCodeOf } from '../../src/base/errors';

export async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Names in a folder, with their paths below it when `recursive`; none when there is no such folder. */
export async function namesIn(folder: string, recursive = false): Promise<readonly string[]> {
  return (await exists(folder)) ? readdir(folder, { recursive }) : [];
}
