import { systemRandom } from '../../src/base/random';

/** A source of chance that repeats itself for a seed, and the seed, which `SEED` sets. Prints the seed. */
export function seededFractions(what: string): () => number {
  const seed = Number(process.env['SEED'] ?? Math.floor(systemRandom.fraction() * 2 ** 32));
  console.log(`        ${what}: SEED=${seed}`);
  return fractionsFrom(seed);
}

/** Numbers in [0, 1) by mulberry32 (Tommy Ettinger), which is the same on every machine. */
export function fractionsFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
