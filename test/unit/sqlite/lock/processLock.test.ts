import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { silentLogger } from '../../../../src/base/logger';
import { systemRandom } from '../../../../src/base/random';
import { err, ok, unwrap } from '../../../../src/base/result';
import { dayMs, minuteMs, secondMs, systemClock, systemTimers } from '../../../../src/base/time';
import { type FileCalls, nodeFileCalls } from '../../../../src/sqlite/files/fileCalls';
import { type HostFacts, initialNamespace } from '../../../../src/sqlite/lock/hostFacts';
import { createPresence, type LivenessStrategy, type Presence } from '../../../../src/sqlite/lock/liveness';
import { ProcessLock, type ProcessLockOptions } from '../../../../src/sqlite/lock/processLock';
import { VirtualTime } from '../../../support/sqliteClock';
import { faultyDisk } from '../../../support/sqliteFaults';
import { useFolder } from '../../../support/sqliteFiles';
import { Machine } from '../../../support/sqliteMachine';
import { MemoryDisk } from '../../../support/sqliteMemoryDisk';

describe('the lock between processes', () => {
  let disk: MemoryDisk;
  let time: VirtualTime;
  let machine: Machine;
  beforeEach(() => {
    time = new VirtualTime();
    disk = new MemoryDisk(() => time.now());
    disk.files.makeFolder('/locks');
    machine = new Machine();
  });

  const presenceOf = (facts: HostFacts) =>
    createPresence({ facts, random: systemRandom, clock: time, timers: time, logger: silentLogger });

  const lockOf = async (facts: HostFacts, overrides: Partial<ProcessLockOptions> = {}) =>
    unwrap(
      await ProcessLock.open({
        folder: '/locks',
        name: 'store',
        presence: await presenceOf(facts),
        files: disk.files,
        clock: time,
        timers: time,
        random: systemRandom,
        logger: silentLogger,
        ...overrides,
      }),
    );

  it('has one holder at a time, and the next when that one releases it', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'));
    assert.deepEqual(await first.tryAcquire(), ok(true));
    assert.deepEqual(await second.tryAcquire(), ok(false));
    assert.equal(second.isHeld, false);
    first.release();
    assert.deepEqual(await second.tryAcquire(), ok(true));
    assert.deepEqual(await first.tryAcquire(), ok(false));
  });

  it('waits for a live holder no longer than it may, and names it', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'));
    await first.tryAcquire();
    const outcome = await second.acquire(5000);
    assert.ok(!outcome.ok && outcome.error.type === 'busy');
    assert.equal(outcome.error.owner, 'process 1');
    assert.ok(
      outcome.error.waitedMs >= 5000 && outcome.error.waitedMs < 5100,
      String(outcome.error.waitedMs),
    );
  });

  it('never takes over from a live holder, however long it holds', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'));
    await first.tryAcquire();
    time.advance(30 * dayMs);
    assert.deepEqual(await second.tryAcquire(), ok(false));
    assert.equal(first.heartbeat(), true);
  });

  it('takes over from a dead holder, and tells so', async () => {
    const taken: string[] = [];
    const first = await lockOf(machine.start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'), { onTakenOver: owner => taken.push(owner) });
    await first.tryAcquire();
    machine.end(1);
    assert.deepEqual(await second.tryAcquire(), ok(true));
    assert.equal(taken.length, 1);
    assert.equal(second.isHeld, true);
  });

  it('takes over from a dead holder whose number another process has now', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'));
    await first.tryAcquire();
    machine.end(1);
    machine.start(1, 'later');
    assert.deepEqual(await second.tryAcquire(), ok(true));
  });

  it('takes over from a dead holder although the machine has another name now', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    await first.tryAcquire();
    machine.name = 'renamed-by-the-network';
    const second = await lockOf(machine.start(2, 'b'));
    assert.deepEqual(await second.tryAcquire(), ok(false));
    machine.end(1);
    assert.deepEqual(await second.tryAcquire(), ok(true));
  });

  it('takes over from a holder of an earlier start of the machine, whatever runs under its number now', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    await first.tryAcquire();
    machine.boot = 'second-start';
    const second = await lockOf(machine.start(2, 'b'));
    assert.deepEqual(await second.tryAcquire(), ok(true));
  });

  it('tells at the opening of a process that an earlier start of the machine has left', async () => {
    await lockOf(machine.start(1, 'a'));
    machine.boot = 'second-start';
    let restarts = 0;
    await lockOf(machine.start(2, 'b'), { onEarlierBoot: () => restarts++ });
    assert.equal(restarts, 1);
  });

  for (const [where, foreign] of [
    ['on another machine', () => new Machine('machine2').start(1, 'a')],
    ['in another container', () => ({ ...machine.start(1, 'a'), namespace: '4026539999' })],
  ] as const) {
    it(`refuses, in words, the lock of a holder ${where}, until a repair breaks it`, async () => {
      const first = await lockOf(foreign());
      const second = await lockOf(machine.start(2, 'b'));
      await first.tryAcquire();
      const outcome = await second.acquire(1000);
      assert.deepEqual(
        outcome,
        err({ type: 'ownerUnknown', owner: `process 1 ${where}`, lockPath: '/locks/store.lock' }),
      );
      assert.equal(await second.ownerLiveness(), 'unknown');
      assert.equal(await second.breakUnknownLock(), true);
      assert.deepEqual(await second.tryAcquire(), ok(true));
    });
  }

  it('waits for a holder of whom nothing is known, as long as the lock changes hands', async () => {
    const foreign = await lockOf(new Machine('machine2').start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'));
    await foreign.tryAcquire();
    time.after(500, () => foreign.release());
    assert.deepEqual(await second.acquire(1000), ok());
  });

  it('breaks no lock of which it can be told that the holder lives or is dead', async () => {
    const first = await lockOf(machine.start(1, 'a'));
    const second = await lockOf(machine.start(2, 'b'));
    assert.equal(await second.breakUnknownLock(), false);
    await first.tryAcquire();
    assert.equal(await second.breakUnknownLock(), false);
    assert.equal(first.heartbeat(), true);
  });

  it('lets only one of two take over from the same dead holder, and the late one not from the next', async () => {
    const dead = await lockOf(machine.start(1, 'a'));
    const early = await lockOf(machine.start(2, 'b'));
    // The late one has judged the dead holder, and is held up before it can act on it.
    let pause: Promise<void> | undefined;
    let goOn = (): void => undefined;
    const presence = await presenceOf(machine.start(3, 'c'));
    const judge: Presence['judge'] = async (token, note) => {
      const liveness = await presence.judge(token, note);
      await pause;
      return liveness;
    };
    const late = await lockOf(machine.start(3, 'c'), { presence: { ...presence, judge } });
    await dead.tryAcquire();
    machine.end(1);
    pause = new Promise(resolve => {
      goOn = resolve;
    });
    const lateAttempt = late.tryAcquire();
    assert.deepEqual(await early.tryAcquire(), ok(true));
    goOn();
    assert.deepEqual(await lateAttempt, ok(false));
    assert.equal(early.heartbeat(), true);
  });

  it('clears away what dead processes left, at once or after a day', async () => {
    const dead = await lockOf(machine.start(1, 'a'));
    await lockOf(machine.start(2, 'b'));
    await dead.tryAcquire();
    machine.end(1);
    machine.end(2);
    const third = await lockOf(machine.start(3, 'c'));
    await third.tryAcquire();
    third.release();
    assert.equal(disk.files.list('/locks').filter(name => name.includes('.process-')).length, 1);
    assert.equal(disk.files.list('/locks').filter(name => name.includes('.dead-')).length, 1);
    time.advance(2 * dayMs);
    third.dispose();
    await lockOf(machine.start(4, 'd'));
    assert.equal(disk.files.list('/locks').filter(name => name.includes('.dead-')).length, 0);
  });

  it('comes back after the folder of the locks was removed', async () => {
    const lock = await lockOf(machine.start(1, 'a'));
    disk.files.removeFolder('/locks');
    assert.deepEqual(await lock.tryAcquire(), ok(true));
    disk.files.removeFolder('/locks');
    lock.release();
    assert.equal(lock.isHeld, false);
    assert.deepEqual(await lock.tryAcquire(), ok(true));
  });

  it('stays held when it cannot be released, and is released the next time', async () => {
    const faulty = faultyDisk(disk.files);
    const first = await lockOf(machine.start(1, 'a'), { files: faulty.files });
    const second = await lockOf(machine.start(2, 'b'));
    await first.tryAcquire();
    faulty.arm({ code: 'EIO', at: 1, count: 1 });
    first.release();
    assert.equal(first.isHeld, true);
    assert.deepEqual(await second.tryAcquire(), ok(false));
    assert.deepEqual(await first.acquire(0), ok());
    time.advance(secondMs);
    assert.equal(first.isHeld, true, 'it is in use again');
    first.release();
    assert.deepEqual(await second.tryAcquire(), ok(true));
  });

  it('is released by itself when it could not be at first', async () => {
    const faulty = faultyDisk(disk.files);
    const first = await lockOf(machine.start(1, 'a'), { files: faulty.files });
    const second = await lockOf(machine.start(2, 'b'));
    await first.tryAcquire();
    faulty.arm({ code: 'EIO', at: 1, count: 1 });
    first.release();
    assert.deepEqual(await second.acquire(secondMs), ok());
  });

  it('may be open twice in one process, which counts as two', async () => {
    const facts = machine.start(1, 'a');
    const presence = await presenceOf(facts);
    const [first, second] = [await lockOf(facts, { presence }), await lockOf(facts, { presence })];
    assert.deepEqual(await first.tryAcquire(), ok(true));
    assert.deepEqual(await second.tryAcquire(), ok(false));
    first.release();
    assert.deepEqual(await second.tryAcquire(), ok(true));
  });

  it('answers a read-only or full folder as such', async () => {
    for (const [code, type] of [
      ['EROFS', 'readOnly'],
      ['EACCES', 'readOnly'],
      ['ENOSPC', 'full'],
      ['EIO', 'io'],
    ] as const) {
      const faulty = faultyDisk(disk.files);
      const lock = await lockOf(machine.start(1, 'a'), { files: faulty.files });
      faulty.arm({ code, at: 0, count: 1 });
      const outcome = await lock.tryAcquire();
      assert.equal(outcome.ok ? 'held' : outcome.error.type, type);
      lock.dispose();
    }
  });

  describe('as a lease', () => {
    const termMs = minuteMs;
    const leaseOf = (facts: HostFacts) => lockOf(facts, { heartbeatTermMs: termMs });

    it('stays with a holder that shows its heartbeat', async () => {
      const first = await leaseOf(machine.start(1, 'a'));
      const second = await leaseOf(machine.start(2, 'b'));
      await first.tryAcquire();
      for (let beat = 0; beat < 10; beat++) {
        time.advance(termMs / 2);
        assert.equal(first.heartbeat(), true);
        assert.deepEqual(await second.tryAcquire(), ok(false));
      }
    });

    it('is taken over from a live holder whose heartbeat has not changed for its term', async () => {
      const first = await leaseOf(machine.start(1, 'a'));
      const second = await leaseOf(machine.start(2, 'b'));
      await first.tryAcquire();
      assert.deepEqual(await second.tryAcquire(), ok(false));
      time.advance(termMs - 1);
      assert.deepEqual(await second.tryAcquire(), ok(false));
      time.advance(1);
      assert.deepEqual(await second.tryAcquire(), ok(true));
      assert.equal(first.heartbeat(), false, 'the one that fell silent hears that it has lost the lease');
      assert.equal(first.isHeld, false);
      first.release();
      assert.equal(second.heartbeat(), true);
    });

    it('may be lost again by a holder that fell silent before', async () => {
      const first = await leaseOf(machine.start(1, 'a'));
      const second = await leaseOf(machine.start(2, 'b'));
      for (let silence = 0; silence < 3; silence++) {
        assert.deepEqual(await first.tryAcquire(), ok(true));
        first.heartbeat();
        await second.tryAcquire();
        time.advance(termMs);
        assert.deepEqual(await second.tryAcquire(), ok(true));
        assert.equal(first.heartbeat(), false);
        second.release();
      }
    });

    it('is not lost to a wall clock that jumps', async () => {
      const first = await leaseOf(machine.start(1, 'a'));
      const second = await leaseOf(machine.start(2, 'b'));
      await first.tryAcquire();
      await second.tryAcquire();
      time.setWallClock(time.now() + 365 * dayMs);
      assert.deepEqual(await second.tryAcquire(), ok(false));
      time.setWallClock(0);
      assert.equal(first.heartbeat(), true);
      assert.deepEqual(await second.tryAcquire(), ok(false));
    });
  });
});

