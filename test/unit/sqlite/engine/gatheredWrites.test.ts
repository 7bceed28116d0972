import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { toUtf8 } from '../../../../src/base/encoding';
import { GatheredWrites, maxGatheredBytes } from '../../../../src/sqlite/engine/gatheredWrites';
import { readWholeFile } from '../../../../src/sqlite/files/fileSteps';
import { faultyDisk } from '../../../support/sqliteFaults';
import { MemoryDisk } from '../../../support/sqliteMemoryDisk';

describe('writes that are gathered', () => {
  const setUp = () => {
    const memory = new MemoryDisk();
    memory.files.makeFolder('/folder');
    const disk = faultyDisk(memory.files);
    const open = (name: string) =>
      disk.files.open(`/folder/${name}`, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL);
    const content = (name: string) =>
      new TextDecoder().decode(readWholeFile(memory.files, `/folder/${name}`));
    return { disk, open, content, gathered: new GatheredWrites(disk.files) };
  };

  it('become one call where they follow upon one another', () => {
    const { disk, open, content, gathered } = setUp();
    const journal = open('journal');
    disk.arm(undefined);
    for (const [index, piece] of ['one ', 'two ', 'six'].entries())
      gathered.add(journal, toUtf8(piece), 4 * index);
    assert.equal(disk.calls, 0);
    gathered.flush();
    gathered.flush();
    assert.equal(disk.calls, 1);
    assert.equal(content('journal'), 'one two six');
  });

  it('are made in their order where one does not follow, or is of another file', () => {
    const { open, content, gathered } = setUp();
    const [first, second] = [open('first'), open('second')];
    gathered.add(first, toUtf8('abcdef'), 0);
    gathered.add(first, toUtf8('XY'), 2);
    assert.equal(content('first'), 'abcdef');
    gathered.add(second, toUtf8('gh'), 4);
    assert.equal(content('first'), 'abXYef');
    gathered.flush();
    assert.equal(content('second'), '\0\0\0\0gh');
  });

  it('are no more than a limit at once', () => {
    const { open, content, gathered } = setUp();
    const journal = open('journal');
    gathered.add(journal, toUtf8('a'), 0);
    gathered.add(journal, toUtf8('b'.repeat(maxGatheredBytes)), 1);
    assert.equal(content('journal'), 'a');
    gathered.add(journal, toUtf8('c'.repeat(maxGatheredBytes + 1)), 1 + maxGatheredBytes);
    assert.equal(content('journal').length, 2 + 2 * maxGatheredBytes);
  });

  it('that the disk did not take are tried again', () => {
    const { disk, open, content, gathered } = setUp();
    const journal = open('journal');
    gathered.add(journal, toUtf8('kept'), 0);
    disk.arm({ code: 'ENOSPC', at: 0, count: 1 });
    assert.throws(() => gathered.flush(), /ENOSPC/);
    gathered.flush();
    assert.equal(content('journal'), 'kept');
  });
});
