import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { unwrap } from '../../../src/base/result';
import { systemClock, systemTimers } from '../../../src/base/time';
import { openDatabase } from '../../../src/sqlite/openDatabase';
import { Payloads } from '../../../src/store/payloads';
import { storeApplicationId, storeMigrations } from '../../../src/store/schema';
import { createStore } from '../../../src/store/store';
import { sqliteWasm } from '../../support/sqliteWasm';
import { inStore, itemId, note, putItem } from '../../support/storeFixture';

describe('the soundness of a store', () => {
  it('finds nothing wrong with a store whose items are in the search index', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'soundness-'));
    const database = unwrap(
      await openDatabase({
        path: join(folder, 'store.db'),
        migrations: storeMigrations,
        applicationId: storeApplicationId,
        wasm: async () => sqliteWasm(),
        clock: systemClock,
        timers: systemTimers,
        random: systemRandom,
        logger: silentLogger,
      }),
    );
    const store = createStore(database, new Payloads(undefined, 'sensitive'));
    await inStore(store, tx => putItem(tx, itemId(1), note('a title', 'some words'), 5));
    assert.deepEqual(unwrap(await database.integrityCheck()), []);
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
});
