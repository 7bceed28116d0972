import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../../src/base/logger';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { systemClock, systemTimers } from '../../../../src/base/time';
import { createSyncLease, leaseTermMs, type SyncLease } from '../../../../src/store/synced/lease';

describe('the sync lease', () => {
  let folder = '';
  let sinceStartMs = 0;
  const leases: SyncLease[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lease-'));
    sinceStartMs = 0;
  });
  afterEach(async () => {
    for (const lease of leases.splice(0)) await lease.close();
    rmSync(folder, { recursive: true });
  });

  const open = async () => {
    const lease = unwrap(
      await createSyncLease(folder, {
        clock: { now: () => systemClock.now(), monotonic: () => sinceStartMs },
        timers: systemTimers,
        random: systemRandom,
        logger: silentLogger,
      }),
    );
    leases.push(lease);
    return lease;
  };
  const acquires = async (lease: SyncLease) => unwrap(await lease.tryAcquire());

  it('is held by one at a time, and goes from hand to hand', async () => {
    const [first, second] = [await open(), await open()];
    assert.equal(await acquires(first), true);
    assert.equal(await acquires(second), false);
    first.release();
    assert.equal(await acquires(second), true);
    assert.equal(await acquires(first), false);
  });

  it('stays with an owner that shows itself, and leaves one that is silent for the term', async () => {
    const [first, second] = [await open(), await open()];
    await acquires(first);
    for (let beat = 0; beat < 5; beat++) {
      assert.equal(await acquires(second), false);
      sinceStartMs += leaseTermMs - 1;
      first.heartbeat();
    }
    assert.equal(await acquires(second), false);
    sinceStartMs += leaseTermMs;
    assert.equal(await acquires(second), true);
    first.heartbeat();
    first.release();
    assert.equal(await acquires(first), false);
  });

  it('leaves nothing behind', async () => {
    const lease = await open();
    await acquires(lease);
    await lease.close();
    await lease.close();
    assert.deepEqual(readdirSync(join(folder, 'locks')), []);
  });
});
