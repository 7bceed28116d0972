import initSqlJs from 'sql.js';
import { FileSyscalls } from './fileSyscalls';
import { importTable } from './importTable';
import { SqlSession } from './sqlSession';

/** Where the bytes of `sql-wasm.wasm` come from: beside the bundle at run time, from the package in tests. */
export type WasmLoader = () => Promise<Uint8Array> | Uint8Array;

/** The one instance of `sql.js` in a process, which serves every open file. */
export interface SqliteEngine {
  readonly sql: initSqlJs.SqlJsStatic;
  readonly syscalls: FileSyscalls;
  /** Whether the file calls were replaced. When not, only in-memory databases work. */
  readonly isHooked: boolean;
  /** The engine and what it runs on, for a person and to tell it from another one. */
  readonly name: () => string;
  /** What the self test of this process has said of the engine; undefined before it was made. */
  proof: { readonly distrust: string | undefined } | undefined;
}

/**
 * The engine of this process, loaded on the first call. `sql.js` keeps one instance for each evaluation of its module
 * and hands it to every later caller, so the loader of a later call is not asked for an instance of its own.
 */
export function loadEngine(wasm: WasmLoader): Promise<SqliteEngine> {
  return startEngine(wasm, initSqlJs, importTable);
}

/**
 * Starts `sql.js` with the file calls replaced as the table says, or answers the engine that this `initialise` has
 * already started.
 *
 * @throws when the bytes are no WebAssembly module or cannot be instantiated: a broken installation
 */
export function startEngine(
  wasm: WasmLoader,
  initialise: Initialise,
  table: typeof importTable,
): Promise<SqliteEngine> {
  const started = engines.get(initialise);
  if (started !== undefined) return started;
  const engine = createEngine(wasm, initialise, table);
  engines.set(initialise, engine);
  return engine;
}

export type Initialise = (config?: initSqlJs.SqlJsConfig) => Promise<initSqlJs.SqlJsStatic>;

async function createEngine(
  wasm: WasmLoader,
  initialise: Initialise,
  table: typeof importTable,
): Promise<SqliteEngine> {
  // A module that cannot be compiled must be found before sql.js is started, which can be done only once.
  const module = await WebAssembly.compile(await wasm()).catch((error: unknown) => {
    engines.delete(initialise);
    throw error;
  });
  const syscalls = new FileSyscalls();
  let isHooked = false;
  const sql = await new Promise<initSqlJs.SqlJsStatic>((resolve, reject) => {
    const instantiateWasm = (
      imports: WebAssembly.Imports,
      received: (instance: WebAssembly.Instance) => void,
    ): WebAssembly.Exports => {
      const replaced = syscalls.replaceImports(imports, table);
      isHooked = replaced !== undefined;
      WebAssembly.instantiate(module, replaced ?? imports).then(instance => {
        syscalls.memory.attach(instance);
        received(instance);
      }, reject);
      return {};
    };
    initialise({ instantiateWasm, ...nativeFunctionsOnly }).then(resolve, reject);
  });
  return { sql, syscalls, isHooked, name: () => nameOf(sql), proof: undefined };
}

function nameOf(sql: initSqlJs.SqlJsStatic): string {
  const session = new SqlSession(new sql.Database());
  try {
    const version = session.value('SELECT sqlite_version()');
    return `SQLite ${version} on Node ${process.versions.node}, ${process.platform}-${process.arch}`;
  } finally {
    session.close();
  }
}

/** Leaves out the functions that old versions of `sql.js` added to SQL; its types do not know the option. */
const nativeFunctionsOnly: object = { useOldExtensionFunctions: false };

/** Which hooks belong to which instance: the counterpart of the one instance that the `sql.js` module itself keeps. */
const engines = new WeakMap<Initialise, Promise<SqliteEngine>>();
