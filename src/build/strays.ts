import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../base/errors';

/** The name under which this process writes a file before it gets its own name. */
export const temporaryFor = (file: string): string => `${file}.${process.pid}`;

/** Removes what is in the folder beside the names to keep, but for what a build that still runs is just writing. */
export async function removeStrays(folder: string, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (kept.has(name) || isBeingWritten(name)) continue;
    await rm(path.join(folder, name), { recursive: true, force: true }); // another build may be faster
  }
}

function isBeingWritten(name: string): boolean {
  const [, writer] = /\.(\d+)$/.exec(name) ?? [];
  if (writer === undefined || Number(writer) === process.pid) return false;
  try {
    process.kill(Number(writer), 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) !== 'ESRCH'; // EPERM: it runs, as another user
  }
}
