import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { ok, unwrap } from '../../../src/base/result';
import { createScryptHash } from '../../../src/server/authHash';

const cheap = { iterations: 16, blockSize: 8, parallelism: 1 };
const key = new Uint8Array(32).fill(7);

describe('the slow hash of authentication keys', () => {
  it('verifies the key that was hashed and no other, with a salt of its own each time', async () => {
    const hash = createScryptHash(systemRandom, cheap);
    const stored = unwrap(await hash.hash(key));
    assert.notEqual(unwrap(await hash.hash(key)), stored);
    assert.deepEqual(await hash.verify(key, stored), ok(true));
    assert.deepEqual(await hash.verify(new Uint8Array(32), stored), ok(false));
    assert.deepEqual(await hash.verify(new Uint8Array(0), stored), ok(false));
  });

  it('verifies what was stored with another cost', async () => {
    const stored = unwrap(await createScryptHash(systemRandom, cheap).hash(key));
    const dearer = createScryptHash(systemRandom, { ...cheap, iterations: 64 });
    assert.deepEqual(await dearer.verify(key, stored), ok(true));
  });

  it('has a decoy that looks like any other and that no key fits', async () => {
    const hash = createScryptHash(systemRandom, cheap);
    const stored = unwrap(await hash.hash(key));
    assert.equal(hash.decoy().length, stored.length);
    assert.deepEqual(await hash.verify(key, hash.decoy()), ok(false));
    for (const nonsense of ['', 'scrypt$16$8$1$AA', 'md5$1$1$1$AA$AA']) {
      assert.deepEqual(await hash.verify(key, nonsense), ok(false));
    }
  });

  it('turns callers away when too many wait, and serves on afterwards', async () => {
    const hash = createScryptHash(systemRandom, cheap);
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => hash.hash(key)));
    const served = outcomes.filter(outcome => outcome.ok).length;
    assert.equal(served, 66, 'two at work and 64 waiting');
    assert.ok((await hash.hash(key)).ok);
  });
});
