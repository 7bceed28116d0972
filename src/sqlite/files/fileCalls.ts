import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { systemCodeOf } from '../../base/errors';

/** What is known of a file without opening it. `device` and `inode` together are its identity. */
export interface FileStatus {
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly mode: number;
  /** When the content last changed, or was said to by `touch`. */
  readonly modifiedMs: number;
  /** When the entry itself last changed, a rename included. */
  readonly changedMs: number;
  readonly isDirectory: boolean;
}

/**
 * Every call to the file system that the store makes, all of them synchronous and throwing Node's system errors.
 * Tests put a failing or a simulated disk in its place.
 */
export interface FileCalls {
  /** A descriptor; `flags` are `fs.constants.O_*`. */
  open(path: string, flags: number): number;
  close(descriptor: number): void;
  /** The bytes read, fewer than `length` only at the end of the file. */
  read(descriptor: number, target: Uint8Array, offset: number, length: number, position: number): number;
  /** The bytes written, which may be fewer than `length`. */
  write(descriptor: number, source: Uint8Array, offset: number, length: number, position: number): number;
  truncate(descriptor: number, sizeBytes: number): void;
  /** Returns when what was written is durable. */
  sync(descriptor: number): void;
  /** Makes the names of a folder durable, where the system can. */
  syncFolder(path: string): void;
  statusOf(descriptor: number): FileStatus;
  /** Undefined when nothing is there. */
  status(path: string): FileStatus | undefined;
  checkAccess(path: string, mode: number): void;
  remove(path: string): void;
  rename(from: string, to: string): void;
  makeFolder(path: string): void;
  removeFolder(path: string): void;
  list(path: string): readonly string[];
  /** Sets the time of the last change, in milliseconds since 1970. */
  touch(path: string, modifiedMs: number): void;
}

/** Node's own file system. */
export const nodeFileCalls: FileCalls = {
  open: (path, flags) => fs.openSync(path, flags, privateMode),
  close: descriptor => fs.closeSync(descriptor),
  read: (descriptor, target, offset, length, position) =>
    fs.readSync(descriptor, target, offset, length, position),
  write: (descriptor, source, offset, length, position) =>
    fs.writeSync(descriptor, source, offset, length, position),
  truncate: (descriptor, sizeBytes) => fs.ftruncateSync(descriptor, sizeBytes),
  sync: descriptor => fs.fsyncSync(descriptor),
  syncFolder,
  statusOf: descriptor => statusFrom(fs.fstatSync(descriptor, { bigint: true })),
  status(path) {
    const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : statusFrom(stats);
  },
  checkAccess: (path, mode) => fs.accessSync(path, mode),
  remove: path => fs.unlinkSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  makeFolder,
  removeFolder: path => fs.rmSync(path, { recursive: true, force: true }),
  list: path => fs.readdirSync(path),
  touch: (path, modifiedMs) => fs.utimesSync(path, modifiedMs / 1000, modifiedMs / 1000),
};

/** With the folders above it. Node's own way never ends where the system makes no folders, as below `/proc`. */
function makeFolder(path: string): void {
  try {
    makeLastFolder(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    const parent = dirname(path);
    if (!fs.existsSync(parent)) makeFolder(parent);
    makeLastFolder(path); // also when the parent was there by now: another process may just have made it
  }
}

function makeLastFolder(path: string): void {
  try {
    fs.mkdirSync(path, { mode: privateFolderMode });
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error;
  }
}

/** The file calls, where opening `path` never makes a file. */
export function withoutMaking(files: FileCalls, path: string): FileCalls {
  return {
    ...files,
    open: (opened, flags) => files.open(opened, opened === path ? flags & ~fs.constants.O_CREAT : flags),
  };
}

const privateMode = 0o600;
const privateFolderMode = 0o700;

/** Codes by which a file system says that it cannot sync a folder at all; its names are then durable on their own. */
const folderSyncUnsupported: ReadonlySet<string> = new Set([
  'EINVAL',
  'EISDIR',
  'ENOTSUP',
  'EPERM',
  'ENOSYS',
]);

function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // Windows opens no folder, and keeps names by its own journal
  const descriptor = fs.openSync(path, fs.constants.O_RDONLY);
  try {
    fs.fsyncSync(descriptor);
  } catch (error) {
    if (!folderSyncUnsupported.has(systemCodeOf(error) ?? '')) throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

function statusFrom(stats: fs.BigIntStats): FileStatus {
  return {
    device: stats.dev,
    inode: stats.ino,
    sizeBytes: Number(stats.size),
    mode: Number(stats.mode),
    modifiedMs: Number(stats.mtimeMs),
    changedMs: Number(stats.ctimeMs),
    isDirectory: stats.isDirectory(),
  };
}
