import assert from 'node:assert/strict';
import {
  hasConflictMarkers,
  maxContestedLines,
  mergeText,
  type TextMerge,
} from '../../../../src/sync/merge/textMerge';

/** Generous: a bound on a test that hangs, not a measurement. */
const slowMs = 60_000;
const clean = (text: string): TextMerge => ({ clean: true, text, ambiguous: false });
const labels = { left: 'local (laptop)', base: 'base', right: 'remote (desktop)' };

function markersOf(base: string, left: string, right: string): string {
  const merge = mergeText(base, left, right);
  assert.ok(!merge.clean, 'the changes overlap');
  return merge.markers(labels);
}

describe('merging text by line', () => {
  it('takes the side that changed', () => {
    assert.deepEqual(mergeText('a\n', 'b\n', 'a\n'), clean('b\n'));
    assert.deepEqual(mergeText('a\n', 'a\n', 'b\n'), clean('b\n'));
    assert.deepEqual(mergeText('a\n', 'a\n', 'a\n'), clean('a\n'));
  });

  it('makes a change that both sides made once', () => {
    assert.deepEqual(mergeText('a\nb\n', 'a\nnew\nb\n', 'a\nnew\nb\n'), clean('a\nnew\nb\n'));
    assert.deepEqual(mergeText('a\nb\nc\nd\n', 'A\nb\nc\nd\n', 'A\nb\nc\nD\n'), clean('A\nb\nc\nD\n'));
    assert.deepEqual(mergeText('', 'a\n', 'a\n'), clean('a\n'));
  });

  it('joins insertions, deletions and changes that do not touch', () => {
    const base = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n';
    const left = 'zero\none\ntwo\nthree\nFOUR\nfive\nsix\nseven\n';
    const right = 'one\nthree\nfour\nfive\nsix\nseven\neight\n';
    assert.deepEqual(
      mergeText(base, left, right),
      clean('zero\none\nthree\nFOUR\nfive\nsix\nseven\neight\n'),
    );
  });

  it('sees an overlap where changes touch, as git does', () => {
    assert.equal(mergeText('a\nb\n', 'A\nb\n', 'a\nB\n').clean, false);
    assert.equal(mergeText('a\n', 'a\nleft\n', 'a\nright\n').clean, false);
    assert.equal(mergeText('a\nb\n', 'a\n', 'a\nB\n').clean, false);
  });

  it('takes a missing final newline for part of the last line', () => {
    assert.deepEqual(mergeText('a\nb\nc', 'A\nb\nc', 'a\nb\nc\n'), clean('A\nb\nc\n'));
    assert.deepEqual(mergeText('a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nc'), clean('A\nb\nc'));
    assert.deepEqual(mergeText('a\nb\nc', 'A\nb\nc', 'a\nb\nc\nd'), clean('A\nb\nc\nd'));
    assert.equal(mergeText('a', 'a\nleft', 'right\na').clean, false);
  });

  it('keeps empty lines, and nothing at all', () => {
    assert.deepEqual(mergeText('a\n\n\nb\n', '\n\nb\n', 'a\n\n\n'), clean('\n\n'));
    assert.deepEqual(mergeText('a\nb\nc\n', 'b\nc\n', 'a\nb\n'), clean('b\n'));
  });

  it('is not misled by lines named like members of every object', () => {
    const base = '__proto__\nconstructor\nx\ntoString\n';
    assert.deepEqual(
      mergeText(base, base.replace('__proto__', 'left'), base.replace('toString', 'right')),
      clean('left\nconstructor\nx\nright\n'),
    );
  });

  describe('with repeated lines', () => {
    it('says that another sound diff would see an overlap, and loses nothing', () => {
      assert.deepEqual(mergeText('b\n\nc\n', 'b\n\nnew\n\nc\n', 'B\n\nc\n'), {
        clean: true,
        text: 'B\n\nnew\n\nc\n',
        ambiguous: true,
      });
    });

    it('has no doubt where only one side changed around them', () => {
      const base = 'a\n\nb\n\nc\n\nd\n';
      assert.deepEqual(
        mergeText(base, 'a\n\nnew\n\nb\n\nc\n\nd\n', 'a\n\nb\n\nc\n\nD\n'),
        clean('a\n\nnew\n\nb\n\nc\n\nD\n'),
      );
    });
  });

  describe('with conflict markers', () => {
    it('shows both sides and the base of each overlap, and merges the rest', () => {
      assert.equal(
        markersOf('head\nx\na\nb\ny\ntail\n', 'HEAD\nx\nleft\nb\ny\ntail\n', 'head\nx\nright\nb\ny\nTAIL\n'),
        [
          'HEAD',
          'x',
          '<<<<<<< local (laptop)',
          'left',
          '||||||| base',
          'a',
          '=======',
          'right',
          '>>>>>>> remote (desktop)',
          'b',
          'y',
          'TAIL',
          '',
        ].join('\n'),
      );
    });

    it('puts each marker on a line of its own where a final newline is missing', () => {
      assert.equal(
        markersOf('a', 'left', 'right'),
        '<<<<<<< local (laptop)\nleft\n||||||| base\na\n=======\nright\n>>>>>>> remote (desktop)\n',
      );
    });

    it('shows a deletion as an empty part', () => {
      assert.equal(
        markersOf('a\n', '', 'b\n'),
        '<<<<<<< local (laptop)\n||||||| base\na\n=======\nb\n>>>>>>> remote (desktop)\n',
      );
    });

    it('keeps a label on its line', () => {
      const merge = mergeText('a\n', 'b\n', 'c\n');
      assert.ok(!merge.clean);
      assert.match(merge.markers({ ...labels, left: 'my\ndevice' }), /^<<<<<<< my device\nb\n/);
    });

    it('are found as long as a whole set is left', () => {
      const marked = markersOf('a\n', 'left\n', 'right\n');
      assert.equal(hasConflictMarkers(`before\n${marked}after`), true);
      for (const marker of ['<<<<<<<', '=======', '>>>>>>>'])
        assert.equal(hasConflictMarkers(marked.replace(marker, '')), false, marker);
    });

    it('are not seen in text that merely resembles them', () => {
      assert.equal(hasConflictMarkers(''), false);
      assert.equal(hasConflictMarkers('A heading\n=======\n\n>>>>>>> quoted\n<<<<<<< quoted\n'), false);
      assert.equal(hasConflictMarkers('x <<<<<<< a\n=======\n>>>>>>> b\n'), false);
      assert.equal(hasConflictMarkers('<<<<<<< a\n========\n>>>>>>> b\n'), false);
    });
  });

  describe('of a large size', function () {
    this.timeout(slowMs);

    const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}\n`);
    const changed = (lines: readonly string[], at: number, text: string) =>
      lines.map((line, index) => (index === at ? text : line)).join('');

    it('joins changes at both ends of 20,000 lines', () => {
      const lines = numbered(20_000);
      assert.deepEqual(
        mergeText(lines.join(''), changed(lines, 0, 'left\n'), changed(lines, 19_999, 'right\n')),
        clean(['left\n', ...lines.slice(1, -1), 'right\n'].join('')),
      );
    });

    it('joins changes at both ends of 20,000 lines of which every other is empty', () => {
      const lines = numbered(20_000).map((line, index) => (index % 2 === 0 ? line : '\n'));
      assert.deepEqual(
        mergeText(lines.join(''), changed(lines, 0, 'left\n'), changed(lines, 19_998, 'right\n')),
        clean(['left\n', ...lines.slice(1, -2), 'right\n', '\n'].join('')),
      );
    });

    it('sees one overlap in a mebibyte of equal lines', () => {
      const base = '\n'.repeat(1024 * 1024);
      const merge = mergeText(base, `left\n${base}`, `${base}right\n`);
      assert.equal(merge.clean, false);
    });

    it('sees one overlap where both sides rewrote more lines than are looked at closely', () => {
      // Which of the empty lines is the old one is not certain; a closer look would pair one, and see two overlaps.
      const rewritten = (name: string, emptyLines: number) =>
        numbered(maxContestedLines + 1)
          .map(line => name + line)
          .toSpliced(2500, 0, ...Array.from({ length: emptyLines }, () => '\n'))
          .join('');
      const marked = markersOf(rewritten('base ', 1), rewritten('left ', 2), rewritten('right ', 1));
      assert.equal(marked.split('<<<<<<<').length - 1, 1);
    });

    it('sees one overlap where too many lines repeat to be compared', () => {
      const base = Array.from({ length: 9000 }, (_, index) => `${(index * 7919) % 13}\n`);
      const left = base.filter((_, index) => index % 3 !== 0);
      const right = base.filter((_, index) => index % 5 !== 0);
      const marked = markersOf(base.join(''), left.join(''), right.join(''));
      assert.ok(marked.startsWith('<<<<<<< '));
      assert.ok(marked.includes(left.join('')) && marked.includes(right.join('')));
    });
  });
});
