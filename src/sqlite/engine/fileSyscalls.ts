import { dirname } from 'node:path';
import { systemCodeOf } from '../../base/errors';
import type { FileCalls, FileStatus } from '../files/fileCalls';
import { writeFully } from '../files/fileSteps';
import { GatheredWrites } from './gatheredWrites';
import { bindImports, type importTable } from './importTable';
import { errno, isReadOnly, nodeFlags } from './unixNumbers';
import { WasmMemory } from './wasmMemory';

/** A real file that stands in for one database file of `sql.js`, with its journal beside it. */
export interface BoundFile {
  readonly path: string;
  readonly files: FileCalls;
  /** Whether the cross-process lock is held now: without it SQLite is refused its own locks (SQLITE_BUSY). */
  readonly isLockHeld: () => boolean;
  /** True for a file that must not be changed: it is opened read-only and its journal is left out of sight. */
  readonly readOnly?: boolean;
}

/** A bound file while a database of `sql.js` is open on it. */
export interface Binding {
  /** The system's code of the first call that failed since it was cleared; undefined when none has. */
  failure: string | undefined;
  /** Forgets the file; its descriptors must have been closed by SQLite. */
  unbind(): void;
}

/** How many calls of these sorts reached bound files: what the self test looks at. */
export interface SyscallCounts {
  syncs: number;
  truncates: number;
}

/**
 * Stands between unmodified `sql.js` and its imports. SQLite's own unix file layer then works on real files: its
 * rollback journal, syncs, hot-journal recovery and change counter are the real ones. Files that are not bound
 * (in-memory databases, temporary files, `/dev/urandom`) go to the original imports, so that with nothing bound the
 * imports are what they were.
 */
export class FileSyscalls {
  readonly counts: SyscallCounts = { syncs: 0, truncates: 0 };
  readonly memory = new WasmMemory();
  readonly #files = new Map<string, ActiveFile>();
  readonly #descriptors = new Map<number, OpenDescriptor>();
  #nextDescriptor = firstDescriptor;
  #awaiting: ActiveFile | undefined;
  #lastUsed: ActiveFile | undefined;

  /** The imports with every file call replaced; undefined when they are not those of the table. */
  replaceImports(imports: WebAssembly.Imports, table: typeof importTable): WebAssembly.Imports | undefined {
    const [namespace, ...others] = Object.keys(imports);
    const originals = namespace === undefined ? undefined : imports[namespace];
    if (namespace === undefined || originals === undefined || others.length > 0) return undefined;
    const keyOfName = bindImports(originals, table);
    if (keyOfName === undefined) return undefined;
    const replaced = { ...originals };
    for (const [name, build] of this.#hooks()) {
      const key = keyOfName.get(name);
      const original = key === undefined ? undefined : originals[key];
      if (key === undefined || typeof original !== 'function') return undefined;
      replaced[key] = build((...args) => Reflect.apply(original, undefined, args));
    }
    return { [namespace]: replaced };
  }

