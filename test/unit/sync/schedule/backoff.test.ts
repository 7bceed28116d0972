import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import type { Random } from '../../../../src/base/random';
import { Backoff } from '../../../../src/sync/schedule/backoff';

const chance = (fraction: number): Random => ({
  bytes: length => new Uint8Array(length),
  uuid: () => '',
  fraction: () => fraction,
});

describe('backoff', () => {
  it('waits anything between nothing and a ceiling that doubles from 1 s to 5 min', () => {
    const ceilings = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(seconds => seconds * 1000);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fraction => {
        const backoff = new Backoff(chance(fraction));
        for (const ceilingMs of ceilings) {
          const delayMs = backoff.next(undefined);
          assert.ok(delayMs >= 0 && delayMs <= ceilingMs);
          assert.equal(delayMs, Math.round(fraction * ceilingMs));
        }
      }),
    );
  });

  it('never waits for less than the server asks for', () => {
    const backoff = new Backoff(chance(0.5));
    assert.equal(backoff.next(60_000), 60_000);
    assert.equal(backoff.next(1), 1000);
  });

  it('begins again after a success, and counts for ever without overflowing', () => {
    const backoff = new Backoff(chance(0.5));
    for (let failure = 0; failure < 5000; failure++) assert.ok(backoff.next(undefined) <= 150_000);
    backoff.reset();
    assert.equal(backoff.failures, 0);
    assert.equal(backoff.next(undefined), 500);
  });
});
