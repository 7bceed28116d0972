import assert from 'node:assert/strict';
import fc from 'fast-check';
import { unwrap } from '../../src/base/result';
import { openPayload, sealedSize, sealPayload } from '../../src/crypto/envelope';
import { unpackFrame } from '../../src/crypto/frame';
import {
  addKey,
  createKeyRing,
  currentKey,
  decodeKeyRing,
  encodeKeyRing,
  type KeyRing,
  removeKey,
  unwrapKeyRing,
  wrapKeyRing,
} from '../../src/crypto/keyRing';
import { openLocal, sealLocal } from '../../src/crypto/localSeal';
import { nativeAead, portableAead } from '../../src/crypto/xchacha';
import { bindingFor, flipBit, seededRandom } from '../unit/crypto/cryptoFixtures';

const limit = 1_000_000;
/** fast-check prints the seed of a failure; `SEED` replays it. */
const parameters = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

const seeds = fc.integer();
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc.lorem({ maxCount: 300 }).map(text => new TextEncoder().encode(text)),
);

/** A ring after some rotations and removals. */
const rings = fc
  .tuple(seeds, fc.array(fc.constantFrom('add', 'remove'), { maxLength: 20 }))
  .map(([seed, steps]) => {
    const random = seededRandom(seed);
    return steps.reduce<KeyRing>(
      (ring, step) => {
        const oldest = ring.keys.find(key => key.retired);
        if (step === 'add') return unwrap(addKey(ring, random, ring.revision));
        return oldest === undefined ? ring : removeKey(ring, oldest.keyId);
      },
      createKeyRing(random, 0),
    );
  });

describe('envelope, for any content', () => {
  it('opens to what was sealed, within the size told beforehand', () => {
    fc.assert(
      fc.property(seeds, rings, contents, (seed, ring, plaintext) => {
        const random = seededRandom(seed);
        const binding = bindingFor(ring, random);
        const sealed = sealPayload({ plaintext, binding, key: currentKey(ring), random });
        assert.ok(sealed.length <= sealedSize(plaintext.length));
        assert.deepEqual(openPayload(sealed, binding, ring, limit), { ok: true, value: plaintext });
      }),
      parameters,
    );
  });

  it('never opens with a bit turned or an end cut off', () => {
    fc.assert(
      fc.property(seeds, contents, fc.nat(), fc.nat(), (seed, plaintext, bit, cut) => {
        const random = seededRandom(seed);
        const ring = createKeyRing(random, 0);
        const binding = bindingFor(ring, random);
        const sealed = sealPayload({ plaintext, binding, key: currentKey(ring), random });
        const turned = flipBit(sealed, bit % (sealed.length * 8));
        assert.equal(openPayload(turned, binding, ring, limit).ok, false);
        const shorter = sealed.subarray(0, cut % sealed.length);
        assert.equal(openPayload(shorter, binding, ring, limit).ok, false);
      }),
      parameters,
    );
  });

  it('answers bytes that no one sealed with an error, never with a throw', () => {
    fc.assert(
      fc.property(seeds, fc.uint8Array({ maxLength: 400 }), (seed, bytes) => {
        const random = seededRandom(seed);
        const ring = createKeyRing(random, 0);
        const binding = bindingFor(ring, random);
        assert.equal(openPayload(bytes, binding, ring, limit).ok, false);
        assert.equal(unwrapKeyRing(bytes, random.bytes(32), binding.accountId).ok, false);
        assert.equal(openLocal(bytes, random.bytes(32), 'place').ok, false);
        unpackFrame(bytes, limit);
      }),
      parameters,
    );
  });

  it('gives the same bytes from both implementations of the cipher', () => {
    fc.assert(
      fc.property(seeds, contents, fc.uint8Array({ maxLength: 300 }), (seed, plaintext, associatedData) => {
        const random = seededRandom(seed);
        const key = random.bytes(32);
        const nonce = random.bytes(24);
        const sealed = portableAead.seal(key, nonce, plaintext, associatedData);
        assert.deepEqual(nativeAead.seal(key, nonce, plaintext, associatedData), sealed);
        assert.deepEqual(nativeAead.open(key, nonce, sealed, associatedData), plaintext);
      }),
      parameters,
    );
  });
});

describe('key ring, after any rotations and removals', () => {
  it('has one key in use, and comes back from its text and from its wrapping', () => {
    fc.assert(
      fc.property(rings, seeds, (ring, seed) => {
        const random = seededRandom(seed);
        const { accountId } = bindingFor(ring, random);
        const wrappingKey = random.bytes(32);
        assert.equal(ring.keys.filter(key => !key.retired).length, 1);
        assert.deepEqual(decodeKeyRing(encodeKeyRing(ring)), { ok: true, value: ring });
        const wrapped = wrapKeyRing(ring, wrappingKey, accountId, random);
        assert.deepEqual(unwrapKeyRing(wrapped, wrappingKey, accountId), { ok: true, value: ring });
      }),
      parameters,
    );
  });

  it('answers any JSON with a ring or an error, never with a throw', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        assert.equal(decodeKeyRing(text).ok, false);
      }),
      parameters,
    );
  });
});

describe('local seal, for any text', () => {
  it('opens to the same text in its place alone', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 500 });
    fc.assert(
      fc.property(seeds, texts, fc.string(), fc.string(), (seed, text, place, otherPlace) => {
        const random = seededRandom(seed);
        const key = random.bytes(32);
        const sealed = sealLocal(text, key, place, random);
        assert.deepEqual(openLocal(sealed, key, place), { ok: true, value: text });
        if (otherPlace !== place) assert.equal(openLocal(sealed, key, otherPlace).ok, false);
      }),
      parameters,
    );
  });
});
