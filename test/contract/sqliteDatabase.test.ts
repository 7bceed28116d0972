import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importTable } from '../../src/sqlite/engine/importTable';
import { openDatabase } from '../../src/sqlite/openDatabase';
import { freshEngine, optionsFor } from '../support/sqliteFiles';
import { nativeSqlite, openNativeDatabase } from '../support/sqliteNative';
import { describeDatabase } from './sqliteDatabase';

const folders: string[] = [];
const newPath = () => {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-contract-'));
  folders.push(folder);
  return join(folder, 'store.db');
};
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describeDatabase('sql.js on the file', () => {
  const path = newPath();
  return { open: migrations => openDatabase({ ...optionsFor(path), migrations }) };
});

describeDatabase('safe mode', () => {
  const path = newPath();
  const withoutHooks = freshEngine(importTable.slice(1));
  return {
    open: migrations => openDatabase({ ...optionsFor(path), migrations, startEngine: () => withoutHooks }),
  };
});

// The floor, Node 20, has no SQLite of its own; where there is one, it shows that the contract is SQLite's.
if (nativeSqlite !== undefined) {
  const { DatabaseSync } = nativeSqlite;
  describeDatabase('native SQLite', () => {
    const path = newPath();
    return { open: migrations => openNativeDatabase(DatabaseSync, path, migrations) };
  });
} else {
  console.log(
    `\n  NOT RUN: the contract of the driver against native SQLite, which Node ${process.versions.node} does not have. ` +
      'Run it with Node 22.13 or later.',
  );
}
