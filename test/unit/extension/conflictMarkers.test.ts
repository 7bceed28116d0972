import assert from 'node:assert/strict';
import { acceptedLines, markedConflicts } from '../../../src/extension/documents/conflictMarkers';

const text = [
  'before',
  '<<<<<<< local (laptop)',
  'mine',
  '||||||| base',
  'old',
  '=======',
  'theirs',
  'and more',
  '>>>>>>> remote (desktop)',
  'after',
].join('\n');

describe('conflict markers in a merge', () => {
  it('are found with the lines of both sides', () => {
    assert.deepEqual(markedConflicts(text), [
      { startLine: 1, endLine: 8, local: ['mine'], remote: ['theirs', 'and more'] },
    ]);
  });

  it('are found without a base, and several times', () => {
    const twice = '<<<<<<< a\n=======\nx\n>>>>>>> b\nbetween\n<<<<<<< a\ny\n=======\n>>>>>>> b';
    assert.deepEqual(markedConflicts(twice), [
      { startLine: 0, endLine: 3, local: [], remote: ['x'] },
      { startLine: 5, endLine: 8, local: ['y'], remote: [] },
    ]);
  });

  it('are none when the last is missing, and with other line ends they are the same', () => {
    assert.deepEqual(markedConflicts('<<<<<<< a\nx\n======='), []);
    assert.deepEqual(markedConflicts(text.replaceAll('\n', '\r\n')), markedConflicts(text));
  });

  it('leave the lines of the side that is accepted, or of both', () => {
    const [conflict] = markedConflicts(text);
    assert.ok(conflict);
    assert.deepEqual(acceptedLines(conflict, 'local'), ['mine']);
    assert.deepEqual(acceptedLines(conflict, 'remote'), ['theirs', 'and more']);
    assert.deepEqual(acceptedLines(conflict, 'both'), ['mine', 'theirs', 'and more']);
  });
});
