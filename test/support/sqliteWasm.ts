import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));

/** The wasm file of the installed `sql.js`, as the product finds its own beside the bundle. */
export function sqliteWasm(): Uint8Array {
  return readFileSync(require.resolve('sql.js/dist/sql-wasm.wasm'));
}
