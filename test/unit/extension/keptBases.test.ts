import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ReadRevision } from '../../../src/extension/documents/documentLedger';
import { keptBases } from '../../../src/extension/documents/keptBases';
import { MergeDrafts } from '../../../src/extension/documents/mergeDrafts';
import { WindowFiles } from '../../../src/extension/documents/windowFiles';

const address = 'scratch://1/notes/a.md';
const base = (revision: number): ReadRevision => ({
  ...{ revision: `${revision}`, body: `body ${revision}`, modifiedMs: revision, sizeBytes: 6 },
});

describe('what outlives a window', () => {
  let folder: string;
  let files: WindowFiles;

  beforeEach(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), 'window-files-')), 'new');
    files = new WindowFiles(folder);
  });

  afterEach(() => rm(path.dirname(folder), { recursive: true }));

  function session(name: string) {
    return keptBases(files, name, assert.ifError);
  }

  it('is the base of a text that another session restores', async () => {
    session('first').keep(address, base(1));
    await files.settled();
    assert.deepEqual(session('second').recall(address), base(1));
    assert.equal(session('second').recall('scratch://2/notes/b.md'), undefined);
  });

  it('is the oldest base when several sessions left one', async () => {
    session('first').keep(address, base(7));
    session('second').keep(address, base(3));
    await files.settled();
    assert.deepEqual(session('third').recall(address), base(3));
  });

  it('goes when the text is saved, with what was adopted', async () => {
    session('first').keep(address, base(1));
    await files.settled();
    const second = session('second');
    second.recall(address);
    second.keep(address, base(2));
    second.forget(address);
    await files.settled();
    assert.deepEqual(await readdir(folder), []);
  });

  it('is nothing when the file is not what was written', async () => {
    session('first').keep(address, base(1));
    await files.settled();
    for (const name of await readdir(folder)) await writeFile(path.join(folder, name), '{"revision": 1}');
    assert.equal(session('second').recall(address), undefined);
  });

  it('keeps the merge that a person saved, with a time that grows', async () => {
    const clock = { now: () => 5, monotonic: () => 0 };
    const drafts = new MergeDrafts(files, clock);
    await drafts.set('c1', 'one', false);
    await drafts.set('c1', 'two', false);
    await drafts.set('c2', 'secret', true);
    const later = new MergeDrafts(new WindowFiles(folder), clock);
    assert.deepEqual(later.get('c1'), { text: 'two', modifiedMs: 6 });
    assert.equal(later.get('c2'), undefined);
    assert.equal(drafts.get('c2')?.text, 'secret');
    await later.delete('c1');
    assert.equal(new MergeDrafts(files, clock).get('c1'), undefined);
  });
});
