import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { emptyDigest, toggleInDigest } from '../../../src/protocol/digest';
import { itemIdSchema, stampSchema } from '../../../src/protocol/scalars';
import { signIn, signUp } from '../../support/testDevice';
import { createTestServer, testEpochMs } from '../../support/testServer';

describe('push and pull', () => {
  it('gives what one device pushed to another, in order, with the digest', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const first = laptop.change({ itemId: systemRandom.uuid(), millis: testEpochMs });
    const second = laptop.change({ itemId: systemRandom.uuid(), millis: testEpochMs });
    const pushed = await laptop.push([first, second]);
    assert.deepEqual(
      pushed.results.map(result => result.status),
      ['accepted', 'accepted'],
    );
    const pulled = await desktop.pull();
    assert.deepEqual(
      pulled.changes.map(change => [change.itemId, change.version, change.sequence, change.payload]),
      [
        [first['itemId'], 1, 1, first['payload']],
        [second['itemId'], 1, 2, second['payload']],
      ],
    );
    assert.equal(pulled.hasMore, false);
    const digest = [first, second].reduce(
      (sum, change) =>
        toggleInDigest(sum, itemIdSchema.parse(change['itemId']), 1, stampSchema.parse(change['timestamp'])),
      emptyDigest,
    );
    assert.equal(pulled.digest, digest);
    assert.equal(pushed.digest, digest);
    assert.equal(pushed.cursor, pulled.cursor);
    assert.deepEqual((await desktop.pull(pulled.cursor)).changes, []);
  });
});
