import assert from 'node:assert/strict';
import { mergeOrder } from '../../../../src/sync/merge/order';

function orderOf(base: string | undefined, earlier: string, later: string, kept: string) {
  const names = { base: base?.split(''), earlier: earlier.split(''), later: later.split('') };
  const { order, contested } = mergeOrder(names, new Set(kept));
  return `${order.join('')}${contested ? '!' : ''}`;
}

describe('the order of merged names', () => {
  it('is the later side’s', () => {
    assert.equal(orderOf('abc', 'abc', 'cba', 'abc'), 'cba');
    assert.equal(orderOf(undefined, 'ab', 'ba', 'ab'), 'ba');
  });

  it('is the earlier side’s when only that moved something', () => {
    assert.equal(orderOf('abc', 'cab', 'abc', 'abc'), 'cab');
  });

  it('is contested when both moved what they kept, differently', () => {
    assert.equal(orderOf('abc', 'cab', 'bac', 'abc'), 'bac!');
    assert.equal(orderOf('abc', 'cab', 'cab', 'abc'), 'cab');
  });

  it('is not contested by removals and additions', () => {
    assert.equal(orderOf('abcd', 'acd', 'abdx', 'adx'), 'adx');
  });

  it('puts a name of one side after the one that precedes it there, the earlier side’s first', () => {
    assert.equal(orderOf('ab', 'a12b', 'a34b', 'a12b34'), 'a1234b');
    assert.equal(orderOf('a', '1a2', '3a4', 'a1234'), '13a24');
    assert.equal(orderOf('', '12', '34', '1234'), '1234');
  });

  it('leaves out what is not kept', () => {
    assert.equal(orderOf('abc', 'ab1', 'bc2', 'b2'), 'b2');
  });
});
