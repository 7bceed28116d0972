import assert from 'node:assert/strict';
import { silentLogger } from '../../../../src/base/logger';
import { ok, unwrap } from '../../../../src/base/result';
import { dayMs } from '../../../../src/base/time';
import { importTable } from '../../../../src/sqlite/engine/importTable';
import { clearOldSelfTests, proveEngine } from '../../../../src/sqlite/engine/selfTest';
import { faultyDisk } from '../../../support/sqliteFaults';
import { freshEngine, openAt, useFolder } from '../../../support/sqliteFiles';
import { collectingLogger } from '../../../support/sqliteLogger';
import { MemoryDisk } from '../../../support/sqliteMemoryDisk';

/** The table with two names exchanged, as an upgrade of `sql.js` might leave it unnoticed. */
function exchanged(left: string, right: string): typeof importTable {
  const parametersOf = new Map(importTable);
  return importTable.map(([name, parameters]) => {
    const taken = name === left ? right : name === right ? left : name;
    assert.equal(
      parametersOf.get(left),
      parametersOf.get(right),
      'the number of parameters would give it away',
    );
    return [taken, parameters];
  });
}

describe('the self test', () => {
  const folder = useFolder();

  it('trusts the engine as it is', async () => {
    const disk = new MemoryDisk();
    disk.files.makeFolder('/locks');
    assert.deepEqual(proveEngine(await freshEngine(), disk.files, '/locks', '1'), ok(undefined));
    assert.deepEqual(disk.files.list('/locks'), [], 'it leaves nothing behind');
  });

  it('clears away after a day what a killed process left of it', () => {
    let nowMs = 0;
    const disk = new MemoryDisk(() => nowMs);
    disk.put('/locks/self-test-1.db', new Uint8Array(1));
    nowMs = 2 * dayMs;
    disk.put('/locks/self-test-2.db', new Uint8Array(1));
    disk.put('/locks/store.db.check-due', new Uint8Array(1));
    clearOldSelfTests(disk.files, '/locks', nowMs, silentLogger);
    assert.deepEqual(disk.files.list('/locks'), ['self-test-2.db', 'store.db.check-due']);
  });

  for (const [left, right] of [
    ['fd_read', 'fd_write'],
    ['fd_seek', 'fd_write'],
    ['fd_sync', 'fd_close'],
    ['__syscall_fstat64', '__syscall_ftruncate64'],
    ['__syscall_openat', '__syscall_newfstatat'],
    ['__syscall_unlinkat', '__syscall_fcntl64'],
  ] as const) {
    it(`notices ${left} and ${right} exchanged`, async () => {
      const disk = new MemoryDisk();
      disk.files.makeFolder('/locks');
      const distrust = unwrap(
        proveEngine(await freshEngine(exchanged(left, right)), disk.files, '/locks', '1'),
      );
      assert.notEqual(distrust, undefined);
    });
  }

  it('leaves a store with wrong imports in safe mode, which says so and loses nothing', async () => {
    const { logger, lines } = collectingLogger();
    const startEngine = () => freshEngine(exchanged('fd_read', 'fd_write'));
    const database = await openAt(folder.path('store.db'), { startEngine, logger });
    assert.equal(unwrap(await database.stats()).mode, 'safe');
    assert.ok(lines.some(line => line.startsWith('error safe mode')));
    unwrap(await database.write(tx => ok(tx.run("INSERT INTO meta VALUES ('kept', 1)"))));
    await database.close();
    const again = await openAt(folder.path('store.db'));
    assert.deepEqual(await again.read(tx => tx.get('SELECT * FROM meta')), ok({ key: 'kept', value: 1 }));
    assert.equal(unwrap(await again.stats()).mode, 'safe', 'every window of the device uses safe mode then');
    await again.close();
  });

  it('does not take a full, read-only or broken disk for a fault of the engine', async () => {
    const engine = await freshEngine();
    for (const [code, type] of [
      ['ENOSPC', 'full'],
      ['EROFS', 'readOnly'],
      ['EIO', 'io'],
    ] as const) {
      const memory = new MemoryDisk();
      memory.files.makeFolder('/locks');
      const disk = faultyDisk(memory.files);
      disk.arm({ code, at: 5, count: Number.POSITIVE_INFINITY });
      const proof = proveEngine(engine, disk.files, '/locks', '1');
      assert.equal(proof.ok ? 'trusted' : proof.error.type, type);
    }
    assert.equal(engine.proof, undefined, 'the next opening tries again');
  });

  it('distrusts a disk that does not keep what is written', async () => {
    const memory = new MemoryDisk();
    memory.files.makeFolder('/locks');
    const forgetful = {
      ...memory.files,
      write: (_: number, __: Uint8Array, ___: number, length: number) => length,
    };
    const distrust = unwrap(proveEngine(await freshEngine(), forgetful, '/locks', '1'));
    assert.notEqual(distrust, undefined);
  });
});