describe('liveness by a socket', () => {
  const folder = useFolder();
  const open: { dispose(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.dispose();
  });

  /** Two processes with one number, as after a number was given again. */
  const facts: HostFacts = {
    processId: process.pid,
    threadId: process.pid,
    machine: 'machine1',
    boot: undefined,
    namespace: initialNamespace,
    isRunning: () => true,
    startTimeOf: () => undefined,
    isOnLocalDisk: () => true,
  };
  const socket: LivenessStrategy = 'socket';

  const lockOf = async (overrides: { files?: FileCalls; note?: string } = {}) => {
    const common = { clock: systemClock, timers: systemTimers, random: systemRandom, logger: silentLogger };
    const own = await createPresence({ facts, strategy: socket, ...common });
    const presence = { ...own, note: overrides.note ?? own.note };
    const locks = { folder: folder.path('locks'), name: 'store', files: overrides.files ?? nodeFileCalls };
    const lock = unwrap(await ProcessLock.open({ ...locks, presence, ...common }));
    open.push({
      dispose: async () => {
        lock.dispose();
        await presence.close();
      },
    });
    return { lock, presence };
  };

  it('keeps the lock of a holder that listens', async () => {
    const first = await lockOf();
    const second = await lockOf();
    await first.lock.tryAcquire();
    assert.deepEqual(await second.lock.tryAcquire(), ok(false));
    assert.equal(await second.lock.ownerLiveness(), 'alive');
  });

  it('takes over from a holder that listens no more, although its number runs', async () => {
    const first = await lockOf();
    const second = await lockOf();
    await first.lock.tryAcquire();
    await first.presence.close();
    assert.equal(await second.lock.ownerLiveness(), 'dead');
    assert.deepEqual(await second.lock.tryAcquire(), ok(true));
  });

  it('notices the end of a holder that it has known alive', async () => {
    const first = await lockOf();
    const second = await lockOf();
    await first.lock.tryAcquire();
    assert.deepEqual(await second.lock.tryAcquire(), ok(false));
    await first.presence.close();
    assert.deepEqual(await second.lock.acquire(5 * secondMs), ok());
  });

  it('calls a holder once, however long it waits: a busy one takes no calls, and its queue is short', async () => {
    const calls: Socket[] = [];
    const address = `${folder.path('holder')}.sock`;
    const holder = createServer(call => calls.push(call)).listen({ path: address, backlog: 1 });
    await once(holder, 'listening');
    const first = await lockOf({ note: address });
    const second = await lockOf();
    await first.lock.tryAcquire();
    const outcome = await second.lock.acquire(300);
    assert.equal(outcome.ok ? 'held' : outcome.error.type, 'busy');
    assert.equal(calls.length, 1);
    // A call that ends says nothing by itself: a process that has no descriptor left ends calls too.
    for (const call of calls) call.destroy();
    assert.deepEqual(await second.lock.tryAcquire(), ok(false));
    assert.equal(await second.lock.ownerLiveness(), 'alive');
    for (const call of calls) call.destroy();
    holder.close();
    await once(holder, 'close');
    assert.deepEqual(await second.lock.acquire(5 * secondMs), ok());
  });

  it('waits for a holder that leaves just when it is looked at', async () => {
    let leave = (): void => undefined;
    const first = await lockOf();
    const second = await lockOf({
      files: {
        ...nodeFileCalls,
        open(path, flags) {
          if (path.startsWith(folder.path('locks/store.lock'))) leave();
          return nodeFileCalls.open(path, flags);
        },
      },
    });
    let left = 0;
    leave = () => {
      if (left++ === 0) first.lock.release();
    };
    await first.lock.tryAcquire();
    assert.deepEqual(await second.lock.acquire(5 * secondMs), ok());
    assert.equal(left, 1);
  });

  it('cannot tell of a holder whose address was lost, and refuses in words', async () => {
    const first = await lockOf({ note: '' });
    const second = await lockOf();
    await first.lock.tryAcquire();
    assert.equal(await second.lock.ownerLiveness(), 'unknown');
    const outcome = await second.lock.acquire(20);
    assert.equal(outcome.ok ? 'held' : outcome.error.type, 'ownerUnknown');
  });
});
