import { constants } from 'node:fs';
import { dirname } from 'node:path';
import type { FileCalls } from './fileCalls';

/** Makes `bytes` the whole content of the file at `path`, durably: nobody ever sees a part of them. */
export function replaceFile(files: FileCalls, path: string, bytes: Uint8Array, temporaryPath: string): void {
  const descriptor = files.open(temporaryPath, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  try {
    writeFully(files, descriptor, bytes, 0);
    files.sync(descriptor);
  } finally {
    files.close(descriptor);
  }
  files.rename(temporaryPath, path);
  files.syncFolder(dirname(path));
}

/** The whole content of a file. */
export function readWholeFile(files: FileCalls, path: string): Uint8Array {
  const descriptor = files.open(path, constants.O_RDONLY);
  try {
    const bytes = new Uint8Array(files.statusOf(descriptor).sizeBytes);
    const length = readFully(files, descriptor, bytes, 0);
    return length === bytes.length ? bytes : bytes.subarray(0, length);
  } finally {
    files.close(descriptor);
  }
}

/** Fills `target` from `position` on; answers the bytes read, fewer than its length only at the end of the file. */
export function readFully(
  files: FileCalls,
  descriptor: number,
  target: Uint8Array,
  position: number,
): number {
  let done = 0;
  while (done < target.length) {
    const count = files.read(descriptor, target, done, target.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

export function writeFully(files: FileCalls, descriptor: number, source: Uint8Array, position: number): void {
  let done = 0;
  while (done < source.length) {
    done += files.write(descriptor, source, done, source.length - done, position + done);
  }
}

/** Returns when what any process wrote to the file is durable. */
export function syncFile(files: FileCalls, path: string): void {
  const descriptor = files.open(path, constants.O_RDWR);
  try {
    files.sync(descriptor);
  } finally {
    files.close(descriptor);
  }
}

export function removeIfThere(files: FileCalls, path: string): void {
  if (files.status(path) !== undefined) files.remove(path);
}
