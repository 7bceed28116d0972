import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { err, ok, unwrap } from '../../../src/base/result';
import { type OpenedDatabase, openDatabase } from '../../../src/sqlite/openDatabase';
import { openAt, optionsFor, useFolder } from '../../support/sqliteFiles';
import { collectingLogger } from '../../support/sqliteLogger';
import { MemoryDisk } from '../../support/sqliteMemoryDisk';
import { testMigrations } from '../../support/sqliteSchema';

describe('openDatabase', () => {
  const folder = useFolder();

  it('leaves nothing beside the file and its journal when it is closed', async () => {
    const database = await openAt(folder.path('store.db'));
    unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('a', 1)"))));
    await database.close();
    assert.deepEqual(readdirSync(folder.path('.')).sort(), ['locks', 'store.db', 'store.db-journal']);
    assert.deepEqual(readdirSync(folder.path('locks')), ['store.db.first-page']);
  });

  it('leaves nothing behind when it cannot open the file', async () => {
    await (await openAt(folder.path('store.db'), { applicationId: 5 })).close();
    const opened = await openDatabase(optionsFor(folder.path('store.db')));
    assert.ok(!opened.ok && opened.error.type === 'foreign');
    assert.deepEqual(readdirSync(folder.path('locks')), ['store.db.first-page']);
  });

  it('serves several files of one process at once', async () => {
    const paths = ['a/store.db', 'b/store.db', 'c/other.db'].map(name => folder.path(name));
    const databases = await Promise.all(paths.map(path => openAt(path)));
    await Promise.all(
      databases.map((database, index) =>
        database.write(tx => ok(tx.run('INSERT INTO meta VALUES (?, ?)', ['which', index]))),
      ),
    );
    for (const [index, database] of databases.entries()) {
      assert.deepEqual(await database.read(tx => tx.get('SELECT value FROM meta')), ok({ value: index }));
    }
    await Promise.all(databases.map(database => database.close()));
  });

  it('works on any disk that keeps to what POSIX says', async () => {
    const disk = new MemoryDisk();
    const left = await openAt('/store/store.db', { files: disk.files });
    const right = await openAt('/store/store.db', { files: disk.files });
    unwrap(await left.write(tx => ok(tx.run("INSERT INTO meta VALUES ('a', 1)"))));
    assert.deepEqual(await right.read(tx => tx.get('SELECT * FROM meta')), ok({ key: 'a', value: 1 }));
    await Promise.all([left.close(), right.close()]);
  });

  it('lets the other work of the thread have its turn between many transactions', async () => {
    const database = await openAt('/store/store.db', { files: new MemoryDisk().files });
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      while (!isOver) {
        await new Promise(resolve => setImmediate(resolve));
        turns++;
      }
    })();
    await new Promise(resolve => setImmediate(resolve));
    const before = turns;
    for (let write = 0; write < 1000; write++) {
      unwrap(
        await database.write(tx => ok(tx.run('INSERT INTO item(id, body) VALUES (?, ?)', [`${write}`, 'x']))),
      );
    }
    assert.ok(turns > before, 'a thousand transactions take longer than the thread may be kept');
    isOver = true;
    await others;
    await database.close();
  });

  it('waits no longer than it may for a window that holds the lock, and says so', async () => {
    const waiting = await openAt(folder.path('store.db'), { lockWaitMs: 30 });
    let finish = (): void => undefined;
    let migrated: Promise<OpenedDatabase> | undefined;
    const begun = new Promise<void>(resolve => {
      migrated = openAt(folder.path('store.db'), {
        migrations: [...testMigrations, { version: 2, up: tx => void tx.run('CREATE TABLE more(a)') }],
        migrationBackup: () => {
          resolve();
          return new Promise(done => {
            finish = done;
          });
        },
      });
    });
    await begun;
    const outcome = await waiting.read(() => 1);
    assert.ok(!outcome.ok && outcome.error.type === 'busy');
    assert.equal(outcome.error.owner, `process ${process.pid}`);
    finish();
    await (await migrated)?.close();
    assert.deepEqual(await waiting.read(() => 1), err({ type: 'newerSchema', found: 2, known: 1 }));
    await waiting.close();
  });

  it('logs no text of an item', async () => {
    const { logger, lines } = collectingLogger();
    const database = await openAt(folder.path('store.db'), { logger });
    await assert.rejects(
      database.write(tx => {
        tx.run('INSERT INTO item(id, body) VALUES (?, ?)', ['x', 'a private text']);
        tx.run('INSERT INTO item(id, body) VALUES (?, ?)', ['x', 'a private text']);
        return err('never');
      }),
    );
    await database.close();
    assert.deepEqual(
      lines.filter(line => line.includes('private')),
      [],
    );
  });
});
