import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type initSqlJs from 'sql.js';
import { z } from 'zod';
import { bindImports, importTable } from '../../../../src/sqlite/engine/importTable';
import { freshSqlJs } from '../../../support/sqliteFiles';

const require = createRequire(join(process.cwd(), 'package.json'));
const pinSchema = z.object({ devDependencies: z.object({ 'sql.js': z.string() }) });
const versionSchema = z.object({ version: z.string() });
const jsonAt = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('the import table', () => {
  it('is that of the version of sql.js that package.json pins', () => {
    const pinned = pinSchema.parse(jsonAt('package.json')).devDependencies['sql.js'];
    assert.equal(pinned, '1.16.0', 'hold the table against the new version, then change this test');
    assert.equal(versionSchema.parse(jsonAt('node_modules/sql.js/package.json')).version, pinned);
  });

  it('binds every import of the release build', async () => {
    const imports = await importsOf(freshSqlJs());
    assert.equal(bindImports(imports, importTable)?.size, importTable.length);
  });

  it('has the names that the debug build has, in the same order', async () => {
    const inBoth = new Set(Object.keys(await importsOf(debugSqlJs())));
    const debugNames = [...inBoth].filter(name => !onlyInDebugBuild.has(name));
    const tableNames = importTable.map(([name]) => name).filter(name => !onlyInReleaseBuild.has(name));
    assert.deepEqual(tableNames, debugNames);
    const sorted = [...importTable.map(([name]) => name)].sort();
    assert.deepEqual(
      importTable.map(([name]) => name),
      sorted,
      'the glue writes its imports sorted by their C names',
    );
  });

  it('names what the functions of the release build do', async () => {
    // A function of the glue that is known by its text, for each sort of call that is replaced.
    const imports = await importsOf(freshSqlJs());
    const keyOf = bindImports(imports, importTable);
    const textOf = (name: string) => String(imports[keyOf?.get(name) ?? '']);
    assert.match(textOf('emscripten_date_now'), /Date\.now/);
    assert.match(textOf('__syscall_geteuid32'), /=>\s*0|return 0/);
    assert.match(textOf('proc_exit'), /exit|quit|throw/i);
  });

  it('refuses imports that are more, fewer or others', async () => {
    const imports = await importsOf(freshSqlJs());
    assert.equal(bindImports({ ...imports, more: () => 0 }, importTable), undefined);
    assert.equal(bindImports(imports, importTable.slice(1)), undefined);
    const [first = ['', 0], ...rest] = importTable;
    assert.equal(bindImports(imports, [[first[0], first[1] + 1], ...rest]), undefined);
  });
});

/** Calls that only one of the two builds of version 1.16.0 makes, none of which is replaced. */
const onlyInDebugBuild = new Set(['__handle_stack_overflow', 'clock_time_get']);
const onlyInReleaseBuild = new Set(['_emscripten_runtime_keepalive_clear', '_setitimer_js', 'proc_exit']);

type Initialise = (config?: initSqlJs.SqlJsConfig) => Promise<initSqlJs.SqlJsStatic>;

function debugSqlJs(): Initialise {
  return z
    .custom<Initialise>(value => typeof value === 'function')
    .parse(require('sql.js/dist/sql-wasm-debug.js'));
}

/** The imports that the glue offers, of every namespace. */
async function importsOf(initialise: Initialise): Promise<Record<string, unknown>> {
  return new Promise(resolve => {
    const instantiateWasm = (imports: WebAssembly.Imports): WebAssembly.Exports => {
      resolve(Object.assign({}, imports['a'] ?? imports['env']));
      return {};
    };
    void initialise({ instantiateWasm });
  });
}
