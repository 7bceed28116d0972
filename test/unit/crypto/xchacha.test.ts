import assert from 'node:assert/strict';
import { type Aead, aead, nativeAead, portableAead } from '../../../src/crypto/xchacha';
import { fromHex, seededRandom } from './cryptoFixtures';

const bytesFrom = (start: number, length: number) => Uint8Array.from({ length }, (_, index) => start + index);

/** draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
const vector = {
  plaintext: new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  associatedData: fromHex('50515253c0c1c2c3c4c5c6c7'),
  key: bytesFrom(0x80, 32),
  nonce: bytesFrom(0x40, 24),
  sealed: fromHex(
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb' +
      '731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452' +
      '2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9' +
      '21f9664c97637da9768812f615c68b13b52e' +
      'c0875924c1c7987947deafd8780acf49',
  ),
};

const implementations: readonly (readonly [string, Aead])[] = [
  ['portable', portableAead],
  ['native', nativeAead],
];

describe('XChaCha20-Poly1305', () => {
  for (const [name, implementation] of implementations) {
    describe(`the ${name} implementation`, () => {
      it('seals the published vector', () => {
        const { key, nonce, plaintext, associatedData, sealed } = vector;
        assert.deepEqual(implementation.seal(key, nonce, plaintext, associatedData), sealed);
      });

      it('opens the published vector', () => {
        const { key, nonce, plaintext, associatedData, sealed } = vector;
        assert.deepEqual(implementation.open(key, nonce, sealed, associatedData), plaintext);
      });

      it('refuses the vector with any byte of its ciphertext, tag, key, nonce or associated data changed', () => {
        for (const field of ['key', 'nonce', 'associatedData', 'sealed'] as const) {
          for (let index = 0; index < vector[field].length; index++) {
            const changed = {
              ...vector,
              [field]: vector[field].map((byte, at) => (at === index ? byte ^ 1 : byte)),
            };
            const { key, nonce, sealed, associatedData } = changed;
            assert.equal(implementation.open(key, nonce, sealed, associatedData), undefined);
          }
        }
      });

      it('refuses what is shorter than a tag', () => {
        const { key, nonce, associatedData, sealed } = vector;
        for (const length of [0, 1, 15, 16, sealed.length - 1]) {
          const cut = sealed.subarray(0, length);
          assert.equal(implementation.open(key, nonce, cut, associatedData), undefined);
        }
      });

      it('seals and opens nothing at all', () => {
        const { key, nonce } = vector;
        const empty = new Uint8Array();
        const sealed = implementation.seal(key, nonce, empty, empty);
        assert.equal(sealed.length, 16);
        assert.deepEqual(implementation.open(key, nonce, sealed, empty), empty);
      });

      it('takes bytes that lie anywhere in a larger buffer', () => {
        const unaligned = (bytes: Uint8Array) => {
          const buffer = new Uint8Array(bytes.length + 3);
          buffer.set(bytes, 3);
          return buffer.subarray(3);
        };
        const { key, nonce, plaintext, associatedData, sealed } = vector;
        const got = implementation.seal(
          unaligned(key),
          unaligned(nonce),
          unaligned(plaintext),
          unaligned(associatedData),
        );
        assert.deepEqual(got, sealed);
        assert.deepEqual(
          implementation.open(unaligned(key), unaligned(nonce), unaligned(sealed), unaligned(associatedData)),
          plaintext,
        );
      });

      it('throws when a key or a nonce has another size', () => {
        const { key, nonce, plaintext, associatedData } = vector;
        assert.throws(() => implementation.seal(key.subarray(1), nonce, plaintext, associatedData));
        assert.throws(() => implementation.seal(key, nonce.subarray(1), plaintext, associatedData));
        assert.throws(() => implementation.open(key, nonce.subarray(1), plaintext, associatedData));
      });
    });
  }

  it('gives the same bytes from both implementations, at every length around the block sizes', () => {
    const random = seededRandom(1);
    for (const length of [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000, 4096, 70_001]) {
      const key = random.bytes(32);
      const nonce = random.bytes(24);
      const plaintext = random.bytes(length);
      const associatedData = random.bytes(length % 50);
      const portable = portableAead.seal(key, nonce, plaintext, associatedData);
      assert.deepEqual(nativeAead.seal(key, nonce, plaintext, associatedData), portable);
      assert.deepEqual(nativeAead.open(key, nonce, portable, associatedData), plaintext);
      assert.deepEqual(portableAead.open(key, nonce, portable, associatedData), plaintext);
    }
  });

  it('uses the native cipher where the runtime has one', () => {
    assert.equal(aead, nativeAead);
  });
});
