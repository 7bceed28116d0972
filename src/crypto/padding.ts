import { assert } from '../base/assert';

/** Shorter messages are padded to this length: most tombstones and short snippets then look alike. */
export const minPaddedBytes = 256;

/**
 * The length to which a message of `length` bytes is padded, so that its size says little about it: PADMÉ leaves
 * O(log log M) bits of the length for at most 12 % more bytes. Never below {@link minPaddedBytes}.
 *
 * Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
 * PoPETs 2019(4), section 4.
 */
export function paddedLength(length: number): number {
  assert(Number.isInteger(length) && length >= 0 && length < 2 ** 32, `not a length: ${length}`);
  if (length <= minPaddedBytes) return minPaddedBytes;
  const exponent = floorLog2(length);
  const mantissaBits = floorLog2(exponent) + 1;
  const step = 2 ** (exponent - mantissaBits);
  return Math.ceil(length / step) * step;
}

function floorLog2(value: number): number {
  return 31 - Math.clz32(value);
}
