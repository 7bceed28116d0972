import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { err, ok, unwrap } from '../../../src/base/result';
import { systemClock, systemTimers } from '../../../src/base/time';
import { openDatabase } from '../../../src/sqlite/openDatabase';
import { sqliteWasm } from '../../support/sqliteWasm';

describe('openDatabase', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () =>
    openDatabase({
      path: join(folder, 'store.db'),
      migrations: [
        { version: 1, up: tx => void tx.run('CREATE TABLE item(id INTEGER PRIMARY KEY, title TEXT)') },
      ],
      applicationId: 0x5c2a7c,
      wasm: sqliteWasm,
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      logger: silentLogger,
    });

  it('keeps what a committed write wrote, and nothing of a refused one', async () => {
    const database = unwrap(await open());
    assert.deepEqual(
      await database.write(tx => ok(tx.run('INSERT INTO item VALUES (1, ?)', ['one']))),
      ok(1),
    );
    assert.deepEqual(
      await database.write(tx => {
        tx.run('INSERT INTO item VALUES (2, ?)', ['two']);
        return err('refused');
      }),
      err('refused'),
    );
    await database.close();
    const again = unwrap(await open());
    assert.deepEqual(await again.read(tx => tx.all('SELECT * FROM item')), ok([{ id: 1, title: 'one' }]));
    await again.close();
  });
});
