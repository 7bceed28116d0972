import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger';
import { ok, unwrap } from '../../../src/base/result';
import { ForeignCommits } from '../../../src/sqlite/foreignCommits';
import { VirtualTime } from '../../support/sqliteClock';
import { openAt, useFolder } from '../../support/sqliteFiles';
import { MemoryDisk } from '../../support/sqliteMemoryDisk';

describe('commits of other processes', () => {
  /** A disk that cannot be watched, so that only the poll is left. */
  const polled = async () => {
    const time = new VirtualTime();
    const disk = new MemoryDisk();
    const database = await openAt('/nowhere/store.db', { files: disk.files });
    const commits = new ForeignCommits({
      path: '/nowhere/store.db',
      files: disk.files,
      timers: time,
      logger: silentLogger,
    });
    let heard = 0;
    const subscription = commits.on(() => heard++);
    time.advance(1000);
    const commit = async () => unwrap(await database.write(tx => ok(tx.run('DELETE FROM meta'))));
    return { time, commits, subscription, commit, disk, database, heard: () => heard };
  };

  it('are noticed by the poll alone, each within 100 ms', async () => {
    const { time, commit, heard, database } = await polled();
    assert.equal(heard(), 0, 'the first look tells nothing');
    for (let round = 1; round <= 5; round++) {
      await commit();
      time.advance(100);
      assert.equal(heard(), round);
    }
    await database.close();
  });

  it('are not told twice, nor when nobody listens any more', async () => {
    const { time, commit, heard, subscription, database } = await polled();
    await commit();
    time.advance(100);
    time.advance(5000);
    assert.equal(heard(), 1);
    subscription.dispose();
    subscription.dispose();
    await commit();
    time.advance(5000);
    assert.equal(heard(), 1);
    await database.close();
  });

  it('are told when a transaction finds them first', async () => {
    const { commits, heard, database } = await polled();
    commits.note(1000, 'own');
    commits.note(1000, 'found');
    await Promise.resolve();
    assert.equal(heard(), 0);
    commits.note(1001, 'found');
    await Promise.resolve();
    assert.equal(heard(), 1);
    await database.close();
  });

  it('are looked for again after the file was not there for a while', async () => {
    const { time, commit, heard, disk, database } = await polled();
    disk.files.rename('/nowhere/store.db', '/nowhere/away');
    time.advance(1000);
    assert.equal(heard(), 0);
    disk.files.rename('/nowhere/away', '/nowhere/store.db');
    await commit();
    time.advance(100);
    assert.equal(heard(), 1);
    await database.close();
  });

  describe('on a disk that can be watched', () => {
    const folder = useFolder();

    it('reach every listener of a window, also those that throw', async () => {
      const [left, right] = [await openAt(folder.path('store.db')), await openAt(folder.path('store.db'))];
      let heard = 0;
      left.onForeignCommit(() => {
        throw new Error('a listener with a bug');
      });
      const hearing = new Promise<void>(resolve => {
        left.onForeignCommit(() => {
          heard++;
          resolve();
        });
      });
      unwrap(await right.write(tx => ok(tx.run("INSERT INTO meta VALUES ('a', 1)"))));
      await hearing;
      assert.equal(heard, 1);
      await Promise.all([left.close(), right.close()]);
    });
  });
});
