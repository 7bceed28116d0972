import assert from 'node:assert/strict';
import { err, ok, type Result, unwrap } from '../../src/base/result';
import type { Database, Migration, StorageError, Transaction } from '../../src/sqlite/database';

/** An implementation of `Database` under the contract's test. */
export interface DatabaseUnderTest {
  /** Opens the same file again and again, or a new one when there is none. */
  open(migrations: readonly Migration[]): Promise<Result<Database, StorageError>>;
}

/** What every implementation of `Database` keeps to. `start` begins with an empty store for each test. */
export function describeDatabase(name: string, start: () => DatabaseUnderTest): void {
  describe(`the database contract: ${name}`, () => {
    let subject: DatabaseUnderTest;
    const opened: Database[] = [];
    beforeEach(() => {
      subject = start();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map(database => database.close()));
    });
    const open = async (migrations: readonly Migration[] = [createItems]) => {
      const database = unwrap(await subject.open(migrations));
      opened.push(database);
      return database;
    };
    const titles = async (database: Database) =>
      unwrap(
        await database.read(tx => tx.all('SELECT title FROM item ORDER BY id').map(row => row['title'])),
      );

    it('keeps what a write committed, over closing and opening', async () => {
      const first = await open();
      assert.deepEqual(await first.write(tx => ok(tx.run('INSERT INTO item VALUES (1, ?)', ['one']))), ok(1));
      await first.close();
      assert.deepEqual(await titles(await open()), ['one']);
    });

    it('leaves the file as it was when the work answers an error', async () => {
      const database = await open();
      const outcome = await database.write(tx => {
        tx.run("INSERT INTO item VALUES (1, 'one')");
        return err({ type: 'refused' as const });
      });
      assert.deepEqual(outcome, err({ type: 'refused' }));
      assert.deepEqual(await titles(database), []);
    });

    it('leaves the file as it was when the work throws, and throws it on', async () => {
      const database = await open();
      await database.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'one')")));
      const broken = database.write(tx => {
        tx.run("INSERT INTO item VALUES (2, 'two')");
        throw new Error('a bug');
      });
      await assert.rejects(broken, /a bug/);
      assert.deepEqual(await titles(database), ['one']);
    });

    it('throws on a broken constraint, which leaves nothing of the transaction', async () => {
      const database = await open();
      const broken = database.write(tx => {
        tx.run("INSERT INTO item VALUES (1, 'one')");
        tx.run("INSERT INTO item VALUES (1, 'again')");
        return ok();
      });
      await assert.rejects(broken, /UNIQUE constraint failed/);
      assert.deepEqual(await titles(database), []);
    });

    it('gives back text in any script, bytes, numbers and null as they were', async () => {
      const database = await open();
      const values = ['Ω 你好 👩‍💻 \u0000 end', new Uint8Array([0, 255, 7]), 2 ** 53 - 1, -0.5, null, ''];
      await database.write(tx => {
        tx.run('CREATE TABLE value(position INTEGER PRIMARY KEY, value)');
        for (const [position, value] of values.entries()) {
          tx.run('INSERT INTO value VALUES (?, ?)', [position, value]);
        }
        return ok();
      });
      const found = unwrap(await database.read(tx => tx.all('SELECT value FROM value ORDER BY position')));
      assert.deepEqual(
        found.map(row => row['value']),
        values,
      );
    });

    it('tells how many rows a statement changed', async () => {
      const database = await open();
      const counts = await database.write(tx =>
        ok([
          tx.run("INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, 'c')"),
          tx.run("UPDATE item SET title = 'x' WHERE id > 1"),
          tx.run('CREATE TABLE other(a)'),
          tx.run('DELETE FROM item'),
        ]),
      );
      assert.deepEqual(counts, ok([3, 2, 0, 3]));
    });

    it('names the columns of a table that changes, also when the change is undone', async () => {
      const database = await open();
      const names = (tx: Transaction) => Object.keys(tx.get('SELECT * FROM item') ?? {});
      unwrap(await database.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'one')"))));
      const before = unwrap(await database.read(names));
      const undone = await database.write(tx => {
        const first = names(tx);
        tx.run('ALTER TABLE item RENAME COLUMN title TO heading');
        return err({ type: 'undone' as const, seen: [first, names(tx)] });
      });
      const heading = before.map(name => (name === 'title' ? 'heading' : name));
      assert.deepEqual(undone, err({ type: 'undone', seen: [before, heading] }));
      assert.deepEqual(unwrap(await database.read(names)), before);
    });

    it('answers undefined for a row that is not there, and nothing for rows that are not there', async () => {
      const database = await open();
      const found = await database.read(tx => [
        tx.get('SELECT * FROM item WHERE id = ?', [7]),
        tx.all('SELECT * FROM item'),
      ]);
      assert.deepEqual(found, ok([undefined, []]));
    });

    it('runs transactions one after another, in the order of the calls', async () => {
      const database = await open();
      const all = await Promise.all(
        Array.from({ length: 50 }, (_, id) =>
          database.write(tx => {
            const count = tx.get('SELECT count(*) AS count FROM item')?.['count'];
            tx.run('INSERT INTO item VALUES (?, ?)', [id, String(count)]);
            return ok();
          }),
        ),
      );
      assert.ok(all.every(result => result.ok));
      assert.deepEqual(
        await titles(database),
        Array.from({ length: 50 }, (_, id) => String(id)),
      );
    });

    it('shows the commits of another that has the file open', async () => {
      const [left, right] = [await open(), await open()];
      await left.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'left')")));
      await right.write(tx => ok(tx.run("INSERT INTO item VALUES (2, 'right')")));
      assert.deepEqual(await titles(left), ['left', 'right']);
      assert.deepEqual(await titles(right), ['left', 'right']);
    });

    it('tells of the commits of others, and of none of its own', async () => {
      const [left, right] = [await open(), await open()];
      let heard = 0;
      const hearing = new Promise<void>(resolve => {
        left.onForeignCommit(() => {
          heard++;
          resolve();
        });
      });
      await left.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'left')")));
      await left.read(tx => tx.get('SELECT 1'));
      assert.equal(heard, 0);
      await right.write(tx => ok(tx.run("INSERT INTO item VALUES (2, 'right')")));
      await hearing;
      assert.equal(heard, 1);
    });

    it('enforces foreign keys', async () => {
      const database = await open();
      const broken = database.write(tx => {
        tx.run('CREATE TABLE child(parent INTEGER NOT NULL REFERENCES item(id))');
        tx.run('INSERT INTO child VALUES (99)');
        return ok();
      });
      await assert.rejects(broken, /FOREIGN KEY constraint failed/);
    });

    it('refuses more than one statement, control of the transaction, and changes in a read', async () => {
      const database = await open();
      await assert.rejects(
        database.write(tx => ok(tx.run('DELETE FROM item; DELETE FROM item'))),
        /one statement/,
      );
      await assert.rejects(
        database.write(tx => ok(tx.run('COMMIT'))),
        /around the work/,
      );
      await assert.rejects(
        database.read(tx => tx.run('DELETE FROM item')),
        /changes nothing/,
      );
      assert.deepEqual(await titles(database), []);
    });

    it('ends a transaction with its work', async () => {
      const database = await open();
      const leaked = unwrap(await database.read(tx => tx));
      assert.throws(() => leaked.get('SELECT 1'), /over/);
    });

    it('applies the missing migrations in order, each once', async () => {
      const seen: number[] = [];
      const step = (version: number): Migration => ({
        version,
        up(tx) {
          seen.push(version);
          tx.run(`CREATE TABLE step${version}(a)`);
        },
      });
      await (await open([step(1)])).close();
      await (await open([step(1), step(2), step(3)])).close();
      await (await open([step(1), step(2), step(3)])).close();
      assert.deepEqual(seen, [1, 2, 3]);
    });

    it('keeps the schema before a migration that throws', async () => {
      await (await open()).close();
      const broken: Migration = {
        version: 2,
        up(tx) {
          tx.run('DROP TABLE item');
          throw new Error('a bug in a migration');
        },
      };
      await assert.rejects(subject.open([createItems, broken]), /a bug in a migration/);
      assert.deepEqual(await titles(await open()), []);
    });

    it('refuses a file of a newer version and leaves it untouched', async () => {
      const newer = await open([createItems, { version: 2, up: tx => void tx.run('CREATE TABLE more(a)') }]);
      await newer.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'newer')")));
      assert.deepEqual(await subject.open([createItems]), err({ type: 'newerSchema', found: 2, known: 1 }));
      assert.deepEqual(await titles(newer), ['newer']);
    });

    it('refuses the transactions of a window that is older than the file has become', async () => {
      const older = await open([createItems]);
      await open([createItems, { version: 2, up: tx => void tx.run('CREATE TABLE more(a)') }]);
      const outcome = await older.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'old')")));
      assert.deepEqual(outcome, err({ type: 'newerSchema', found: 2, known: 1 }));
      assert.deepEqual(await older.read(tx => tx.all('SELECT * FROM item')), outcome);
    });

    it('answers closed after closing, which may be done twice', async () => {
      const database = await open();
      const last = database.write(tx => ok(tx.run("INSERT INTO item VALUES (1, 'last')")));
      await Promise.all([database.close(), database.close()]);
      assert.deepEqual(await last, ok(1));
      assert.deepEqual(await database.read(() => 1), err({ type: 'closed' }));
      assert.deepEqual(await database.write(() => ok()), err({ type: 'closed' }));
    });
  });
}

const createItems: Migration = {
  version: 1,
  up: tx => void tx.run('CREATE TABLE item(id INTEGER PRIMARY KEY, title TEXT)'),
};
