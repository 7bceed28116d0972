import assert from 'node:assert/strict';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { nodeFileCalls } from '../../../../src/sqlite/files/fileCalls';
import { useFolder } from '../../../support/sqliteFiles';

describe('folders on the disk', () => {
  const temporary = useFolder();
  const makeFolderNow = fs.mkdirSync;
  afterEach(() => {
    fs.mkdirSync = makeFolderNow;
  });

  it('are made with those above them, and may be there already', () => {
    const path = temporary.path('a/b/c');
    nodeFileCalls.makeFolder(path);
    nodeFileCalls.makeFolder(path);
    assert.ok(fs.statSync(path).isDirectory());
  });

  it('are made when another process makes those above them at the same time', () => {
    const path = temporary.path('store/locks/own');
    const calls: string[] = [];
    fs.mkdirSync = (target, options) => {
      calls.push(String(target));
      if (calls.length > 1) return makeFolderNow(target, options);
      try {
        return makeFolderNow(target, options);
      } finally {
        makeFolderNow(dirname(path), { recursive: true });
      }
    };
    nodeFileCalls.makeFolder(path);
    assert.deepEqual(calls, [path, path]);
    assert.ok(fs.statSync(path).isDirectory());
  });

  it('are refused where a file stands', () => {
    const path = temporary.path('file');
    fs.writeFileSync(path, '');
    assert.throws(() => nodeFileCalls.makeFolder(path), { code: 'EEXIST' });
    assert.throws(() => nodeFileCalls.makeFolder(join(path, 'below')), { code: 'ENOTDIR' });
  });
});
