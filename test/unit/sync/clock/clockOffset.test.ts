import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { OffsetEstimator } from '../../../../src/sync/clock/clockOffset';
import { VirtualTime } from '../../../support/virtualTime';

const hour = 3_600_000;
const start = 1_735_689_600_000;

describe('the estimate of the server time', () => {
  it('is corrected for half the round trip', () => {
    const time = new VirtualTime(start);
    const { offsetMs, serverStepped } = new OffsetEstimator(time, 'boot').sample(start + 5000, 400);
    assert.equal(offsetMs, 5200);
    assert.equal(serverStepped, false);
  });

  it('follows this machine when its wall clock is set', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    time.jump(-10 * hour);
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 1000, 0), { offsetMs: 10 * hour, serverStepped: false });
  });

  it('follows the wall clock over a sleep in which the monotonic clock stood still', () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    time.jump(8 * hour);
    assert.deepEqual(offsets.sample(start + 8 * hour, 0), { offsetMs: 0, serverStepped: false });
  });

  it('follows a wall clock that was put right a little when the machine woke up', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    time.jump(8 * hour + 45_000);
    assert.deepEqual(offsets.sample(start + 8 * hour, 0), { offsetMs: -45_000, serverStepped: false });
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 8 * hour + 1000, 0), { offsetMs: -45_000, serverStepped: false });
    time.jump(120_000 - 45_000);
    assert.deepEqual(offsets.sample(start + 8 * hour + 121_000, 0), { offsetMs: 0, serverStepped: false });
  });

  it('goes on by the wall clock when the server steps while the machine sleeps', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    time.jump(8 * hour);
    assert.deepEqual(offsets.sample(start + 9 * hour, 0), { offsetMs: 0, serverStepped: true });
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 9 * hour + 1000, 0), { offsetMs: 0, serverStepped: true });
  });

  it('goes on by the monotonic clock when the server steps and the wall clock was set', () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    time.jump(-8 * hour);
    assert.deepEqual(offsets.sample(start + hour, 0), { offsetMs: 8 * hour, serverStepped: true });
  });

  it('shows a step of the server that nothing here explains, and does not follow it', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 1000 + hour, 0), { offsetMs: 0, serverStepped: true });
    await time.advance(1000);
    assert.deepEqual(offsets.sample(start + 2000 + hour, 0), { offsetMs: 0, serverStepped: true });
    assert.deepEqual(offsets.sample(start + 2000, 0), { offsetMs: 0, serverStepped: false });
  });

  it('takes what a slow answer leaves open for no step', async () => {
    const time = new VirtualTime(start);
    const offsets = new OffsetEstimator(time, 'boot');
    offsets.sample(start, 0);
    await time.advance(60_000);
    assert.equal(offsets.sample(start, 60_000).serverStepped, false);
  });
});

describe('the estimate of the server time by another process of the device', () => {
  async function kept() {
    const time = new VirtualTime(start);
    const before = new OffsetEstimator(time, 'boot');
    before.sample(start, 0);
    await time.advance(1000);
    return { time, anchor: before.anchor };
  }

  it('does not follow a step of the server since then', async () => {
    const { time, anchor } = await kept();
    const offsets = new OffsetEstimator(time, 'boot');
    assert.deepEqual(offsets.sample(start + 1000 + hour, 0, anchor), { offsetMs: 0, serverStepped: true });
    assert.deepEqual(offsets.anchor, anchor, 'the step is not kept for the next one either');
    assert.deepEqual(offsets.sample(start + 1000, 0, anchor), { offsetMs: 0, serverStepped: false });
  });

  it('follows this machine when its wall clock was set since then', async () => {
    const { time, anchor } = await kept();
    time.jump(-10 * hour);
    const sample = new OffsetEstimator(time, 'boot').sample(start + 1000, 0, anchor);
    assert.deepEqual(sample, { offsetMs: 10 * hour, serverStepped: false });
  });

  it('follows the server when the machine was started since then, as its wall clock may be wrong now', async () => {
    const { time, anchor } = await kept();
    time.jump(-10 * hour);
    const sample = new OffsetEstimator(time, 'another boot').sample(start + hour, 0, anchor);
    assert.deepEqual(sample, { offsetMs: 11 * hour - 1000, serverStepped: false });
  });

  it('follows a step of the server that has lasted for a day', async () => {
    const { time, anchor } = await kept();
    await time.advance(24 * hour - 1000);
    const offsets = new OffsetEstimator(time, 'boot');
    assert.equal(offsets.sample(start + 25 * hour, 0, anchor).serverStepped, true);
    await time.advance(1);
    const sample = offsets.sample(start + 25 * hour + 1, 0, anchor);
    assert.deepEqual(sample, { offsetMs: hour, serverStepped: false });
  });
});
