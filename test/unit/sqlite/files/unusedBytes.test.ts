import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ok, unwrap } from '../../../../src/base/result';
import type { Transaction } from '../../../../src/sqlite/database';
import type { OpenedDatabase } from '../../../../src/sqlite/openDatabase';
import { openAt } from '../../../support/sqliteFiles';

describe('wipeUnused', () => {
  let folder = '';
  const files: OpenedDatabase[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unused-'));
  });
  afterEach(async () => {
    for (const file of files.splice(0)) await file.close();
    rmSync(folder, { recursive: true });
  });

  const schema = [
    'CREATE TABLE rows(id INTEGER PRIMARY KEY, text)',
    'CREATE TABLE keyed(id TEXT PRIMARY KEY, text) WITHOUT ROWID',
    'CREATE INDEX keyed_text ON keyed(substr(text, 1, 20))',
  ];
  const open = async (name: string) => {
    const migrations = [
      { version: 1, up: (tx: Transaction) => schema.forEach(statement => void tx.run(statement)) },
    ];
    const file = await openAt(join(folder, name), { migrations });
    files.push(file);
    return file;
  };
  const write = async (file: OpenedDatabase, work: (tx: Transaction) => void) =>
    unwrap(await file.write(tx => ok(work(tx))));

  const secret = 'SECRET-TEXT';
  const put = (tx: Transaction, id: number, text: string) => {
    for (const table of ['rows', 'keyed']) {
      tx.run(
        `INSERT INTO ${table}(id, text) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET text = excluded.text`,
        [table === 'rows' ? id : `key ${id}`, text],
      );
    }
  };

  it('leaves no trace of a row that was overwritten or deleted, and the file sound', async () => {
    const step = fc.record({
      id: fc.integer({ min: 1, max: 60 }),
      length: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 9000 })),
    });
    let number = 0;
    let pagesWithTraces = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 100, maxLength: 300 }), async steps => {
        const name = `${number++}.db`;
        const file = await open(name);
        for (let at = 0; at < steps.length; at += 10) {
          await write(file, tx => {
            for (const { id, length } of steps.slice(at, at + 10)) {
              put(tx, id, id % 7 === 0 ? `${secret} ${'x'.repeat(length)}` : 'y'.repeat(length));
            }
          });
        }
        await write(file, tx => {
          for (let id = 7; id <= 60; id += 14) put(tx, id, '');
          for (let id = 14; id <= 60; id += 14) tx.run('DELETE FROM rows WHERE id = ?', [id]);
          for (let id = 14; id <= 60; id += 14) tx.run('DELETE FROM keyed WHERE id = ?', [`key ${id}`]);
        });
        unwrap(await file.vacuum());
        pagesWithTraces += unwrap(await file.wipeUnused());
        assert.equal(readFileSync(join(folder, name)).includes(secret), false);
        assert.deepEqual(unwrap(await file.integrityCheck()), []);
        assert.equal(unwrap(await file.wipeUnused()), 0);
        await file.close();
      }),
      { numRuns: 8 },
    );
    assert.notEqual(pagesWithTraces, 0);
  });

  it('is noticed by another process that has the pages in its memory', async () => {
    const first = await open('shared.db');
    const second = await open('shared.db');
    for (let id = 1; id < 200; id++) await write(first, tx => put(tx, id, `${secret} ${id}`));
    unwrap(await second.read(tx => tx.all('SELECT * FROM rows')));
    await write(first, tx => {
      tx.run('DELETE FROM rows WHERE id > 3');
      tx.run('DELETE FROM keyed');
      for (let id = 1; id <= 3; id++) tx.run('UPDATE rows SET text = ? WHERE id = ?', ['plain', id]);
    });
    unwrap(await first.wipeUnused());
    for (let id = 1; id <= 3; id++) await write(second, tx => put(tx, id, 'changed'));
    assert.equal(readFileSync(join(folder, 'shared.db')).includes(secret), false);
    assert.deepEqual(unwrap(await first.integrityCheck()), []);
  });
});
