import assert from 'node:assert/strict';
import { plainLabel } from '../../../src/extension/commands/plainLabel';

describe('a text where the editor draws icons', () => {
  it('keeps what a person wrote like an icon', () => {
    assert.equal(plainLabel('cd $(pwd) && $(sync~spin)'), 'cd \\$(pwd) && \\$(sync~spin)');
  });

  it('is left as it is where the editor sees no icon', () => {
    for (const text of ['', 'cd "$(dirname "$0")"', '$() $( a )', 'no $ icon'])
      assert.equal(plainLabel(text), text);
  });
});
