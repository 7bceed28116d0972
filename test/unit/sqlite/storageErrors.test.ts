import assert from 'node:assert/strict';
import type { StorageError } from '../../../src/sqlite/database';
import {
  classifyStorageError,
  describeStorageError,
  fromSystemCode,
  StorageFailure,
} from '../../../src/sqlite/storageErrors';

const path = '/home/ada/store.db';
const classify = (message: string, systemCode?: string) =>
  classifyStorageError(new Error(message), { path, systemCode });

describe('what storage may fail with', () => {
  it('is the folder, not the disk, when the path leads through a file', () => {
    const said = describeStorageError(fromSystemCode('ENOTDIR', path));
    assert.match(said, /folder .*ENOTDIR.*another folder/);
    assert.doesNotMatch(said, /disk/);
  });

  it('is told from the words of SQLite and the code of the failed call', () => {
    assert.deepEqual(classify('database or disk is full'), { type: 'full' });
    assert.deepEqual(classify('disk I/O error', 'ENOSPC'), { type: 'full' });
    assert.deepEqual(classify('disk I/O error', 'EIO'), { type: 'io', code: 'EIO' });
    assert.deepEqual(classify('disk I/O error'), { type: 'io', code: 'EIO' });
    assert.deepEqual(classify('unable to open database file', 'EACCES'), { type: 'readOnly', path });
    assert.deepEqual(classify('unable to open database file', 'EMFILE'), { type: 'io', code: 'EMFILE' });
    assert.deepEqual(classify('attempt to write a readonly database'), { type: 'readOnly', path });
    assert.deepEqual(classify('out of memory'), { type: 'io', code: 'ENOMEM' });
    for (const damage of [
      'database disk image is malformed',
      'file is not a database',
      'malformed database schema (item)',
    ]) {
      assert.deepEqual(classify(damage), { type: 'damaged', detail: damage });
    }
  });

  it('is no damage when the disk could not read', () => {
    assert.deepEqual(classify('database disk image is malformed', 'EIO'), { type: 'io', code: 'EIO' });
  });

  it('is nothing that a caller did wrong', () => {
    assert.equal(classify('UNIQUE constraint failed: item.id'), undefined);
    assert.equal(classify('no such table: nothing'), undefined);
    const wrongCall = Object.assign(new TypeError('an argument'), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.equal(classifyStorageError(wrongCall, { path, systemCode: undefined }), undefined);
  });

  it('is what was found out before', () => {
    const error: StorageError = { type: 'newerSchema', found: 2, known: 1 };
    const failure = new StorageFailure(error, 'newer');
    assert.equal(classifyStorageError(failure, { path, systemCode: 'EIO' }), error);
  });

  it('keeps a full disk and a folder without rights apart from a broken disk', () => {
    assert.equal(fromSystemCode('EDQUOT', path).type, 'full');
    assert.equal(fromSystemCode('EPERM', path).type, 'readOnly');
    assert.equal(fromSystemCode('ENOTCONN', path).type, 'io');
  });

  it('is said in plain words with the next step', () => {
    const errors: readonly StorageError[] = [
      { type: 'busy', waitedMs: 15_000, owner: 'process 7' },
      { type: 'ownerUnknown', owner: 'process 7 on another machine', lockPath: '/locks/store.lock' },
      { type: 'full' },
      { type: 'readOnly', path },
      { type: 'io', code: 'EIO' },
      { type: 'damaged', detail: 'file is not a database' },
      { type: 'damaged', detail: 'file is not a database', setAside: `${path}.damaged-1` },
      { type: 'newerSchema', found: 3, known: 2 },
      { type: 'foreign', path },
      { type: 'closed' },
    ];
    const words = errors.map(describeStorageError);
    assert.equal(new Set(words).size, errors.length);
    for (const sentence of words) {
      assert.match(sentence, /^[A-Z].*\.$/);
      assert.match(
        sentence,
        /try again|close|free|give|check|run|sync|update|choose|open/i,
        'it names a next step',
      );
    }
    assert.match(words[0] ?? '', /process 7 for 15 s/);
    assert.match(words[6] ?? '', /store\.db\.damaged-1/);
  });
});
