import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hasConflictMarkers, mergeText } from '../../src/sync/merge/textMerge';
import { lostLines, propertyLimitMs, seedParameters, texts } from './mergeArbitraries';

const labels = { left: 'local', base: 'base', right: 'remote' };
const options = { numRuns: 2000, ...seedParameters };

/** The text that is left when of each overlap only one side's part is kept. */
function keepingSide(marked: string, side: 'left' | 'right'): string {
  let part: 'merged' | 'left' | 'base' | 'right' = 'merged';
  const kept: string[] = [];
  for (const line of marked.split('\n')) {
    if (line === '<<<<<<< local') part = 'left';
    else if (line === '||||||| base') part = 'base';
    else if (line === '=======' && part === 'base') part = 'right';
    else if (line === '>>>>>>> remote') part = 'merged';
    else if (part === 'merged' || part === side) kept.push(line);
  }
  return kept.join('\n');
}

describe('merging any texts', function () {
  this.timeout(propertyLimitMs);

  it('gives the same whichever side is called left', () => {
    fc.assert(
      fc.property(texts, ({ base, left, right }) => {
        const merge = mergeText(base, left, right);
        const mirrored = mergeText(base, right, left);
        if (merge.clean) assert.deepEqual(mirrored, merge);
        else assert.equal(mirrored.clean, false);
      }),
      options,
    );
  });

  it('loses no line that a side added, unless it says that they overlap', () => {
    fc.assert(
      fc.property(texts, all => {
        const merge = mergeText(all.base, all.left, all.right);
        fc.pre(merge.clean);
        assert.deepEqual(lostLines(all, merge.text), []);
      }),
      options,
    );
  });

  it('keeps every line of both sides between the markers where they overlap', () => {
    fc.assert(
      fc.property(texts, all => {
        const merge = mergeText(all.base, all.left, all.right);
        fc.pre(!merge.clean);
        const marked = merge.markers(labels);
        assert.ok(hasConflictMarkers(marked));
        const { base, left, right } = all;
        assert.deepEqual(lostLines({ base, left, right: base }, keepingSide(marked, 'left')), []);
        assert.deepEqual(lostLines({ base, left: base, right }, keepingSide(marked, 'right')), []);
      }),
      options,
    );
  });

  it('takes a side as it is when the other changed nothing', () => {
    fc.assert(
      fc.property(texts, ({ base, left }) => {
        assert.deepEqual(mergeText(base, left, base), { clean: true, text: left, ambiguous: false });
        assert.deepEqual(mergeText(left, left, base), { clean: true, text: base, ambiguous: false });
        assert.deepEqual(mergeText(base, left, left), { clean: true, text: left, ambiguous: false });
      }),
      options,
    );
  });

  it('changes nothing when a merge without doubt is merged with one of its parents again', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom('left' as const, 'right' as const), (all, parent) => {
        const merge = mergeText(all.base, all.left, all.right);
        fc.pre(merge.clean && !merge.ambiguous);
        const again = mergeText(all.base, merge.text, all[parent]);
        fc.pre(again.clean);
        assert.equal(again.text, merge.text);
      }),
      options,
    );
  });
});
