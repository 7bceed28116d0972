import { messageOf } from '../../base/errors';
import type { StorageError } from '../database';
import type { SqlSession } from '../engine/sqlSession';
import { parseHeader, readHeaderBytes } from '../files/databaseHeader';
import type { FileCalls } from '../files/fileCalls';
import { classifyStorageError } from '../storageErrors';

/**
 * What is wrong with the file, in SQLite's words; nothing when it is sound. `quick` looks at every page and record,
 * `full` also at what every index says (sqlite.org/pragma.html#pragma_quick_check). Throws what is not about the file's
 * content.
 */
export function findProblems(session: SqlSession, depth: 'quick' | 'full'): readonly string[] {
  try {
    const rows = session.all(
      depth === 'quick' ? `PRAGMA quick_check(${maxProblems})` : `PRAGMA integrity_check(${maxProblems})`,
    );
    return rows
      .map(row => String(Object.values(row)[0]))
      .filter(problem => problem !== 'ok' && !fullTextVerdict.test(problem));
  } catch (thrown) {
    if (!isDamageError(thrown)) throw thrown;
    return [messageOf(thrown)];
  }
}

/** A problem that the header alone shows: fewer bytes than it says there are. Costs one small read. */
export function findHeaderProblem(files: FileCalls, path: string): string | undefined {
  const sizeBytes = files.status(path)?.sizeBytes ?? 0;
  if (sizeBytes === 0) return undefined;
  const header = parseHeader(readHeaderBytes(files, path));
  if (header === undefined) return 'file is not a database';
  const neededBytes = header.pageCount * header.pageBytes;
  return header.isPageCountValid && neededBytes > sizeBytes
    ? `the file has ${sizeBytes} of its ${neededBytes} bytes`
    : undefined;
}

export function isDamageError(thrown: unknown): boolean {
  return typeOf(thrown) === 'damaged';
}

function typeOf(thrown: unknown): StorageError['type'] | undefined {
  return classifyStorageError(thrown, { path: '', systemCode: undefined })?.type;
}

const maxProblems = 20;
/**
 * FTS4 compares its index with a content table, and finds every index wanting that is kept without its texts. Its pages
 * and records are looked at like those of any table.
 */
const fullTextVerdict = /^malformed inverted index for FTS\d table /;
