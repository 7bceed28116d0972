import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { silentLogger } from '../../../../src/base/logger';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { minuteMs, systemClock, systemTimers } from '../../../../src/base/time';
import { createAccountLock, maxAccountWaitMs } from '../../../../src/store/synced/accountLock';

describe('the lock of the account', () => {
  let folder = '';
  let sinceStartMs = 0;
  let waited: () => void = () => undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'account-lock-'));
    sinceStartMs = 0;
    waited = () => undefined;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () =>
    createAccountLock(folder, {
      clock: { now: () => systemClock.now(), monotonic: () => sinceStartMs },
      timers: {
        ...systemTimers,
        sleep: async ms => {
          sinceStartMs += ms;
          waited();
          await systemTimers.sleep(0);
        },
      },
      random: systemRandom,
      logger: silentLogger,
    });

  it('is held by one work at a time, of one window or of several, however long it takes', async () => {
    const [first, second] = [open(), open()];
    const order: string[] = [];
    let go: () => void = () => undefined;
    const asked = new Promise<void>(resolve => {
      go = resolve;
    });
    const slow = first.hold(async () => {
      order.push('begin');
      await asked;
      order.push('end');
    });
    const others = [first, second].map(lock => lock.hold(async () => order.push('other')));
    waited = () => {
      if (sinceStartMs > maxAccountWaitMs / 2) go();
    };
    unwrap(await slow);
    for (const other of others) unwrap(await other);
    assert.deepEqual(order, ['begin', 'end', 'other', 'other']);
  });

  it('is not waited for without end', async () => {
    const lock = open();
    const answer = unwrap(await lock.hold(() => open().hold(async () => assert.fail('it is held'))));
    assert.equal(!answer.ok && answer.error.type, 'busy');
    assert.ok(sinceStartMs >= maxAccountWaitMs && sinceStartMs < maxAccountWaitMs + minuteMs);
  });

  it('is given back by work that throws, and leaves nothing behind', async () => {
    const lock = open();
    await assert.rejects(lock.hold(async () => Promise.reject(new Error('no keyring'))));
    assert.equal(unwrap(await lock.hold(async () => 'done')), 'done');
    assert.deepEqual(readdirSync(join(folder, 'locks')), []);
  });
});