  /** Lets the database that `open` creates work on `file`. */
  bind<T>(file: BoundFile, open: () => T): { readonly opened: T; readonly binding: Binding } {
    const active: ActiveFile = {
      file,
      journal: new GatheredWrites(file.files),
      failure: undefined,
      unbind: () => this.#unbind(active),
    };
    this.#awaiting = active;
    try {
      const opened = open();
      if (this.#awaiting !== undefined) throw new Error('sql.js opened no file through the hooks');
      return { opened, binding: active };
    } catch (error) {
      active.unbind();
      throw new OpenFailure(active.failure, error);
    } finally {
      this.#awaiting = undefined;
    }
  }

  /** Descriptors that are open on bound files. */
  get openDescriptors(): number {
    return this.#descriptors.size;
  }

  #unbind(active: ActiveFile): void {
    active.journal.forget();
    for (const [name, bound] of this.#files) if (bound === active) this.#files.delete(name);
    for (const [number, descriptor] of this.#descriptors) {
      if (descriptor.owner !== active) continue;
      this.#descriptors.delete(number);
      if (descriptor.real !== undefined) active.file.files.close(descriptor.real);
    }
    if (this.#lastUsed === active) this.#lastUsed = undefined;
  }

  /** The real path of a virtual one; undefined when it is not a bound file's. */
  #resolve(virtualPath: string): Resolved | undefined {
    const match = boundName.exec(virtualPath);
    const name = match?.[1];
    if (name === undefined) return undefined;
    if (this.#awaiting !== undefined && !this.#files.has(name)) {
      this.#files.set(name, this.#awaiting);
      this.#awaiting = undefined;
    }
    const owner = this.#files.get(name);
    if (owner === undefined) return undefined;
    const suffix = match?.[2] ?? '';
    return { owner, path: owner.file.path + suffix, isJournal: suffix !== '' };
  }

  #hooks(): ReadonlyMap<string, HookBuilder> {
    return new Map<string, HookBuilder>([
      ['__syscall_openat', original => this.#openHook(original)],
      ['__syscall_stat64', this.#byPath(0, (at, args) => this.#statPath(at, args[1]))],
      ['__syscall_lstat64', this.#byPath(0, (at, args) => this.#statPath(at, args[1]))],
      ['__syscall_newfstatat', this.#byPath(1, (at, args) => this.#statPath(at, args[2]))],
      ['__syscall_faccessat', this.#byPath(1, (at, args) => this.#access(at, args[2]))],
      ['__syscall_unlinkat', this.#byPath(1, at => this.#unlink(at))],
      ['__syscall_readlinkat', this.#byPath(1, () => -errno.EINVAL)],
      ['__syscall_fstat64', this.#byDescriptor(-1, (open, args) => this.#statDescriptor(open, args[1]))],
      ['__syscall_ftruncate64', this.#byDescriptor(-1, (open, args) => this.#truncate(open, args[1]))],
      ['__syscall_fchmod', this.#byDescriptor(-1, () => 0)],
      ['__syscall_fchown32', this.#byDescriptor(-1, () => 0)],
      ['__syscall_fcntl64', this.#byDescriptor(-1, (open, args) => this.#control(open, args[1], args[2]))],
      ['fd_close', this.#byDescriptor(1, (open, args) => this.#close(open, Number(args[0])))],
      ['fd_seek', this.#byDescriptor(1, (open, args) => this.#seek(open, args))],
      ['fd_read', this.#byDescriptor(1, (open, args) => this.#read(open, args))],
      ['fd_write', this.#byDescriptor(1, (open, args) => this.#write(open, args))],
      ['fd_sync', this.#byDescriptor(1, open => this.#sync(open))],
    ]);
  }

  #byPath(pathIndex: number, run: (at: Resolved, args: Arguments) => number): HookBuilder {
    return original =>
      (...args) => {
        if (this.#files.size === 0 && this.#awaiting === undefined) return original(...args);
        const at = this.#resolve(this.memory.text(Number(args[pathIndex])));
        if (at === undefined) return original(...args);
        this.#lastUsed = at.owner;
        return this.#guard(at.owner, -1, () => {
          at.owner.journal.flush();
          return run(at, args);
        });
      };
  }

  #byDescriptor(sign: 1 | -1, run: (open: OpenDescriptor, args: Arguments) => number): HookBuilder {
    return original =>
      (...args) => {
        const open = this.#descriptors.get(Number(args[0]));
        if (open === undefined) return original(...args);
        this.#lastUsed = open.owner;
        return this.#guard(open.owner, sign, () => run(open, args));
      };
  }

  /** Runs a call; a system error becomes its number, as the C side expects it. */
  #guard(owner: ActiveFile, sign: 1 | -1, run: () => number): number {
    try {
      return run();
    } catch (error) {
      const code = systemCodeOf(error) ?? 'EFAULT'; // no call has failed: the arguments make no sense
      // The first failure is the cause: SQLite goes on to try other ways, which fail for other reasons.
      if (code !== 'ENOENT') owner.failure ??= code;
      return sign * (errno[code] ?? errno.EIO);
    }
  }

  #openHook(original: Syscall): Syscall {
    const openFile = this.#byPath(1, (at, args) => this.#open(at, Number(args[2])))(original);
    return (...args) => {
      // SQLite opens the folder to make a new or removed journal's name durable; all bound files have one virtual
      // folder, so the real one is that of the file whose journal it has just synced or removed.
      const owner = this.#lastUsed;
      if (owner !== undefined && this.memory.text(Number(args[1])) === '/' && isReadOnly(Number(args[2]))) {
        return this.#add({ owner, real: undefined, isJournal: false, position: 0 });
      }
      return openFile(...args);
    };
  }

  #open(at: Resolved, flags: number): number {
    const { files, readOnly } = at.owner.file;
    // SQLite falls back to reading alone when it may not write, and would refuse every later write.
    if (!at.isJournal && Boolean(readOnly) !== isReadOnly(flags)) return -errno.EROFS;
    const real = files.open(at.path, nodeFlags(flags));
    return this.#add({ owner: at.owner, real, isJournal: at.isJournal, position: 0 });
  }

  #add(descriptor: OpenDescriptor): number {
    const number = this.#nextDescriptor++;
    this.#descriptors.set(number, descriptor);
    return number;
  }

  #access(at: Resolved, mode: Argument): number {
    if (at.isJournal && at.owner.file.readOnly) return -errno.ENOENT;
    at.owner.file.files.checkAccess(at.path, Number(mode) & accessModes);
    return 0;
  }

  #unlink(at: Resolved): number {
    at.owner.file.files.remove(at.path);
    return 0;
  }

  #statPath(at: Resolved, target: Argument): number {
    if (at.isJournal && at.owner.file.readOnly) return -errno.ENOENT;
    const status = at.owner.file.files.status(at.path);
    if (status === undefined) return -errno.ENOENT;
    this.#putStatus(Number(target), status);
    return 0;
  }

  #statDescriptor(open: OpenDescriptor, target: Argument): number {
    if (open.real === undefined) return -errno.EBADF;
    open.owner.journal.flush();
    this.#putStatus(Number(target), open.owner.file.files.statusOf(open.real));
    return 0;
  }

  /** Writes musl's 32-bit `struct stat`: of it SQLite reads the device, inode, mode, links and size. */
  #putStatus(at: number, status: FileStatus): void {
    const { memory } = this;
    memory.bytes.fill(0, at, at + statBytes);
    memory.view.setUint32(at, Number(BigInt.asUintN(32, status.device)), true);
    memory.view.setUint32(at + 4, status.mode, true);
    memory.view.setUint32(at + 8, 1, true);
    memory.view.setBigInt64(at + 24, BigInt(status.sizeBytes), true);
    memory.view.setInt32(at + 32, blockBytes, true);
    memory.view.setBigUint64(at + 88, BigInt.asUintN(64, status.inode), true);
  }

  #truncate(open: OpenDescriptor, sizeBytes: Argument): number {
    this.counts.truncates++;
    if (open.real === undefined) return -errno.EBADF;
    open.owner.journal.flush();
    open.owner.file.files.truncate(open.real, Number(sizeBytes));
    return 0;
  }

  /** POSIX file locks. The real lock is the cross-process one around the transaction. */
  #control(open: OpenDescriptor, command: Argument, target: Argument): number {
    if (command !== getLock && command !== setLock && command !== setLockWaiting) return 0;
    const flock = this.memory.view.getUint32(Number(target), true);
    if (command === getLock) {
      this.memory.view.setInt16(flock, unlocked, true);
      return 0;
    }
    const wanted = this.memory.view.getInt16(flock, true);
    return wanted === unlocked || open.owner.file.isLockHeld() ? 0 : -errno.EAGAIN;
  }

  #close(open: OpenDescriptor, number: number): number {
    this.#descriptors.delete(number);
    try {
      open.owner.journal.flush();
    } finally {
      if (open.isJournal) open.owner.journal.forget();
      if (open.real !== undefined) open.owner.file.files.close(open.real);
    }
    return 0;
  }

  #seek(open: OpenDescriptor, [, offset, whence, target]: Arguments): number {
    const origin = whence === seekSet ? 0 : whence === seekCurrent ? open.position : this.#size(open);
    open.position = origin + Number(offset);
    this.memory.view.setBigInt64(Number(target), BigInt(open.position), true);
    return 0;
  }

  #size(open: OpenDescriptor): number {
    open.owner.journal.flush();
    return open.real === undefined ? 0 : open.owner.file.files.statusOf(open.real).sizeBytes;
  }

