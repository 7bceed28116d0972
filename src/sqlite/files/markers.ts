import { join } from 'node:path';
import { fromUtf8, toUtf8 } from '../../base/encoding';
import { systemCodeOf } from '../../base/errors';
import type { FileCalls } from './fileCalls';
import { readWholeFile, removeIfThere, replaceFile } from './fileSteps';

/**
 * What the processes on one file leave for each other, as small files in the folder of the locks. Written and read
 * under the lock.
 *
 * | marker | says |
 * | --- | --- |
 * | `safe-mode` | every process uses safe mode; the content names the engine that could not be trusted |
 * | `check-due` | a process ended in the middle of its work, so the file is to be checked |
 * | `damage-suspected` | SQLite met a damaged page, so the file is to be checked before it is used again |
 * | `first-page` | a copy of the file's first page, without which nothing of a damaged file can be read |
 */
export type MarkerName = 'safe-mode' | 'check-due' | 'damage-suspected' | 'first-page';

export class Markers {
  readonly #files: FileCalls;
  readonly #prefix: string;

  /**
   * @param folder the folder of the locks
   * @param name the name of the file that the markers are about
   */
  constructor(files: FileCalls, folder: string, name: string) {
    this.#files = files;
    this.#prefix = join(folder, `${name}.`);
  }

  has(name: MarkerName): boolean {
    return this.#files.status(this.#path(name)) !== undefined;
  }

  /** The content; undefined when the marker is not set. */
  bytes(name: MarkerName): Uint8Array | undefined {
    try {
      return readWholeFile(this.#files, this.#path(name));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  text(name: MarkerName): string | undefined {
    const bytes = this.bytes(name);
    return bytes === undefined ? undefined : fromUtf8(bytes);
  }

  /** When the marker was last set, in milliseconds since 1970; undefined when it is not set. */
  setAtMs(name: MarkerName): number | undefined {
    return this.#files.status(this.#path(name))?.modifiedMs;
  }

  set(name: MarkerName, content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? toUtf8(content) : content;
    replaceFile(this.#files, this.#path(name), bytes, `${this.#path(name)}.new`);
  }

  clear(name: MarkerName): void {
    removeIfThere(this.#files, this.#path(name));
  }

  #path(name: MarkerName): string {
    return this.#prefix + name;
  }
}
