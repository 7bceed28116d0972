import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { ok, unwrap } from '../../../src/base/result';
import { dayMs, systemClock } from '../../../src/base/time';
import { FileConnection } from '../../../src/sqlite/connection/fileConnection';
import { importTable } from '../../../src/sqlite/engine/importTable';
import { loadEngine } from '../../../src/sqlite/engine/wasmModule';
import { nodeFileCalls } from '../../../src/sqlite/files/fileCalls';
import { hasHotJournal, rollBackHotJournal } from '../../../src/sqlite/files/rollbackJournal';
import type { OpenedDatabase } from '../../../src/sqlite/openDatabase';
import { VirtualTime } from '../../support/sqliteClock';
import { faultyDisk } from '../../support/sqliteFaults';
import { freshEngine, openAt, useFolder } from '../../support/sqliteFiles';
import { sqliteWasm } from '../../support/sqliteWasm';

describe('safe mode', () => {
  const folder = useFolder();
  const path = () => folder.path('store.db');
  let incapable: ReturnType<typeof freshEngine>;
  before(() => {
    incapable = freshEngine(importTable.slice(1));
  });
  const openIncapable = (options: Parameters<typeof openAt>[1] = {}) =>
    openAt(path(), { startEngine: () => incapable, ...options });

  const put = async (database: OpenedDatabase, key: string) =>
    unwrap(await database.write(tx => ok(tx.run('INSERT INTO meta VALUES (?, 1)', [key]))));
  const keys = async (database: OpenedDatabase) =>
    unwrap(await database.read(tx => tx.all('SELECT key FROM meta ORDER BY key').map(row => row['key'])));
  const modeOf = async (database: OpenedDatabase) => unwrap(await database.stats()).mode;

  it('is taken up by a window that works on the file, from its next transaction on', async () => {
    const capable = await openAt(path());
    await put(capable, 'a');
    assert.equal(await modeOf(capable), 'file');
    const other = await openIncapable();
    await put(other, 'b');
    await put(capable, 'c');
    assert.equal(await modeOf(capable), 'safe');
    assert.deepEqual(await keys(capable), ['a', 'b', 'c']);
    assert.deepEqual(await keys(other), ['a', 'b', 'c']);
    await Promise.all([capable.close(), other.close()]);
  });

  it('ends when a window that can work on the file finds it a day old', async () => {
    const time = new VirtualTime(systemClock.now());
    await (await openIncapable()).close();
    const early = await openAt(path(), { clock: time });
    assert.equal(await modeOf(early), 'safe');
    await early.close();
    time.advance(2 * dayMs);
    const late = await openAt(path(), { clock: time });
    assert.equal(await modeOf(late), 'file');
    time.setWallClock(systemClock.now());
    const again = await openIncapable();
    assert.equal(await modeOf(late), 'safe', 'a window that still cannot says so anew');
    await Promise.all([late.close(), again.close()]);
  });

  it('ends when the engine that could not be trusted is another one', async () => {
    await (await openIncapable()).close();
    const marker = `${folder.path('locks')}/store.db.safe-mode`;
    nodeFileCalls.rename(marker, `${marker}.old`);
    const engine = await loadEngine(sqliteWasm);
    assert.ok(readFileSync(`${marker}.old`, 'utf8').startsWith(engine.name()));
    const capable = await openAt(path());
    assert.equal(await modeOf(capable), 'file');
    await capable.close();
  });

  it('notices what a window writes into the file itself, although neither time nor size tell it', async () => {
    const safe = await openIncapable();
    await put(safe, 'a');
    const engine = await loadEngine(sqliteWasm);
    // As a window that has not yet seen the marker would: within the same tick of the clock.
    const before = nodeFileCalls.status(path());
    const connection = new FileConnection({
      engine,
      path: path(),
      files: nodeFileCalls,
      isLockHeld: () => true,
      cacheKib: 64,
    });
    connection.session.run("INSERT INTO meta VALUES ('b', 1)");
    connection.close();
    nodeFileCalls.touch(path(), before?.modifiedMs ?? 0);
    await put(safe, 'c');
    assert.deepEqual(await keys(safe), ['a', 'b', 'c']);
    await safe.close();
  });

  it('rolls back what a process left half done in the file before it loads it', async () => {
    await leaveHotJournal(folder.path('work'), path());
    assert.equal(hasHotJournal(nodeFileCalls, path()), true);
    const safe = await openIncapable();
    assert.deepEqual(await keys(safe), ['kept']);
    assert.deepEqual(await safe.integrityCheck(), ok([]));
    assert.equal(hasHotJournal(nodeFileCalls, path()), false);
    await safe.close();
  });

  it('answers a typed error and loses nothing when any call fails', async () => {
    const disk = faultyDisk({ ...nodeFileCalls, sync: () => undefined, syncFolder: () => undefined });
    const safe = await openIncapable({ files: disk.files, lockWaitMs: 0 });
    const written: string[] = [];
    for (let at = 0; ; at++) {
      disk.arm({ code: 'ENOSPC', at, count: 1 });
      const key = String(at).padStart(3, '0');
      const outcome = await safe.write(tx => ok(tx.run('INSERT INTO meta VALUES (?, 1)', [key])));
      const { failed } = disk;
      disk.arm(undefined);
      if (!outcome.ok) assert.equal(outcome.error.type, 'full', `call ${at}, ${failed}`);
      const found = await keys(safe);
      // The folder is synced last: the file is then in its place, but not known to be there after a loss of power.
      if (outcome.ok || (failed === 'syncFolder' && found.at(-1) === key)) written.push(key);
      assert.deepEqual(found, written, `call ${at}, ${failed}`);
      if (failed === undefined) break;
    }
    await safe.close();
  });
});

describe('the journal of a commit that was cut off', () => {
  const folder = useFolder();

  it('is rolled back to the same bytes as SQLite does it', async () => {
    const path = folder.path('store.db');
    await leaveHotJournal(folder.path('work'), path);
    const copy = folder.path('copy.db');
    copyFileSync(path, copy);
    copyFileSync(`${path}-journal`, `${copy}-journal`);
    rollBackHotJournal(nodeFileCalls, path);
    const engine = await loadEngine(sqliteWasm);
    const options = { engine, files: nodeFileCalls, isLockHeld: () => true, cacheKib: 64 };
    const bySqlite = new FileConnection({ ...options, path: copy });
    assert.equal(bySqlite.session.value('SELECT key FROM meta'), 'kept');
    bySqlite.close();
    assert.ok(readFileSync(path).equals(readFileSync(copy)));
    assert.equal(nodeFileCalls.status(`${path}-journal`)?.sizeBytes, 0);
  });
});

/** Leaves a file and its journal as a process does that dies after it has written a part of a commit. */
async function leaveHotJournal(workFolder: string, path: string): Promise<void> {
  mkdirSync(workFolder);
  const workPath = `${workFolder}/store.db`;
  const database = await openAt(workPath);
  unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('kept', 1)"))));
  await database.close();
  const engine = await loadEngine(sqliteWasm);
  const connection = new FileConnection({
    engine,
    path: workPath,
    files: nodeFileCalls,
    isLockHeld: () => true,
    cacheKib: 16,
  });
  connection.session.execute('BEGIN IMMEDIATE; DELETE FROM meta');
  for (let item = 0; item < 40; item++) {
    connection.session.run('INSERT INTO item(id, body) VALUES (?, ?)', [`half${item}`, 'x'.repeat(2000)]);
  }
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  copyFileSync(workPath, path);
  copyFileSync(`${workPath}-journal`, `${path}-journal`);
  connection.close();
}
