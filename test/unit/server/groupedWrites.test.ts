import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { err, ok, type Result } from '../../../src/base/result';
import { groupWrites, maxGroupedWrites } from '../../../src/server/storage/groupedWrites';
import type { Database, StorageError } from '../../../src/sqlite/database';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { createManualClock } from '../../support/testServer';

describe('grouped writes', () => {
  let transactions = 0;
  let failure: StorageError | undefined;
  let database: Database;
  const clock = createManualClock(0);

  beforeEach(async () => {
    transactions = 0;
    failure = undefined;
    const inner = await openMemoryDatabase([
      { version: 1, up: tx => void tx.run('CREATE TABLE entry (name TEXT PRIMARY KEY)') },
    ]);
    const counted: Database = {
      read: work => inner.read(work),
      async write<T, E>(work: Parameters<typeof inner.write<T, E>>[0]): Promise<Result<T, E | StorageError>> {
        transactions += 1;
        return failure === undefined ? inner.write(work) : err(failure);
      },
      onForeignCommit: listener => inner.onForeignCommit(listener),
      close: () => inner.close(),
    };
    database = groupWrites(counted, clock);
  });

  const insert = (name: string) => database.write(tx => ok(tx.run('INSERT INTO entry VALUES (?)', [name])));
  const names = async () => {
    const rows = await database.read(tx => tx.all('SELECT name FROM entry ORDER BY name'));
    return rows.ok ? rows.value.map(row => row['name']) : [];
  };

  it('share a transaction when they arrive while another is under way', async () => {
    const outcomes = await Promise.all(['a', 'b', 'c'].map(insert));
    assert.deepEqual(outcomes, [ok(1), ok(1), ok(1)]);
    assert.ok(transactions <= 2, `${transactions} transactions`);
    assert.deepEqual(await names(), ['a', 'b', 'c']);
  });

  it('are each undone alone when they answer an error or throw', async () => {
    const refused = database.write(tx => {
      tx.run("INSERT INTO entry VALUES ('refused')");
      return err({ type: 'refused' as const });
    });
    const thrown = database.write(tx => {
      tx.run("INSERT INTO entry VALUES ('thrown')");
      throw new Error('a bug');
    });
    const broken = database.write(tx => ok(tx.run("INSERT INTO entry VALUES (NULL), ('x'), ('x')")));
    const good = insert('good');
    assert.deepEqual(await refused, err({ type: 'refused' }));
    await assert.rejects(thrown, /a bug/);
    await assert.rejects(broken, /UNIQUE/);
    assert.deepEqual(await good, ok(1));
    assert.deepEqual(await names(), ['good']);
  });

  it('all fail when storage does, and go on when it is well again', async () => {
    failure = { type: 'full' };
    assert.deepEqual(await Promise.all([insert('a'), insert('b')]), [
      err({ type: 'full' }),
      err({ type: 'full' }),
    ]);
    failure = undefined;
    assert.deepEqual(await insert('c'), ok(1));
    assert.deepEqual(await names(), ['c']);
  });

  it('are bounded in number and in time', async () => {
    await Promise.all(Array.from({ length: maxGroupedWrites * 3 }, (_, index) => insert(`n${index}`)));
    assert.ok(transactions >= 3 && transactions <= 5, `${transactions} transactions`);
    transactions = 0;
    const slow = Array.from({ length: 4 }, (_, index) =>
      database.write(tx => {
        clock.advance(40);
        return ok(tx.run('INSERT INTO entry VALUES (?)', [`s${index}`]));
      }),
    );
    await Promise.all(slow);
    assert.equal(transactions, 3, 'the first alone, then two, then one');
  });
});
