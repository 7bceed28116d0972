import assert from 'node:assert/strict';
import { minPaddedBytes, paddedLength } from '../../../src/crypto/padding';

describe('padding', () => {
  it('gives every short message one length', () => {
    for (const length of [0, 1, 9, 100, minPaddedBytes]) assert.equal(paddedLength(length), minPaddedBytes);
  });

  it('gives the lengths of PADMÉ', () => {
    // exponent, bits of the mantissa kept, step: 300 → 8, 4, 16; 1000 → 9, 4, 32; 1 MiB + 1 → 20, 5, 32 KiB
    const cases: readonly (readonly [number, number])[] = [
      [257, 272],
      [300, 304],
      [1000, 1024],
      [1024, 1024],
      [1025, 1088],
      [1_048_576, 1_048_576],
      [1_048_577, 1_081_344],
      [100_000, 100_352],
    ];
    for (const [length, padded] of cases) assert.equal(paddedLength(length), padded, `of ${length}`);
  });

  it('never shortens, never falls as the message grows, and adds at most 12 %', () => {
    let previous = 0;
    for (let length = 0; length < 200_000; length += 7) {
      const padded = paddedLength(length);
      assert.ok(padded >= length && padded >= previous, `of ${length}`);
      assert.ok(padded <= Math.max(minPaddedBytes, length * 1.12), `of ${length}`);
      previous = padded;
    }
  });

  it('leaves few different lengths', () => {
    const lengths = new Set(Array.from({ length: 1_000_000 }, (_, length) => paddedLength(length)));
    assert.ok(lengths.size < 400, `${lengths.size} different lengths up to 1 MB`);
  });
});
