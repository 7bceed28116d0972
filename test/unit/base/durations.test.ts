import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { durationQuantileMs, noDurations, sumOfDurations, withDuration } from '../../../src/base/durations';

const all = (durations: readonly number[]) => durations.reduce(withDuration, noDurations);

describe('counted durations', () => {
  it('have no quantile when there are none', () => {
    assert.equal(durationQuantileMs(noDurations, 0.5), undefined);
  });

  it('tell a quantile within the bucket that it is in', () => {
    const ninety = all([...new Array(90).fill(8), ...new Array(10).fill(400)]);
    assert.equal(durationQuantileMs(ninety, 0.45), 7.5, 'half of the bucket from 5 to 10');
    assert.equal(durationQuantileMs(ninety, 0.9), 10);
    assert.equal(durationQuantileMs(ninety, 0.95), 375, 'half of the bucket from 250 to 500');
  });

  it('count a bound in the bucket that it closes', () => {
    assert.equal(durationQuantileMs(all([5]), 1), 5);
    assert.equal(durationQuantileMs(all([5.1]), 1), 10);
  });

  it('tell the highest bound of what is longer than all', () => {
    assert.equal(durationQuantileMs(all([60_000, 600_000]), 0.5), 10_000);
  });

  it('add up, in the memory of one', () => {
    const [left, right] = [all([1, 20]), all([20, 60_000])];
    assert.deepEqual(sumOfDurations(left, right), all([1, 20, 20, 60_000]));
    assert.equal(sumOfDurations(left, right).length, noDurations.length);
  });
});
