import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { err, ok, unwrap } from '../../../src/base/result';
import { nodeFileCalls } from '../../../src/sqlite/files/fileCalls';
import { type OpenedDatabase, openDatabase } from '../../../src/sqlite/openDatabase';
import { faultyDisk } from '../../support/sqliteFaults';
import { openAt, optionsFor, useFolder } from '../../support/sqliteFiles';

describe('the care of the file', () => {
  const folder = useFolder();
  const path = () => folder.path('store.db');

  const fill = async (database: OpenedDatabase, items: number) =>
    unwrap(
      await database.write(tx => {
        for (let item = 0; item < items; item++) {
          tx.run('INSERT INTO item(id, body) VALUES (?, ?)', [`id${item}`, 'x'.repeat(3000)]);
        }
        return ok();
      }),
    );
  const countItems = async (database: OpenedDatabase) =>
    Number(unwrap(await database.read(tx => tx.get('SELECT count(*) AS count FROM item')))?.['count']);

  it('copies the file into a snapshot that opens as a store of its own', async () => {
    const database = await openAt(path());
    await fill(database, 50);
    const snapshot = folder.path('snapshots/one.db');
    unwrap(await database.checkpointSnapshot(snapshot));
    unwrap(await database.write(tx => ok(tx.run('DELETE FROM item'))));
    const copy = await openAt(snapshot);
    assert.equal(await countItems(copy), 50);
    assert.deepEqual(await copy.integrityCheck(), ok([]));
    assert.equal(await countItems(database), 0);
    await Promise.all([database.close(), copy.close()]);
  });

  it('leaves no part of a snapshot that could not be written, and what was there before', async () => {
    const disk = faultyDisk(nodeFileCalls);
    const database = await openAt(path(), { files: disk.files });
    await fill(database, 20);
    const snapshot = folder.path('snapshot.db');
    for (let at = 0; ; at++) {
      writeFileSync(snapshot, 'an older one');
      disk.arm({ code: 'ENOSPC', at, count: 1 });
      const outcome = await database.checkpointSnapshot(snapshot);
      const { failed } = disk;
      disk.arm(undefined);
      if (failed === undefined) break;
      if (outcome.ok || failed === 'syncFolder') continue;
      assert.equal(outcome.error.type, 'full', `call ${at}, ${failed}`);
      assert.ok(readFileSync(snapshot).equals(Buffer.from('an older one')), `call ${at}, ${failed}`);
      assert.equal(existsSync(`${snapshot}.part`), false, `call ${at}, ${failed}`);
    }
    await database.close();
  });

  it('gives the space of deleted rows back', async () => {
    const database = await openAt(path());
    await fill(database, 1000);
    const full = statSync(path()).size;
    unwrap(await database.write(tx => ok(tx.run('DELETE FROM item'))));
    assert.equal(statSync(path()).size, full);
    assert.ok(unwrap(await database.stats()).freePageCount > 700);
    const freed = unwrap(await database.vacuum());
    assert.equal(statSync(path()).size, full - freed);
    assert.ok(freed > full * 0.8, `${freed} of ${full}`);
    assert.equal(unwrap(await database.stats()).freePageCount, 0);
    assert.deepEqual(await database.integrityCheck(), ok([]));
    assert.equal(unwrap(await database.vacuum()), 0);
    await database.close();
  });

  it('tells nobody in its own window of what it writes', async () => {
    const database = await openAt(path());
    await fill(database, 20);
    let heard = 0;
    database.onForeignCommit(() => heard++);
    unwrap(await database.write(tx => ok(tx.run('DELETE FROM item'))));
    unwrap(await database.vacuum());
    unwrap(await database.wipeUnused());
    unwrap(await database.rebuildIndexes());
    unwrap(await database.quickCheck());
    await new Promise(resolve => setImmediate(resolve));
    unwrap(await database.read(tx => tx.get('SELECT 1')));
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(heard, 0);
    await database.close();
  });

  it('leaves no trace of a deleted text in the file or its journal', async () => {
    const database = await openAt(path());
    await fill(database, 20);
    const secret = 'the-passphrase-of-the-vault';
    unwrap(
      await database.write(tx => {
        tx.run('INSERT INTO meta VALUES (?, ?)', ['secret', secret]);
        tx.run('INSERT INTO item(id, body) VALUES (?, ?)', ['secret', `${secret} `.repeat(500)]);
        return ok();
      }),
    );
    assert.ok(readFileSync(path()).includes(secret));
    unwrap(
      await database.write(tx => {
        tx.run("DELETE FROM meta WHERE key = 'secret'");
        tx.run("UPDATE item SET body = 'sealed' WHERE id = 'secret'");
        tx.run("INSERT INTO search(search) VALUES ('optimize')");
        return ok();
      }),
    );
    unwrap(await database.vacuum());
    unwrap(await database.wipeUnused());
    for (const file of [path(), `${path()}-journal`]) {
      assert.equal(readFileSync(file).includes(secret), false, file);
      assert.equal(readFileSync(file).includes('passphrase'), false, file);
    }
    await database.close();
  });

  it('tells an index that disagrees with its table, and builds it anew', async () => {
    const database = await openAt(path());
    await fill(database, 5);
    await database.close();
    const bytes = readFileSync(path());
    const at = indexEntryOf(bytes, 'id3');
    assert.ok(at > 0);
    bytes.write('id9', at, 'latin1');
    writeFileSync(path(), bytes);
    const again = await openAt(path());
    assert.deepEqual(await again.quickCheck(), ok([]));
    assert.ok(unwrap(await again.integrityCheck()).length > 0);
    unwrap(await again.rebuildIndexes());
    assert.deepEqual(await again.integrityCheck(), ok([]));
    await again.close();
  });

  it('remembers that a check is due after a process died in its work, until one is made', async () => {
    await (await openAt(path())).close();
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    const database = await openAt(path());
    assert.equal(unwrap(await database.stats()).isCheckDue, false, 'a small file is checked at the opening');
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    assert.equal(unwrap(await database.stats()).isCheckDue, true);
    unwrap(await database.quickCheck());
    assert.equal(unwrap(await database.stats()).isCheckDue, false);
    await database.close();
  });

  it('lends a lock for work that one process may do at a time', async () => {
    const [left, right] = [await openAt(path()), await openAt(path())];
    const lease = unwrap(await left.openLock('sync', { heartbeatTermMs: 60_000 }));
    const other = unwrap(await right.openLock('sync', { heartbeatTermMs: 60_000 }));
    assert.deepEqual(await lease.tryAcquire(), ok(true));
    assert.deepEqual(await other.tryAcquire(), ok(false));
    await fill(right, 1);
    await left.close();
    assert.deepEqual(await other.tryAcquire(), ok(true), 'closing the file gives its locks back');
    await right.close();
  });

  it('calls for a backup before an existing file is migrated, with the old content, and stops when that fails', async () => {
    await (await openAt(path())).close();
    const migrations = [
      { version: 1, up: () => undefined },
      { version: 2, up: (tx: { run(sql: string): number }) => void tx.run('CREATE TABLE more(a)') },
    ];
    const failing = openAt(path(), {
      migrations,
      migrationBackup: () => {
        throw new Error('no room for a backup');
      },
    });
    await assert.rejects(failing, /no room/);
    const seen: string[] = [];
    const database = await openAt(path(), {
      migrations,
      migrationBackup: file => {
        seen.push(file);
        assert.equal(readFileSync(file).readUInt32BE(60), 1);
      },
    });
    assert.deepEqual(seen, [path()]);
    await database.close();
  });

  it('refuses a folder that cannot be written to, in a typed error', async () => {
    const disk = faultyDisk(nodeFileCalls);
    disk.arm({ code: 'EROFS', at: 0, count: Number.POSITIVE_INFINITY });
    const opened = await openDatabase({ ...optionsFor(path()), files: disk.files });
    assert.deepEqual(opened, err({ type: 'readOnly', path: folder.path('locks') }));
  });
});

/** Where the index holds a text: its entries are shorter than the rows, so it is the occurrence without a body. */
function indexEntryOf(bytes: Buffer, text: string): number {
  for (let at = bytes.indexOf(text, 0, 'latin1'); at >= 0; at = bytes.indexOf(text, at + 1, 'latin1')) {
    if (!bytes.subarray(at, at + 100).includes('xxxx')) return at;
  }
  return -1;
}
