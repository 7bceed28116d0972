import { constants } from 'node:fs';
import { type Binding, OpenFailure } from '../engine/fileSyscalls';
import { SqlSession } from '../engine/sqlSession';
import type { SqliteEngine } from '../engine/wasmModule';
import { changeCounterAt, changeCounterBytes } from '../files/databaseHeader';
import type { FileCalls } from '../files/fileCalls';
import { readFully } from '../files/fileSteps';
import type { Connection } from './connection';

export interface FileConnectionOptions {
  readonly engine: SqliteEngine;
  readonly path: string;
  readonly files: FileCalls;
  readonly isLockHeld: () => boolean;
  /** The most memory, in KiB, that the pages of the file may take in this process. */
  readonly cacheKib: number;
  /** Opens a file that must not be changed, without looking at its journal. */
  readonly readOnly?: boolean;
}

/** SQLite on the real file, through the hooked system calls. */
export class FileConnection implements Connection {
  readonly mode = 'file';
  readonly session: SqlSession;
  readonly #binding: Binding;
  readonly #files: FileCalls;
  readonly #path: string;
  /** A descriptor of our own: it tells which file is open, and reads the change counter. */
  readonly #descriptor: number;
  readonly #identity: string;
  #isClosed = false;
  readonly #counter = new Uint8Array(changeCounterBytes);

  /**
   * Opens the file, which is made when it is missing.
   *
   * @throws OpenFailure, or what SQLite throws
   */
  constructor(options: FileConnectionOptions) {
    const { engine, files, path } = options;
    this.#files = files;
    this.#path = path;
    const { opened, binding } = engine.syscalls.bind(
      { path, files, isLockHeld: options.isLockHeld, readOnly: options.readOnly ?? false },
      // The empty file in memory serves only the removal of it that sql.js does in `close`.
      () => new engine.sql.Database(new Uint8Array(0)),
    );
    this.#binding = binding;
    this.session = new SqlSession(opened);
    let descriptor: number | undefined;
    try {
      descriptor = files.open(path, constants.O_RDONLY);
      this.#identity = identityOf(files.statusOf(descriptor));
      if (!options.readOnly) this.session.execute(settings(options.cacheKib));
    } catch (error) {
      if (descriptor !== undefined) files.close(descriptor);
      this.session.close();
      binding.unbind();
      throw binding.failure === undefined ? error : new OpenFailure(binding.failure, error);
    }
    this.#descriptor = descriptor;
  }

  isCurrent(): boolean {
    const status = this.#files.status(this.#path);
    return status !== undefined && identityOf(status) === this.#identity;
  }

  changeCounter(): number {
    readFully(this.#files, this.#descriptor, this.#counter, changeCounterAt);
    return new DataView(this.#counter.buffer).getUint32(0);
  }

  commit(): void {
    this.session.run('COMMIT');
  }

  get systemCode(): string | undefined {
    return this.#binding.failure;
  }

  clearFailure(): void {
    this.#binding.failure = undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.session.close();
    } finally {
      this.#binding.unbind();
      this.#files.close(this.#descriptor);
    }
  }
}

/**
 * What every connection keeps to. The rollback journal is truncated, not removed, and everything is synced: of the
 * modes tried under a simulated loss of power only TRUNCATE with FULL lost nothing. Freed space is overwritten with
 * zeros, so that what was deleted is gone from the file.
 */
function settings(cacheKib: number): string {
  return (
    'PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; ' +
    `PRAGMA cache_size=-${cacheKib}`
  );
}

function identityOf(status: { readonly device: bigint; readonly inode: bigint }): string {
  return `${status.device}:${status.inode}`;
}
