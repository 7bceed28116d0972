import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Hunk, maxComparedLines, possibleHunks } from '../../../../src/sync/merge/lineAlignment';

/** fast-check prints the seed of a failure; SEED replays it. */
const parameters = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

const lines = (text: string) => text.split('');
const hunksOf = (base: string, side: string) => possibleHunks(lines(base), lines(side));
const hunk = (baseStart: number, baseEnd: number, sideStart: number, sideEnd: number): Hunk => ({
  baseStart,
  baseEnd,
  sideStart,
  sideEnd,
});

/** Every longest common subsequence, as its pairs of indices: the definition, without a thought for time. */
function longestCommon(base: readonly string[], side: readonly string[]): readonly (readonly string[])[] {
  let best: string[][] = [[]];
  const extend = (from: number, after: number, pairs: string[]) => {
    if (pairs.length > (best[0]?.length ?? 0)) best = [];
    if (pairs.length === (best[0]?.length ?? pairs.length)) best.push(pairs);
    for (let index = from; index < base.length; index += 1)
      for (let other = after; other < side.length; other += 1)
        if (base[index] === side[other]) extend(index + 1, other + 1, [...pairs, `${index} ${other}`]);
  };
  extend(0, 0, []);
  return best;
}

/** The pairs of lines outside the hunks. */
function pairsBetween(hunks: readonly Hunk[], baseLength: number): readonly string[] {
  const pairs: string[] = [];
  let base = 0;
  let side = 0;
  for (const next of [...hunks, hunk(baseLength, baseLength, -1, -1)]) {
    for (; base < next.baseStart; base += 1, side += 1) pairs.push(`${base} ${side}`);
    base = next.baseEnd;
    side = next.sideEnd;
  }
  return pairs;
}

describe('where a text may differ from its base', () => {
  it('is nowhere in equal texts', () => {
    assert.deepEqual(hunksOf('', ''), []);
    assert.deepEqual(hunksOf('abc', 'abc'), []);
    assert.deepEqual(hunksOf('aaa', 'aaa'), []);
  });

  it('is all of texts that have nothing in common', () => {
    assert.deepEqual(hunksOf('ab', 'xyz'), [hunk(0, 2, 0, 3)]);
    assert.deepEqual(hunksOf('', 'a'), [hunk(0, 0, 0, 1)]);
  });

  it('is where lines that occur once were inserted, deleted or replaced', () => {
    assert.deepEqual(hunksOf('abcd', 'aXbd'), [hunk(1, 1, 1, 2), hunk(2, 3, 3, 3)]);
  });

  it('is all of a run of equal lines that one was added to', () => {
    assert.deepEqual(hunksOf('axxb', 'axxxb'), [hunk(1, 3, 1, 4)]);
  });

  it('reaches over the equal lines along which an insertion could slide', () => {
    assert.deepEqual(hunksOf('a.b', 'a.n.b'), [hunk(1, 2, 1, 4)]);
  });

  it('is what no longest common subsequence can do without', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 7 });
    fc.assert(
      fc.property(texts, texts, (base, side) => {
        const all = longestCommon(base, side);
        const [first = []] = all;
        const certain = first.filter(pair => all.every(pairs => pairs.includes(pair)));
        const hunks = possibleHunks(base, side);
        assert.ok(hunks);
        assert.deepEqual(pairsBetween(hunks, base.length), certain);
      }),
      { numRuns: 500, ...parameters },
    );
  });

  it('is unknown when lines repeat too often', () => {
    const many = Array.from({ length: 5000 }, (_, index) => (index % 2 === 0 ? 'a' : 'b'));
    assert.equal(
      possibleHunks(
        many,
        many.filter((_, index) => index % 3 !== 0),
      ),
      undefined,
    );
  });

  it('is unknown in texts of too many lines', function () {
    this.timeout(60_000); // a bound on a test that hangs, not a measurement
    const lines = Array.from({ length: maxComparedLines }, (_, index) => String(index));
    assert.deepEqual(possibleHunks(lines, lines), []);
    assert.equal(possibleHunks(lines, [...lines, 'one more']), undefined);
  });
});
