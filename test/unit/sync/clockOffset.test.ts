import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { OffsetEstimator } from '../../../src/sync/clockOffset';
import { VirtualTime } from '../../support/virtualTime';

const hour = 3_600_000;
const start = 1_735_689_600_000;

describe('the estimate of the server time', () => {
  it('is corrected for half the round trip', () => {
    const time = new VirtualTime(start);
    const { offsetMs, serverStepped } = new OffsetEstimator(time).sample(start + 5000, 400);
    assert.equal(offsetMs, 5200);
    assert.equal(serverStepped, false);
  });

  it('follows this machine when its wall clock is set', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time);
    offsets.sample(start, 0);
    time.jump(-10 * hour);
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 1000, 0), { offsetMs: 10 * hour, serverStepped: false });
  });

  it('follows the wall clock over a sleep in which the monotonic clock stood still', () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time);
    offsets.sample(start, 0);
    time.jump(8 * hour);
    assert.deepEqual(offsets.sample(start + 8 * hour, 0), { offsetMs: 0, serverStepped: false });
  });

  it('shows a step of the server that nothing here explains, and does not follow it', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time);
    offsets.sample(start, 0);
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 1000 + hour, 0), { offsetMs: 0, serverStepped: true });
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 2000 + hour, 0), { offsetMs: 0, serverStepped: true });
    assert.deepEqual(offsets.sample(start + 2000, 0), { offsetMs: 0, serverStepped: false });
  });

  it('takes what a slow answer leaves open for no step', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time);
    offsets.sample(start, 0);
    await time.advance(60_000);
    assert.equal(offsets.sample(start, 60_000).serverStepped, false);
  });
});