  #read(open: OpenDescriptor, args: Arguments): number {
    const { files } = open.owner.file;
    const { real } = open;
    if (real === undefined) return errno.EBADF;
    if (open.isJournal) open.owner.journal.flush();
    return this.#transfer(args, (at, length) => {
      const count = files.read(real, this.memory.bytes, at, length, open.position);
      open.position += count;
      return count;
    });
  }

  #write(open: OpenDescriptor, args: Arguments): number {
    const { file, journal } = open.owner;
    const { real } = open;
    if (real === undefined) return errno.EBADF;
    if (!open.isJournal) journal.flush();
    return this.#transfer(args, (at, length) => {
      const source = this.memory.bytes.subarray(at, at + length);
      if (open.isJournal) journal.add(real, source, open.position);
      else writeFully(file.files, real, source, open.position);
      open.position += length;
      return length;
    });
  }

  /** Walks the vectors of a `readv` or `writev` and stores the sum of what was moved. */
  #transfer([, vectors, count, total]: Arguments, move: (at: number, length: number) => number): number {
    let moved = 0;
    for (let index = 0; index < Number(count); index++) {
      const vector = Number(vectors) + index * vectorBytes;
      const at = this.memory.view.getUint32(vector, true);
      const length = this.memory.view.getUint32(vector + 4, true);
      const done = length === 0 ? 0 : move(at, length);
      moved += done;
      if (done < length) break;
    }
    this.memory.view.setUint32(Number(total), moved, true);
    return 0;
  }

  #sync(open: OpenDescriptor): number {
    const { files, path } = open.owner.file;
    open.owner.journal.flush();
    if (open.real === undefined) {
      files.syncFolder(dirname(path));
    } else {
      this.counts.syncs++;
      files.sync(open.real);
    }
    return 0;
  }
}

