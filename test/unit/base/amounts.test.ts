import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { counted, sizeText } from '../../../src/base/amounts';

describe('amounts in words', () => {
  it('counts one thing without an s', () => {
    assert.deepEqual(
      [0, 1, 2].map(count => counted(count, 'item')),
      ['0 items', '1 item', '2 items'],
    );
  });

  it('tells a size in the unit that a person reads', () => {
    assert.deepEqual([1, 1023, 1024, 1024 ** 2 - 1024, 1.5 * 1024 ** 2].map(sizeText), [
      '1 byte',
      '1023 bytes',
      '1.0 KiB',
      '1023.0 KiB',
      '1.5 MiB',
    ]);
  });
});
