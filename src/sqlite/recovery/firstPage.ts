import { constants } from 'node:fs';
import { changeCounterAt, headerBytes, parseHeader } from '../files/databaseHeader';
import type { FileCalls } from '../files/fileCalls';
import { readFully } from '../files/fileSteps';
import type { Markers } from '../files/markers';

/**
 * Keeps a copy of the file's first page, where SQLite notes which table begins on which page: with that page gone,
 * nothing else of a file could be found. It is copied anew when the schema has changed, or when `isMoved` says that
 * pages may have. Called under the lock.
 */
export function keepFirstPage(files: FileCalls, path: string, markers: Markers, isMoved = false): void {
  const page = readFirstPage(files, path);
  if (page === undefined) return;
  const kept = markers.bytes('first-page');
  if (!isMoved && kept !== undefined && schemaCookie(kept) === schemaCookie(page)) return;
  markers.set('first-page', page);
}

/** A kept first page, made to fit a file of `sizeBytes`. */
export function asFirstPage(kept: Uint8Array, sizeBytes: number): Uint8Array {
  const page = kept.slice();
  const header = parseHeader(page);
  if (header === undefined) return page;
  const view = new DataView(page.buffer);
  view.setUint32(pageCountAt, Math.floor(sizeBytes / header.pageBytes));
  view.setUint32(versionValidForAt, view.getUint32(changeCounterAt));
  return page;
}

/** The file calls, where the file at `path` reads as if `page` were its first. */
export function withFirstPage(files: FileCalls, path: string, page: Uint8Array): FileCalls {
  const patched = new Set<number>();
  return {
    ...files,
    open(opened, flags) {
      const descriptor = files.open(opened, flags);
      if (opened === path) patched.add(descriptor);
      return descriptor;
    },
    close(descriptor) {
      patched.delete(descriptor);
      files.close(descriptor);
    },
    read(descriptor, target, offset, length, position) {
      if (!patched.has(descriptor) || position >= page.length) {
        return files.read(descriptor, target, offset, length, position);
      }
      const part = page.subarray(position, position + length);
      target.set(part, offset);
      return part.length;
    },
  };
}

const pageCountAt = 28;
const schemaCookieAt = 40;
const versionValidForAt = 92;

/** The first page as it is in the file; undefined when it is not one of a database. */
export function readFirstPage(files: FileCalls, path: string): Uint8Array | undefined {
  const descriptor = files.open(path, constants.O_RDONLY);
  try {
    const start = new Uint8Array(headerBytes);
    readFully(files, descriptor, start, 0);
    const header = parseHeader(start);
    if (header === undefined) return undefined;
    const page = new Uint8Array(header.pageBytes);
    return readFully(files, descriptor, page, 0) === page.length ? page : undefined;
  } finally {
    files.close(descriptor);
  }
}

function schemaCookie(page: Uint8Array): number {
  return new DataView(page.buffer, page.byteOffset, page.byteLength).getUint32(schemaCookieAt);
}
