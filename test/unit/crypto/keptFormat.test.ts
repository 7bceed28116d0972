import assert from 'node:assert/strict';
import { defined } from '../../../src/base/assert';
import { fromBase64Url, fromUtf8 } from '../../../src/base/encoding';
import { unwrap } from '../../../src/base/result';
import { openPayload } from '../../../src/crypto/envelope';
import { createKeyRing, unwrapKeyRing } from '../../../src/crypto/keyRing';
import { openLocal, unwrapLocalKey } from '../../../src/crypto/localSeal';
import { bindingFor, seededRandom } from './cryptoFixtures';

/** What the first format sealed. These bytes lie on servers and disks: they have to open for ever. */
const kept = {
  payload: [
    'Ab2CoosfCIs6GGc3cS-xb-cyOuyzq8I0sycBGYRUj0oHXbNK3EDDGjxfgn8UmXhi1l-2rZM0foNrh-bRLqBDPslbtlBGhRAGaD-W',
    'SCs3JDeb-hF41MAvAI3RI_kXiVyzo3GJLiLNrInFvARxSHel0BfNp9BaOi0pGlxmx7qjVA0H9mjbRbKF0CzqFG1BdgRkcly89DKI',
    'JX1B2ek0hqa5cVbcnsxcq2JLQf1z71HdLVVzKLFxqKXH6DsbPDvv7qH6oBLMtOot_PabduXyMoqUcGTN-v5H8orJ_1WLm6n0Xi95',
    'J7cOKLYm7QZvnA4t-VojoK4Ia_ilg3WajOtbwwIxzwsO9c8kqaNw_F6iJJ0wkCie3Mlpu3nw-E0o8WRkPPfbT7igJRiN5JCv',
  ].join(''),
  keyRing: [
    'AY-FRpLYvI3vhKiNUR3RUN6d2La_4ADVpLAaMPm0UDbMnTyUh_noWkwBLaGQ5Xjdz83ifncglKYgqsymtrXybzzlAaUD2Co1qNO7',
    'rOwDUd5sDbhHMsmDIlGqyAW5dnJDe8KqFyy3kon5DQsevva8-3Z0tFNaiU8JZmlGO0v6NVDfnx4XjptwChx3PD4Z5-XUzdU2Q_At',
    'QupGIz337rPXIcZO4P3DS5eMIVjVO1PJmBNmQQX7r-7UVOvmQ_SMUsKeGsZpddnm-xJL27icn2N4eA-wKpVjtHfaRAA8tq1qjhSw',
    'Cszyn4GutzLyRrCeS-mMmYv5V-jpbFchpdD76TyV-rr2LjEVuHHy8JuUhsA',
  ].join(''),
  localValue: [
    'AVLpCuJDJlkcgWHi4FqPO5tXKHyhOro75-BSEspgZBKJbCDZScZETvIaIBD9qPnm79zCtFL_x6B0vQaMTUtNLQj6SuFKxrCMEGA5',
    'q3IgVDuV6_f6h6LKAKwmh_BWuF3yfcDQ3rtZjUio3eLYZYq0HsXkVRSWiGdYQYmFxtsxOwM07XRohoJYHHJ7G8AtxEBrsdkueoi3',
    'iMzT1YvVQYsl9Ytv8sgepBCKJz7iI1DdJXpJKTx1X1XUB14FComaFY50hIkT6Z45NLze_4RSKVIXT8pKtHgAazkH-JAqNEPvnq1R',
    'qEtxYZMT7Tzz6svGr1m1ZVzgpxRYs2ePmLJZl_mIg3BhtvbQFp9QaW8Dp99D_o-KSicWINf516Ma-XCh6iBQtBwa_pi1k2CZ',
  ].join(''),
  localKey: [
    'GNbhysKora8Bfb9Xo-1hcjTNOGsPIEJHSrig8VLxcwWtGAX-6C5h54t8SQ3Vy23blqW2tsPiZQTDCO_d-EBpGPzivntXsVkhhzGX',
    'auuUaBXd',
  ].join(''),
};
const bytesOf = (text: string) => defined(fromBase64Url(text), 'kept as base64');

describe('what format 1 sealed', () => {
  const random = seededRandom(1);
  const ring = createKeyRing(random, 1_700_000_000_000);
  const binding = bindingFor(ring, random);
  const localKey = new Uint8Array(32).fill(8);

  it('opens as a payload', () => {
    const plaintext = unwrap(openPayload(bytesOf(kept.payload), binding, ring, 1000));
    assert.equal(fromUtf8(plaintext), '{"title":"kept","body":"kept kept kept kept kept"}');
  });

  it('opens as a key ring', () => {
    const wrappingKey = new Uint8Array(32).fill(7);
    assert.deepEqual(unwrapKeyRing(bytesOf(kept.keyRing), wrappingKey, binding.accountId), {
      ok: true,
      value: ring,
    });
  });

  it('opens as a local value', () => {
    assert.deepEqual(openLocal(bytesOf(kept.localValue), localKey, 'items/1'), { ok: true, value: 'kept' });
  });

  it('opens as a local key', () => {
    assert.deepEqual(unwrapLocalKey(bytesOf(kept.localKey), ring, binding), { ok: true, value: localKey });
  });
});
