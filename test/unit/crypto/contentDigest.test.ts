import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { conflictIdOf } from '../../../src/crypto/contentDigest';
import { createDeviceId, createItemId } from '../../../src/model/ids/createId';
import { formatStamp, type Stamp } from '../../../src/model/ids/stamp';
import { seededRandom } from './cryptoFixtures';

describe('conflict id', () => {
  const random = seededRandom(1);
  const [itemId, otherItemId] = [createItemId(random), createItemId(random)];
  const stamp = (millis: number): Stamp =>
    formatStamp({ millis, counter: 0, deviceId: createDeviceId(random) });
  const [first, second, third] = [stamp(1), stamp(2), stamp(3)];

  it('is the same whichever of the two versions is local', () => {
    assert.equal(conflictIdOf(itemId, first, second), conflictIdOf(itemId, second, first));
  });

  it('differs for another item and for another pair', () => {
    const ids = [
      conflictIdOf(itemId, first, second),
      conflictIdOf(otherItemId, first, second),
      conflictIdOf(itemId, first, third),
      conflictIdOf(itemId, second, third),
    ];
    assert.equal(new Set(ids).size, ids.length);
  });

  it('is half of a SHA-256', () => {
    const text = `scratch-sync/1/conflict\n${itemId}\n${first}\n${second}`;
    assert.equal(
      conflictIdOf(itemId, first, second),
      createHash('sha256').update(text).digest('hex').slice(0, 32),
    );
  });
});
