import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { SqlSession } from '../engine/sqlSession';
import type { SqliteEngine } from '../engine/wasmModule';
import { changeCounterAt, parseHeader, readHeaderBytes } from '../files/databaseHeader';
import type { FileCalls, FileStatus } from '../files/fileCalls';
import { readWholeFile, replaceFile } from '../files/fileSteps';
import { rollBackHotJournal } from '../files/rollbackJournal';
import type { Connection } from './connection';

export interface SafeConnectionOptions {
  readonly engine: SqliteEngine;
  readonly path: string;
  readonly files: FileCalls;
  readonly logger: Logger;
}

/**
 * SQLite on a copy of the file in memory, which replaces the file as a whole at every commit. Slower, and with the
 * whole store in memory: for machines where the hooked system calls cannot be trusted. It uses none of them.
 */
export class SafeConnection implements Connection {
  readonly mode = 'safe';
  readonly session: SqlSession;
  readonly systemCode = undefined;
  readonly #options: SafeConnectionOptions;
  #loaded: FileStatus | undefined;
  #loadedCounter: number;

  /** Loads the file, or begins an empty one when there is none. */
  constructor(options: SafeConnectionOptions) {
    const { engine, files, path } = options;
    this.#options = options;
    this.#loaded = files.status(path);
    if (this.#loaded !== undefined && this.#loaded.sizeBytes > 0) {
      rollBackHotJournal(files, path);
      this.#loaded = files.status(path);
      this.session = new SqlSession(new engine.sql.Database(readWholeFile(files, path)));
    } else {
      this.session = new SqlSession(new engine.sql.Database());
    }
    this.#loadedCounter = this.changeCounter();
    this.session.execute('PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON');
  }

  isCurrent(): boolean {
    const now = this.#options.files.status(this.#options.path);
    const then = this.#loaded;
    return (
      now?.inode === then?.inode &&
      now?.device === then?.device &&
      now?.sizeBytes === then?.sizeBytes &&
      this.changeCounter() === this.#loadedCounter
    );
  }

  changeCounter(): number {
    const { files, path } = this.#options;
    if (files.status(path) === undefined) return 0;
    return parseHeader(readHeaderBytes(files, path))?.changeCounter ?? 0;
  }

  commit(): void {
    const { files, path } = this.#options;
    this.session.run('COMMIT');
    const bytes = this.session.bytes();
    const counter = this.#loadedCounter + 1;
    countChange(bytes, counter);
    replaceFile(files, path, bytes, `${path}.saving`);
    this.#loadedCounter = counter;
    try {
      this.#loaded = files.status(path);
    } catch (error) {
      // The commit stands: the file is loaded anew for the next transaction.
      this.#options.logger.warn('the file could not be looked at', { path, error: messageOf(error) });
      this.#loaded = undefined;
    }
  }

  clearFailure(): void {
    // Failures are thrown by the file calls themselves, with their code.
  }

  close(): void {
    this.session.close();
  }
}

const versionValidForAt = 92;

/** Sets the change counter, which the export of `sql.js` begins anew each time. */
function countChange(bytes: Uint8Array, counter: number): void {
  if (bytes.length === 0) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(changeCounterAt, counter);
  view.setUint32(versionValidForAt, counter);
}
