import assert from 'node:assert/strict';
import { unwrap } from '../../../src/base/result';
import { addKey, createKeyRing, currentKey, removeKey } from '../../../src/crypto/keyRing';
import {
  createLocalKey,
  openLocal,
  sealLocal,
  unwrapLocalKey,
  wrapLocalKey,
} from '../../../src/crypto/localSeal';
import { createAccountId, createDeviceId } from '../../../src/model/ids/createId';
import { flipBit, seededRandom } from './cryptoFixtures';

const tampered = { ok: false, error: { type: 'tampered' } };

describe('local seal', () => {
  const random = seededRandom(1);
  const localKey = createLocalKey(random);

  it('opens to the same text, in any script and at any length', () => {
    for (const text of ['', 'word', 'naïve 漢字 עברית 🙂', 'long '.repeat(100_000)]) {
      assert.deepEqual(openLocal(sealLocal(text, localKey, 'items/1', random), localKey, 'items/1'), {
        ok: true,
        value: text,
      });
    }
  });

  it('shows no word of the text', () => {
    const sealed = Buffer.from(sealLocal('a secret word', localKey, 'items/1', random));
    assert.equal(sealed.includes('secret'), false);
  });

  it('does not open in another place, with another key, or with a bit turned', () => {
    const sealed = sealLocal('text', localKey, 'items/1', random);
    assert.deepEqual(openLocal(sealed, localKey, 'items/2'), tampered);
    assert.deepEqual(openLocal(sealed, createLocalKey(random), 'items/1'), tampered);
    for (let bit = 8; bit < sealed.length * 8; bit += 5) {
      assert.deepEqual(openLocal(flipBit(sealed, bit), localKey, 'items/1'), tampered);
    }
    const cut = openLocal(sealed.subarray(0, 20), localKey, 'items/1');
    assert.equal(!cut.ok && cut.error.type, 'malformed');
  });

  describe('a wrapped local key', () => {
    const first = createKeyRing(random, 1);
    const owner = { accountId: createAccountId(random), deviceId: createDeviceId(random) };
    const wrapped = wrapLocalKey(localKey, currentKey(first), owner, random);

    it('comes back by the ring, also after a rotation', () => {
      const rotated = unwrap(addKey(first, random, 2));
      assert.deepEqual(unwrapLocalKey(wrapped, first, owner), { ok: true, value: localKey });
      assert.deepEqual(unwrapLocalKey(wrapped, rotated, owner), { ok: true, value: localKey });
    });

    it('names the key that is missing when its data key left the ring', () => {
      const without = removeKey(unwrap(addKey(first, random, 2)), first.current);
      assert.deepEqual(unwrapLocalKey(wrapped, without, owner), {
        ok: false,
        error: { type: 'keyMissing', keyId: first.current },
      });
    });

    it('is not taken for that of another device or account', () => {
      const others = [
        { ...owner, deviceId: createDeviceId(random) },
        { ...owner, accountId: createAccountId(random) },
      ];
      for (const other of others) assert.deepEqual(unwrapLocalKey(wrapped, first, other), tampered);
    });

    it('is refused when it is cut or altered', () => {
      for (let length = 0; length < wrapped.length; length++) {
        assert.equal(unwrapLocalKey(wrapped.subarray(0, length), first, owner).ok, false);
      }
      for (let bit = 0; bit < wrapped.length * 8; bit++) {
        assert.equal(unwrapLocalKey(flipBit(wrapped, bit), first, owner).ok, false);
      }
    });
  });

  it('keeps values, local keys and payloads apart', () => {
    const ring = createKeyRing(random, 1);
    const owner = { accountId: createAccountId(random), deviceId: createDeviceId(random) };
    const wrapped = wrapLocalKey(localKey, currentKey(ring), owner, random);
    assert.deepEqual(openLocal(wrapped.subarray(8), currentKey(ring).key, owner.accountId), tampered);
  });
});
