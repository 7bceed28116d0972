import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { err, ok, unwrap } from '../../../src/base/result';
import { importTable } from '../../../src/sqlite/engine/importTable';
import type { RecoveryReport } from '../../../src/sqlite/fileContext';
import { type OpenedDatabase, openDatabase } from '../../../src/sqlite/openDatabase';
import { freshEngine, openAt, optionsFor, useFolder } from '../../support/sqliteFiles';

const pageBytes = 4096;
const items = 400;
const applicationIdAt = 68;

describe('a damaged file', () => {
  const folder = useFolder();
  const path = () => folder.path('store.db');

  const fill = async (options: Parameters<typeof openAt>[1] = {}) => {
    const database = await openAt(path(), options);
    unwrap(
      await database.write(tx => {
        for (let item = 0; item < items; item++) {
          tx.run('INSERT INTO item(rid, id, body) VALUES (?, ?, ?)', [
            item * 7 + 1,
            `id${item}`,
            bodyOf(item),
          ]);
        }
        tx.run("INSERT INTO meta VALUES ('clock', 'late'), ('device', 'laptop')");
        return ok();
      }),
    );
    return database;
  };
  const bodyOf = (item: number) => `body of item${item} ${'lorem ipsum '.repeat(40)}`;

  /** Overwrites the pages that hold the given text, or only those with the numbers that `choose` picks. */
  const spoilPages = (marker: string, choose: (index: number, count: number) => boolean) => {
    const bytes = readFileSync(path());
    const pages = Array.from({ length: bytes.length / pageBytes }, (_, page) => page)
      .slice(1)
      .filter(
        page =>
          bytes[page * pageBytes] === 0x0d &&
          bytes.subarray(page * pageBytes, (page + 1) * pageBytes).includes(marker),
      );
    for (const [index, page] of pages.entries()) {
      if (choose(index, pages.length)) bytes.fill(0x5a, page * pageBytes, (page + 1) * pageBytes);
    }
    writeFileSync(path(), bytes);
    return hashOf(path());
  };

  const countItems = async (database: OpenedDatabase) =>
    Number(unwrap(await database.read(tx => tx.get('SELECT count(*) AS count FROM item')))?.['count']);

  const search = async (database: OpenedDatabase, word: string) =>
    unwrap(await database.read(tx => tx.all('SELECT docid FROM search WHERE search MATCH ?', [word]))).length;

  it('is set aside unchanged, and every row that can be read is in the new one', async () => {
    await (await fill()).close();
    const damagedHash = spoilPages('lorem ipsum', (index, count) => index === Math.floor(count / 2));
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    const database = await openAt(path());
    const report = database.recovered;
    assert.ok(report !== undefined);
    assert.equal(hashOf(report.setAside), damagedHash);
    assert.match(report.setAside, /store\.db\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
    assert.deepEqual(report.incompleteTables, ['item']);
    const left = await countItems(database);
    assert.equal(left, report.rowsByTable['item']);
    assert.ok(left > items - 12 && left < items, `${left} of ${items} rows, one page holds at most 11`);
    assert.deepEqual(
      await database.read(tx => tx.all('SELECT * FROM meta ORDER BY key')),
      ok([
        { key: 'clock', value: 'late' },
        { key: 'device', value: 'laptop' },
      ]),
    );
    assert.equal(await search(database, 'item3'), 1, 'the triggers have built the index anew');
    assert.deepEqual(await database.integrityCheck(), ok([]));
    await database.close();
    const again = await openAt(path());
    assert.equal(again.recovered, undefined);
    assert.equal(await countItems(again), left);
    await again.close();
  });

  it('gives back what lies between several damaged places', async () => {
    await (await fill()).close();
    spoilPages('lorem ipsum', index => index % 6 === 3);
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    const database = await openAt(path());
    const left = await countItems(database);
    assert.ok(
      left > items * 0.75 && left < items * 0.95,
      `${left} of ${items} rows, with every sixth page lost`,
    );
    await database.close();
  });

  for (const [keys, keyOf] of [
    ['counted', (row: number) => `key ${String(row).padStart(6, '0')}`],
    ['like ids', (row: number) => createHash('sha256').update(`${row}`).digest('hex').slice(0, 32)],
  ] as const) {
    it(`gives back what lies between several damaged places of a table by keys ${keys}`, async () => {
      const database = await fill();
      const rows = 3000;
      unwrap(
        await database.write(tx => {
          for (let row = 0; row < rows; row++)
            tx.run('INSERT INTO meta VALUES (?, ?)', [keyOf(row), 'lorem '.repeat(40)]);
          return ok();
        }),
      );
      await database.close();
      const bytes = readFileSync(path());
      const leafOfKeys = 0x0a;
      const pages = Array.from({ length: bytes.length / pageBytes }, (_, page) => page).filter(
        page =>
          bytes[page * pageBytes] === leafOfKeys &&
          bytes.subarray(page * pageBytes, (page + 1) * pageBytes).includes('lorem lorem'),
      );
      assert.ok(pages.length > 150, `${pages.length} pages`);
      for (const place of [0.1, 0.3, 0.31, 0.9]) {
        const page = pages[Math.floor(pages.length * place)] ?? 0;
        bytes.fill(0x5a, page * pageBytes, (page + 1) * pageBytes);
      }
      writeFileSync(path(), bytes);
      writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
      const again = await openAt(path());
      assert.deepEqual(again.recovered?.incompleteTables, ['meta']);
      const left = again.recovered?.rowsByTable['meta'] ?? 0;
      const most = Math.ceil(pageBytes / 240);
      assert.ok(
        left >= rows - 4 * most && left < rows,
        `${left} of ${rows} rows, four pages of ${most} are lost`,
      );
      assert.equal(await countItems(again), items);
      await again.close();
    });
  }

  it('is noticed when it is shorter than its header says', async () => {
    await (await fill()).close();
    const bytes = readFileSync(path());
    writeFileSync(path(), bytes.subarray(0, Math.floor(bytes.length / pageBytes / 2) * pageBytes));
    const database = await openAt(path());
    assert.match(database.recovered?.detail ?? '', /malformed|bytes/);
    assert.ok((await countItems(database)) > 50);
    await database.close();
  });

  it('gives back what is left of it when it was cut and no copy of its first page is kept', async () => {
    await (await fill()).close();
    const bytes = readFileSync(path());
    writeFileSync(path(), bytes.subarray(0, bytes.length - 2 * pageBytes));
    rmSync(folder.path('locks'), { recursive: true });
    const database = await openAt(path());
    assert.match(database.recovered?.detail ?? '', /malformed|bytes/);
    assert.ok((await countItems(database)) > items * 0.9);
    await database.close();
  });

  it('is read by the kept copy of its first page when that page is gone', async () => {
    await (await fill()).close();
    const bytes = readFileSync(path());
    bytes.fill(0, 0, pageBytes);
    writeFileSync(path(), bytes);
    const database = await openAt(path());
    assert.deepEqual(database.recovered?.incompleteTables, []);
    assert.equal(await countItems(database), items);
    await database.close();
  });

  it('is set aside although nothing of it can be read', async () => {
    writeFileSync(path(), 'this is no database, but somebody may still want it');
    const database = await openAt(path());
    assert.ok(database.recovered !== undefined);
    assert.equal(readFileSync(database.recovered.setAside, 'utf8').slice(0, 19), 'this is no database');
    assert.equal(await countItems(database), 0);
    await database.close();
  });

  it('is recovered in safe mode as well', async () => {
    const withoutHooks = freshEngine(importTable.slice(1));
    const startEngine = () => withoutHooks;
    await (await fill({ startEngine })).close();
    spoilPages('lorem ipsum', index => index === 4);
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    const database = await openAt(path(), { startEngine });
    assert.deepEqual(database.recovered?.incompleteTables, ['item']);
    assert.ok((await countItems(database)) > items - 12);
    await database.close();
  });

  it('met in the middle of the work is answered as such, and recovered by the next transaction', async () => {
    const reports: RecoveryReport[] = [];
    const database = await fill({ onRecovered: report => reports.push(report) });
    const other = await openAt(path());
    assert.equal(await countItems(other), items);
    await database.close();
    const third = await openAt(path(), { onRecovered: report => reports.push(report), cacheKib: 16 });
    spoilPages('lorem ipsum', (index, count) => index === Math.floor(count / 2));
    const outcome = await third.read(tx => tx.all('SELECT sum(length(body)) FROM item'));
    assert.ok(!outcome.ok && outcome.error.type === 'damaged', JSON.stringify(outcome));
    assert.ok((await countItems(third)) > items - 12);
    assert.equal(reports.length, 1);
    assert.equal(
      await countItems(other),
      await countItems(third),
      'no window goes on in the file that was set aside',
    );
    unwrap(await other.write(tx => ok(tx.run("INSERT INTO meta VALUES ('other', 1)"))));
    assert.ok(unwrap(await third.read(tx => tx.get("SELECT 1 FROM meta WHERE key = 'other'"))));
    await Promise.all([other.close(), third.close()]);
  });

  it('found by a check when idle is recovered at once', async () => {
    const reports: RecoveryReport[] = [];
    await (await fill()).close();
    const database = await openAt(path(), { onRecovered: report => reports.push(report) });
    assert.deepEqual(await database.quickCheck(), ok([]));
    spoilPages('lorem ipsum', index => index === 7);
    const problems = unwrap(await database.quickCheck());
    assert.ok(problems.length > 0);
    assert.equal(reports.length, 1);
    assert.deepEqual(await database.quickCheck(), ok([]));
    await database.close();
  });

  it('lets the owner of the schema build what is derived anew', async () => {
    await (await fill()).close();
    spoilPages('lorem ipsum', index => index === 2);
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    const database = await openAt(path(), {
      salvage: (tx, report) => {
        tx.run("INSERT OR REPLACE INTO meta VALUES ('recovered', ?)", [report.rowsByTable['item'] ?? 0]);
      },
    });
    assert.deepEqual(
      unwrap(await database.read(tx => tx.get("SELECT value FROM meta WHERE key = 'recovered'"))),
      { value: await countItems(database) },
    );
    await database.close();
  });

  it('whose recovery was cut off before the exchange is recovered again', async () => {
    await (await fill()).close();
    spoilPages('lorem ipsum', index => index === 2);
    writeFileSync(`${folder.path('locks')}/store.db.check-due`, 'a test');
    writeFileSync(`${path()}.recovering`, 'half');
    writeFileSync(`${path()}.recovered`, 'of an earlier attempt');
    const database = await openAt(path());
    assert.ok((await countItems(database)) > items - 12);
    assert.deepEqual(leftovers(folder.path('.')), []);
    await database.close();
  });

  it('whose recovery was cut off in the middle of the exchange is replaced by what was recovered', async () => {
    await (await fill()).close();
    renameSync(path(), `${path()}.recovered`);
    const database = await openAt(path());
    assert.equal(await countItems(database), items);
    assert.deepEqual(leftovers(folder.path('.')), []);
    await database.close();
  });
});

describe('a file that is not for this version', () => {
  const folder = useFolder();
  const path = () => folder.path('store.db');
  const reopened = () => openDatabase(optionsFor(path()));

  it('is left as it is when another program has made it', async () => {
    await (await openAt(path(), { applicationId: 77 })).close();
    const before = hashOf(path());
    assert.deepEqual(await reopened(), err({ type: 'foreign', path: path() }));
    assert.equal(hashOf(path()), before);
  });

  it('is left as it is when a program without a mark has made it', async () => {
    await (await openAt(path())).close();
    const bytes = readFileSync(path());
    bytes.writeUInt32BE(0, applicationIdAt);
    writeFileSync(path(), bytes);
    const before = hashOf(path());
    assert.deepEqual(await reopened(), err({ type: 'foreign', path: path() }));
    assert.equal(hashOf(path()), before);
  });

  it('is left as it is when a newer version has written it', async () => {
    const { migrations } = optionsFor(path());
    const newer = [...migrations, { version: 2, up: () => undefined }];
    await (await openAt(path(), { migrations: newer })).close();
    const before = hashOf(path());
    assert.deepEqual(await reopened(), err({ type: 'newerSchema', found: 2, known: 1 }));
    assert.equal(hashOf(path()), before);
  });

  it('is taken for a new one when it is empty', async () => {
    writeFileSync(path(), '');
    const database = await openAt(path());
    assert.equal(database.recovered, undefined);
    await database.close();
  });
});

describe('a file that was emptied', () => {
  const folder = useFolder();

  it('is not taken for a new one: it is set aside, and its owner is told', async () => {
    await (await openAt(folder.path('store.db'))).close();
    writeFileSync(folder.path('store.db'), '');
    const database = await openAt(folder.path('store.db'));
    assert.ok(database.recovered?.incompleteTables.includes('item'));
    await database.close();
  });
});

describe('a file that is exchanged under an open window', () => {
  const folder = useFolder();
  const path = () => folder.path('store.db');

  it('is noticed by the next transaction when it was emptied', async () => {
    const database = await openAt(path());
    unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('key', 1)"))));
    writeFileSync(path(), '');
    const write = () => database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('other', 1)")));
    const first = await write();
    assert.equal(first.ok ? 'written' : first.error.type, 'damaged');
    unwrap(await write());
    assert.deepEqual(await database.read(tx => tx.all('SELECT key FROM meta')), ok([{ key: 'other' }]));
    await database.close();
  });

  it('is noticed by the next transaction when it was removed', async () => {
    const database = await openAt(path());
    unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('key', 1)"))));
    rmSync(path());
    unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('key', 2)"))));
    assert.ok(existsSync(path()));
    const other = await openAt(path());
    assert.deepEqual(await other.read(tx => tx.all('SELECT value FROM meta')), ok([{ value: 2 }]));
    await Promise.all([database.close(), other.close()]);
  });

  it('is noticed by the next transaction when another was put in its place', async () => {
    const database = await openAt(path());
    unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('key', 1)"))));
    const snapshot = folder.path('snapshot.db');
    unwrap(await database.checkpointSnapshot(snapshot));
    unwrap(await database.write(tx => ok(tx.run('DELETE FROM meta'))));
    renameSync(snapshot, path());
    assert.deepEqual(await database.read(tx => tx.all('SELECT value FROM meta')), ok([{ value: 1 }]));
    await database.close();
  });
});

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function leftovers(folder: string): readonly string[] {
  return readdirSync(folder).filter(name => /recover|saving/.test(name));
}
