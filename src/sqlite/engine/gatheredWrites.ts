import type { FileCalls } from '../files/fileCalls';
import { writeFully } from '../files/fileSteps';

/**
 * Makes one call of writes that follow upon one another in a file: SQLite writes a rollback journal in three pieces a
 * page, of which two have four bytes. Whoever looks at the file, or relies on the order of what happens to it, calls
 * `flush` first.
 */
export class GatheredWrites {
  readonly #files: FileCalls;
  #bytes = new Uint8Array(0);
  #length = 0;
  #descriptor = 0;
  #position = 0;

  constructor(files: FileCalls) {
    this.#files = files;
  }

  add(descriptor: number, source: Uint8Array, position: number): void {
    const follows = descriptor === this.#descriptor && position === this.#position + this.#length;
    if (!follows || this.#length + source.length > maxGatheredBytes) this.flush();
    if (source.length > maxGatheredBytes) {
      writeFully(this.#files, descriptor, source, position);
      return;
    }
    if (this.#length === 0) [this.#descriptor, this.#position] = [descriptor, position];
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(maxGatheredBytes);
    this.#bytes.set(source, this.#length);
    this.#length += source.length;
  }

  /** Writes what was gathered. What cannot be written stays, and is tried again by the next call. */
  flush(): void {
    if (this.#length === 0) return;
    writeFully(this.#files, this.#descriptor, this.#bytes.subarray(0, this.#length), this.#position);
    this.#length = 0;
  }

  /** Gives up what was gathered: its file is closed. */
  forget(): void {
    this.#length = 0;
  }
}

/** Four pages. */
export const maxGatheredBytes = 16 * 1024;
