import { constants } from 'node:fs';
import { dirname } from 'node:path';
import type { FileCalls, FileStatus } from '../../src/sqlite/files/fileCalls';

/** A disk in memory that keeps to what POSIX says of files, folders and renames. Times are those of `now`. */
export class MemoryDisk {
  readonly #entries = new Map<string, Entry>([['/', folderEntry(1n)]]);
  readonly #open = new Map<number, Entry>();
  readonly #now: () => number;
  #nextInode = 2n;
  #nextDescriptor = 3;

  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  /** Puts a file on the disk, with the folders above it. */
  put(path: string, content: Uint8Array): void {
    this.#makeFolder(dirname(path));
    const entry = this.#create(path);
    entry.bytes = content.slice();
    entry.sizeBytes = content.length;
  }

  /** The files and folders, by path. */
  get paths(): readonly string[] {
    return [...this.#entries.keys()];
  }

  readonly files: FileCalls = {
    open: (path, flags) => {
      const found = this.#entries.get(path);
      if (found === undefined && (flags & constants.O_CREAT) === 0) throw failure('ENOENT', path);
      if (found !== undefined && (flags & constants.O_EXCL) !== 0) throw failure('EEXIST', path);
      const entry = found ?? this.#create(path);
      if ((flags & constants.O_TRUNC) !== 0) entry.sizeBytes = 0;
      this.#open.set(this.#nextDescriptor, entry);
      return this.#nextDescriptor++;
    },
    close: descriptor => {
      this.#at(descriptor);
      this.#open.delete(descriptor);
    },
    read: (descriptor, target, offset, length, position) => {
      const entry = this.#at(descriptor);
      const part = entry.bytes.subarray(position, Math.min(position + length, entry.sizeBytes));
      target.set(part, offset);
      return part.length;
    },
    write: (descriptor, source, offset, length, position) => {
      const entry = this.#at(descriptor);
      resize(entry, Math.max(entry.sizeBytes, position + length));
      entry.bytes.set(source.subarray(offset, offset + length), position);
      entry.modifiedMs = this.#now();
      return length;
    },
    truncate: (descriptor, sizeBytes) => resize(this.#at(descriptor), sizeBytes),
    sync: () => undefined,
    syncFolder: () => undefined,
    statusOf: descriptor => statusFrom(this.#at(descriptor)),
    status: path => {
      const entry = this.#entries.get(path);
      return entry === undefined ? undefined : statusFrom(entry);
    },
    checkAccess: path => void this.#find(path),
    remove: path => {
      this.#find(path);
      this.#entries.delete(path);
    },
    rename: (from, to) => this.#rename(from, to),
    makeFolder: path => this.#makeFolder(path),
    removeFolder: path => {
      for (const inside of [path, ...this.#inside(path)]) this.#entries.delete(inside);
    },
    list: path => {
      if (!this.#find(path).isFolder) throw failure('ENOTDIR', path);
      return this.#inside(path)
        .map(inside => inside.slice(path.length + 1))
        .filter(name => !name.includes('/'));
    },
    touch: (path, modifiedMs) => {
      this.#find(path).modifiedMs = modifiedMs;
    },
  };

  #at(descriptor: number): Entry {
    const entry = this.#open.get(descriptor);
    if (entry === undefined) throw failure('EBADF', String(descriptor));
    return entry;
  }

  #find(path: string): Entry {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw failure('ENOENT', path);
    return entry;
  }

  #create(path: string): Entry {
    this.#find(dirname(path));
    const entry: Entry = {
      ...folderEntry(this.#nextInode++),
      isFolder: false,
      modifiedMs: this.#now(),
      changedMs: this.#now(),
    };
    this.#entries.set(path, entry);
    return entry;
  }

  #makeFolder(path: string): void {
    if (this.#entries.has(path)) return;
    this.#makeFolder(dirname(path));
    this.#entries.set(path, folderEntry(this.#nextInode++));
  }

  #inside(path: string): string[] {
    return [...this.#entries.keys()].filter(entry => entry.startsWith(`${path}/`));
  }

  #rename(from: string, to: string): void {
    const entry = this.#find(from);
    this.#find(dirname(to));
    if (entry.isFolder && this.#inside(to).length > 0) throw failure('ENOTEMPTY', to);
    for (const path of [from, ...this.#inside(from)]) {
      const moved = this.#find(path);
      this.#entries.delete(path);
      this.#entries.set(to + path.slice(from.length), moved);
    }
    entry.changedMs = this.#now();
  }
}

interface Entry {
  readonly inode: bigint;
  readonly isFolder: boolean;
  bytes: Uint8Array;
  sizeBytes: number;
  modifiedMs: number;
  changedMs: number;
}

const fileMode = 0o100600;
const folderMode = 0o040700;

function folderEntry(inode: bigint): Entry {
  return { inode, isFolder: true, bytes: new Uint8Array(0), sizeBytes: 0, modifiedMs: 0, changedMs: 0 };
}

function statusFrom(entry: Entry): FileStatus {
  const { inode, sizeBytes, modifiedMs, changedMs, isFolder } = entry;
  const mode = isFolder ? folderMode : fileMode;
  return { device: 1n, inode, sizeBytes, mode, modifiedMs, changedMs, isDirectory: isFolder };
}

function resize(entry: Entry, sizeBytes: number): void {
  if (sizeBytes > entry.bytes.length) {
    const grown = new Uint8Array(Math.max(sizeBytes, 2 * entry.bytes.length));
    grown.set(entry.bytes.subarray(0, entry.sizeBytes));
    entry.bytes = grown;
  } else if (sizeBytes < entry.sizeBytes) {
    entry.bytes.fill(0, sizeBytes, entry.sizeBytes);
  }
  entry.sizeBytes = sizeBytes;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
