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
import { importTable } from '../../src/sqlite/engine/importTable';
import { type SqliteEngine, startEngine } from '../../src/sqlite/engine/wasmModule';
import { type OpenDatabaseOptions, type OpenedDatabase, openDatabase } from '../../src/sqlite/openDatabase';
import { testApplicationId, testMigrations } from './sqliteSchema';
import { sqliteWasm } from './sqliteWasm';

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
