import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loggerOf } from '../../../src/base/logger';
import { Previews } from '../../../src/extension/commands/previews';

describe('the previews of a search', () => {
  it('go on after one that failed, in their order, and the log tells why', async () => {
    const shown: string[] = [];
    const logged: unknown[] = [];
    const previews = new Previews(loggerOf((...line) => logged.push(line)));
    const show = (title: string) => async () => {
      await new Promise(resolve => setImmediate(resolve));
      shown.push(title);
    };
    previews.add(show('first'));
    previews.add(async () => {
      throw new Error('the item is gone');
    });
    previews.add(show('last'));
    await previews.ended();
    assert.deepEqual(shown, ['first', 'last']);
    assert.match(JSON.stringify(logged), /a preview could not be shown.*the item is gone/);
  });
});
