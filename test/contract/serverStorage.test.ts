import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'mocha';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { serverMigrations } from '../../src/server/storage/schema';
import { createSqliteStorage } from '../../src/server/storage/sqliteStorage';
import { openStore } from '../../src/server/store';
import { type MemoryDatabase, openMemoryDatabase } from '../support/memoryDatabase';
import { sqliteWasm } from '../support/sqliteWasm';
import { describeServerStorage } from './serverStorage';

describeServerStorage('SQLite in memory', () => {
  let held: MemoryDatabase | undefined;
  return {
    async open(random) {
      held = held === undefined ? await openMemoryDatabase(serverMigrations) : await held.copy();
      return createSqliteStorage(held, random, systemClock);
    },
  };
});

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describeServerStorage('SQLite in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scratch-server-storage-'));
  folders.push(folder);
  return {
    async open(random) {
      const database = await openStore(join(folder, 'server.db'), {
        wasm: sqliteWasm,
        clock: systemClock,
        timers: systemTimers,
        random: systemRandom,
        logger: silentLogger,
      });
      return createSqliteStorage(unwrap(database), random, systemClock);
    },
  };
});