/** Why a database could not be opened; `code` is the system's, when a call failed. */
export class OpenFailure extends Error {
  constructor(
    readonly code: string | undefined,
    cause: unknown,
  ) {
    super('the database file could not be opened', { cause });
  }
}

type Argument = number | bigint | undefined;
type Arguments = readonly Argument[];
type Syscall = (...args: Arguments) => unknown;
type HookBuilder = (original: Syscall) => Syscall;

interface ActiveFile extends Binding {
  readonly file: BoundFile;
  /** What was written to its journal and is not in the file yet. Everything but reading the database itself comes after it. */
  readonly journal: GatheredWrites;
}

interface Resolved {
  readonly owner: ActiveFile;
  readonly path: string;
  readonly isJournal: boolean;
}

interface OpenDescriptor {
  readonly owner: ActiveFile;
  /** The system's descriptor; undefined for the folder, which is only ever synced. */
  readonly real: number | undefined;
  readonly isJournal: boolean;
  position: number;
}

/** `sql.js` names its files at random; SQLite adds the suffixes. */
const boundName = /^\/?(dbfile_\d+)(-journal|-wal|-shm)?$/;

/** Far above the descriptors that the in-memory file system gives out. */
const firstDescriptor = 1 << 20;

// Layouts and numbers of musl and WASI, as the build uses them.
const statBytes = 96;
const blockBytes = 4096;
const vectorBytes = 8;
const accessModes = 7;
const getLock = 12;
const setLock = 13;
const setLockWaiting = 14;
const unlocked = 2;
const seekSet = 0;
const seekCurrent = 1;
