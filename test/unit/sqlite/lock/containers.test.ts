import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { silentLogger } from '../../../../src/base/logger';
import { systemRandom } from '../../../../src/base/random';
import { ok, unwrap } from '../../../../src/base/result';
import { dayMs, secondMs, systemClock, systemTimers } from '../../../../src/base/time';
import { nodeFileCalls } from '../../../../src/sqlite/files/fileCalls';
import { createPresence } from '../../../../src/sqlite/lock/liveness';
import { ProcessLock, type ProcessLockOptions } from '../../../../src/sqlite/lock/processLock';
import { VirtualTime } from '../../../support/sqliteClock';
import { useFolder } from '../../../support/sqliteFiles';
import { Machine } from '../../../support/sqliteMachine';

/** The numbers that Linux gives to containers begin above that of the machine's own processes. */
const [containerA, containerB] = ['4026532178', '4026532179'];

describe('the lock between containers on one folder', () => {
  const folder = useFolder();
  const locks = () => folder.path('locks');
  const sockets = () => readdirSync(locks()).filter(name => name.endsWith('.sock'));
  let machine: Machine;
  const open: { dispose(): Promise<void> }[] = [];
  beforeEach(() => {
    machine = new Machine();
    nodeFileCalls.makeFolder(locks());
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.dispose();
  });

  const lockIn = async (namespace: string, overrides: Partial<ProcessLockOptions> = {}) => {
    const files = nodeFileCalls;
    const common = {
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      logger: silentLogger,
    };
    const facts = { ...machine.start(1, 'a'), namespace };
    const path = overrides.folder ?? locks();
    const presence = await createPresence({ facts, folder: path, ...common });
    const lock = unwrap(
      await ProcessLock.open({ folder: path, name: 'store', presence, files, ...common, ...overrides }),
    );
    const dispose = async () => {
      lock.dispose();
      await presence.close();
    };
    open.push({ dispose });
    return { lock, close: presence.close };
  };

  /** A holder that was killed: its socket stays in the folder, and nobody listens there. */
  const killedHolderIn = async (namespace: string) => {
    const holder = await lockIn(namespace);
    assert.deepEqual(await holder.lock.tryAcquire(), ok(true));
    const [socket = ''] = sockets();
    renameSync(`${locks()}/${socket}`, folder.path('kept'));
    await holder.close();
    renameSync(folder.path('kept'), `${locks()}/${socket}`);
    assert.deepEqual(sockets(), [socket]);
  };

  it('stays with a holder that lives', async () => {
    const first = await lockIn(containerA);
    const second = await lockIn(containerB);
    await first.lock.tryAcquire();
    assert.equal(await second.lock.ownerLiveness(), 'alive');
    const outcome = await second.lock.acquire(20);
    assert.equal(outcome.ok ? 'held' : outcome.error.type, 'busy');
  });

  it('is taken over from a holder that was killed', async () => {
    await killedHolderIn(containerA);
    const second = await lockIn(containerB);
    assert.deepEqual(await second.lock.acquire(20), ok());
  });

  it('is taken over by a new container after the machine was started anew, and tells so', async () => {
    await killedHolderIn(containerA);
    const idle = await lockIn(containerA);
    machine.boot = 'second-start';
    machine.name = 'another-container';
    await idle.close();
    let restarts = 0;
    const second = await lockIn(containerB, { onEarlierBoot: () => restarts++ });
    assert.equal(restarts, 1);
    assert.deepEqual(await second.lock.acquire(20), ok());
  });

  it('stays with a living holder whose container says that it was started at another time', async () => {
    const first = await lockIn(containerA);
    await first.lock.tryAcquire();
    machine.boot = 'of-a-container';
    const second = await lockIn(containerB);
    assert.equal(await second.lock.ownerLiveness(), 'alive');
  });

  it('cannot be judged where another machine may have the disk too', async () => {
    await killedHolderIn(containerA);
    machine.isDiskLocal = false;
    const second = await lockIn(containerB);
    assert.equal(await second.lock.ownerLiveness(), 'unknown');

    machine.isDiskLocal = true;
    const third = await lockIn(containerB);
    assert.deepEqual(await third.lock.acquire(20), ok());
    third.lock.release();
    machine.isDiskLocal = false;
    await (await lockIn(containerA)).lock.tryAcquire();
    machine.isDiskLocal = true;
    assert.equal(await (await lockIn(containerB)).lock.ownerLiveness(), 'unknown');
  });

  it('works, and cannot be judged, in a folder whose path is too long for a socket', async () => {
    const long = folder.path('x'.repeat(100));
    nodeFileCalls.makeFolder(long);
    const first = await lockIn(containerA, { folder: long });
    assert.deepEqual(await first.lock.tryAcquire(), ok(true));
    const second = await lockIn(containerB, { folder: long });
    assert.equal(await second.lock.ownerLiveness(), 'unknown');
    assert.deepEqual(sockets(), []);
  });

  it('leaves no socket for long of a process that was killed', async () => {
    await killedHolderIn(containerA);
    const second = await lockIn(containerB);
    await second.lock.acquire(secondMs);
    assert.equal(sockets().length, 2);
    const later = new VirtualTime(systemClock.now() + 2 * dayMs);
    await lockIn(containerB, { clock: later });
    assert.equal(sockets().length, 2); // those of the two that live
  });
});
