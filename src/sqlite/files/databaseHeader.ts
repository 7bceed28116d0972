import { constants } from 'node:fs';
import type { FileCalls } from './fileCalls';
import { readFully } from './fileSteps';

/** What the first 100 bytes of an SQLite file say (sqlite.org/fileformat2.html, section 1.3). */
export interface DatabaseHeader {
  readonly pageBytes: number;
  readonly changeCounter: number;
  /** The size that the header gives; valid only when `isPageCountValid`. */
  readonly pageCount: number;
  readonly isPageCountValid: boolean;
}

export const headerBytes = 100;

/** The header, or undefined when the bytes are not those of an SQLite file. */
export function parseHeader(bytes: Uint8Array): DatabaseHeader | undefined {
  if (bytes.length < headerBytes || !magic.every((byte, index) => bytes[index] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pageBytes = view.getUint16(16);
  const changeCounter = view.getUint32(24);
  return {
    pageBytes: pageBytes === 1 ? 65_536 : pageBytes,
    changeCounter,
    pageCount: view.getUint32(28),
    isPageCountValid: view.getUint32(92) === changeCounter,
  };
}

/** The first bytes of a file, fewer than a header's when it is shorter. */
export function readHeaderBytes(files: FileCalls, path: string): Uint8Array {
  const descriptor = files.open(path, constants.O_RDONLY);
  try {
    const bytes = new Uint8Array(headerBytes);
    return bytes.subarray(0, readFully(files, descriptor, bytes, 0));
  } finally {
    files.close(descriptor);
  }
}

export const changeCounterAt = 24;
export const changeCounterBytes = 4;

const magic = new TextEncoder().encode('SQLite format 3\0');
