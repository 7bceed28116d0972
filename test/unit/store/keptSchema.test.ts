import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { ok, unwrap } from '../../../src/base/result';
import { countOpenConflicts, listConflicts } from '../../../src/store/conflicts';
import { listItems, readItem } from '../../../src/store/items';
import { countPendingItems, waitingItemChange } from '../../../src/store/outbox';
import { Payloads } from '../../../src/store/payloads';
import { storeMigrations } from '../../../src/store/schema';
import { searchItems } from '../../../src/store/search/searchItems';
import { readState } from '../../../src/store/state';
import { countLost } from '../../../src/store/synced/lostVersions';
import { listUnopened } from '../../../src/store/synced/unopened';
import { listVersions } from '../../../src/store/versions';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { inStore, itemId, stampAt } from '../../support/storeFixture';
import { StoreFolder } from '../../support/storeFolder';
import { keptSchemaFile } from '../../support/storeKeptSchema';

describe('a store of the first schema', () => {
  let folder: StoreFolder;
  beforeEach(() => {
    folder = new StoreFolder();
    copyFileSync(keptSchemaFile, folder.storeFile);
  });
  afterEach(() => folder.remove());

  it('opens with all that it held', async () => {
    const opened = await folder.open();
    assert.equal(opened.recovered, undefined);
    await inStore(opened.store, tx => {
      assert.deepEqual(
        listItems(tx, { deleted: false }).map(item => item.content?.title),
        ['secret note', 'second note', 'first note'],
      );
      assert.equal(readItem(tx, itemId(3))?.content?.body, 'hidden');
      assert.equal(readItem(tx, itemId(4))?.deleted, true);
      assert.deepEqual(
        listVersions(tx, itemId(1)).map(({ content, version }) => [content?.body, version]),
        [
          ['edited on the laptop', 0],
          ['written on the laptop', 3],
        ],
      );
      assert.equal(countPendingItems(tx), 4);
      assert.equal(waitingItemChange(tx, itemId(1))?.base.content?.body, 'written on the laptop');
      assert.equal(waitingItemChange(tx, itemId(1))?.base.stamp, stampAt(1000));
      assert.equal(waitingItemChange(tx, itemId(1))?.reseal, false);
      const [key, ...otherKeys] = tx.sql.all('SELECT DISTINCT key_id FROM items').map(row => row['key_id']);
      assert.deepEqual([key, otherKeys], [null, []], 'which key sealed them on the server is not known');
      assert.equal(countOpenConflicts(tx), 1);
      assert.equal(listConflicts(tx, ['open'])[0]?.conflict?.later.content.body, 'later');
      assert.equal(searchItems(tx, '日本語', 5)[0]?.item.id, itemId(2));
      assert.deepEqual(searchItems(tx, 'hidden', 5), []);
      assert.equal(readState(tx, 'account')?.login, 'ada');
    });
    const digest = { current: () => '', recompute: () => '' };
    assert.deepEqual(
      unwrap(await opened.maintenance.doctor({ digest, mend: false })).filter(
        finding => finding.level === 'error',
      ),
      [],
    );
  });

  it('has the schema of a new store after its migrations', async () => {
    const schemaOf = async (opened: Awaited<ReturnType<StoreFolder['open']>>) =>
      inStore(opened.store, tx =>
        tx.sql.all(
          `SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`,
        ),
      );
    const kept = await schemaOf(await folder.open());
    const fresh = new StoreFolder();
    try {
      assert.deepEqual(
        kept,
        await schemaOf(await fresh.open()),
        'the schema has changed without a migration (or, before the first release, without making the kept file anew)',
      );
    } finally {
      await fresh.remove();
    }
  });
});

it('a version that waits to be opened is known by its columns after the migration that brings them', async () => {
  const database = await openMemoryDatabase(storeMigrations.filter(({ version }) => version < 3));
  await database.write(sql => {
    const wire = { version: 7, timestamp: stampAt(5), changeType: 'delete', payload: 'c2VhbGVk' };
    for (const [id, text] of [
      [itemId(1), JSON.stringify(wire)],
      [itemId(2), 'damaged'],
    ] as const) {
      sql.run(
        `INSERT INTO unopened(item_id, wire, reason, key_id) VALUES (?, ?, 'keyMissing', '00000000000000cc')`,
        [id, text],
      );
    }
    for (const migration of storeMigrations.filter(({ version }) => version === 3)) migration.up(sql);
    return ok();
  });
  const payloads = new Payloads(undefined, 'sensitive');
  assert.deepEqual(unwrap(await database.read(sql => listUnopened({ sql, payloads }, '', 10))), [
    { subject: itemId(1), reason: 'keyMissing', version: 7, stamp: stampAt(5), deleted: true },
  ]);
});

it('a version that a restored server had lost is kept apart after the migration that brings the table', async () => {
  const database = await openMemoryDatabase(storeMigrations.filter(({ version }) => version < 6));
  await database.write(sql => {
    for (const [id, reason] of [
      [itemId(1), 'lost'],
      [itemId(2), 'keyMissing'],
    ] as const) {
      sql.run(
        `INSERT INTO unopened(item_id, wire, reason, key_id, stamp) VALUES (?, '{}', ?, '00000000000000cc', ?)`,
        [id, reason, stampAt(5)],
      );
    }
    for (const migration of storeMigrations.filter(({ version }) => version === 6)) migration.up(sql);
    return ok();
  });
  const payloads = new Payloads(undefined, 'sensitive');
  const [unopened, lost] = unwrap(
    await database.read(sql => {
      const store = { sql, payloads };
      return [listUnopened(store, '', 10), countLost(store)] as const;
    }),
  );
  assert.deepEqual([unopened.map(({ subject }) => subject), lost], [[itemId(2)], 1]);
});
