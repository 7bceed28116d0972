import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../../base/errors';
import { parseJson } from '../../base/json';

/**
 * Small JSON files beside the editor's own for this workspace. The editor's memento is written back only every few
 * seconds in a browser, later than its backup of unsaved text; these files are there first.
 */
export class WindowFiles {
  readonly #folder: string;
  /** The last write of each file, so that they follow each other. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The names of the files that begin with `prefix`. */
  names(prefix: string): readonly string[] {
    try {
      return readdirSync(this.#folder).filter(name => name.startsWith(prefix) && name.endsWith(extension));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /** The JSON value of a file; undefined when there is none. */
  read(name: string): unknown {
    try {
      return parseJson(readFileSync(path.join(this.#folder, name), 'utf8'));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  write(name: string, value: unknown): Promise<void> {
    return this.#follow(name, async () => {
      await mkdir(this.#folder, { recursive: true });
      const file = path.join(this.#folder, name);
      await writeFile(`${file}.new`, JSON.stringify(value), { mode: ownerOnly });
      await rename(`${file}.new`, file);
    });
  }

  delete(name: string): Promise<void> {
    return this.#follow(name, () => rm(path.join(this.#folder, name), { force: true }));
  }

  /** Resolves when what was asked for until now is written. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes.values());
  }

  #follow(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.#writes.get(name) ?? Promise.resolve();
    const done = before.then(work, work);
    this.#writes.set(name, done);
    const forget = () => {
      if (this.#writes.get(name) === done) this.#writes.delete(name);
    };
    done.then(forget, forget);
    return done;
  }
}

export const extension = '.json';
const ownerOnly = 0o600;
