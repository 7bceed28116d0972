import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type initSqlJs from 'sql.js';
import { z } from 'zod';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import type { Migration } from '../../src/sqlite/database';
import { importTable } from '../../src/sqlite/importTable';
import { type OpenDatabaseOptions, type OpenedDatabase, openDatabase } from '../../src/sqlite/openDatabase';
import { type SqliteEngine, startEngine } from '../../src/sqlite/wasmModule';
import { sqliteWasm } from './sqliteWasm';

/** Marks the files of these tests. */
export const testApplicationId = 0x54455354;

/** A table as the store has them: an indexed key, a text, and a full-text index that triggers keep. */
export const testMigrations: readonly Migration[] = [
  {
    version: 1,
    up(tx) {
      tx.run('CREATE TABLE item(rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)');
      tx.run('CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID');
      tx.run('CREATE VIRTUAL TABLE search USING fts4(content="item", body, tokenize=unicode61)');
      tx.run('CREATE TRIGGER bu BEFORE UPDATE ON item BEGIN DELETE FROM search WHERE docid = old.rid; END');
      tx.run('CREATE TRIGGER bd BEFORE DELETE ON item BEGIN DELETE FROM search WHERE docid = old.rid; END');
      tx.run(
        'CREATE TRIGGER au AFTER UPDATE ON item BEGIN INSERT INTO search(docid, body) VALUES (new.rid, new.body); END',
      );
      tx.run(
        'CREATE TRIGGER ai AFTER INSERT ON item BEGIN INSERT INTO search(docid, body) VALUES (new.rid, new.body); END',
      );
    },
  },
];

/** What `openDatabase` takes for the file at `path`, with the machine's own clock and disk. */
export function optionsFor(path: string): OpenDatabaseOptions {
  return {
    path,
    migrations: testMigrations,
    applicationId: testApplicationId,
    wasm: sqliteWasm,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger: silentLogger,
  };
}

/** Opens the file, which must succeed. */
export async function openAt(
  path: string,
  overrides: Partial<OpenDatabaseOptions> = {},
): Promise<OpenedDatabase> {
  return unwrap(await openDatabase({ ...optionsFor(path), ...overrides }));
}

/** A folder that is removed after each test of the suite in which this is called. */
export function useFolder(): { readonly path: (name: string) => string } {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sqlite-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return { path: name => join(folder, name) };
}

/** An evaluation of the `sql.js` module of its own, so that it has an instance of its own. */
export function freshSqlJs(): Initialise {
  const file = require.resolve('sql.js');
  Reflect.deleteProperty(require.cache, file);
  try {
    return initialiseSchema.parse(require(file));
  } finally {
    Reflect.deleteProperty(require.cache, file);
  }
}

/** An engine of its own, whose hooks may be wrong. */
export function freshEngine(table = importTable): Promise<SqliteEngine> {
  return startEngine(sqliteWasm, freshSqlJs(), table);
}

type Initialise = (config?: initSqlJs.SqlJsConfig) => Promise<initSqlJs.SqlJsStatic>;

const require = createRequire(join(process.cwd(), 'package.json'));
const initialiseSchema = z.custom<Initialise>(value => typeof value === 'function');
