import assert from 'node:assert/strict';
import { toUtf8 } from '../../../src/base/encoding';
import { unwrap } from '../../../src/base/result';
import { openPayload, type PayloadBinding, sealedSize, sealPayload } from '../../../src/crypto/envelope';
import {
  addKey,
  createKeyRing,
  currentKey,
  findKey,
  type KeyRing,
  removeKey,
} from '../../../src/crypto/keyRing';
import { portableAead } from '../../../src/crypto/xchacha';
import { isConflictId } from '../../../src/model/ids/ids';
import { formatStamp, parseStamp } from '../../../src/model/ids/stamp';
import { bindingFor, flipBit, seededRandom } from './cryptoFixtures';

const limit = 1_000_000;
const plaintext = toUtf8(JSON.stringify({ title: 'Door code', body: 'four two '.repeat(60) }));

function setUp(seed: number) {
  const random = seededRandom(seed);
  const keyRing = createKeyRing(random, 1_700_000_000_000);
  const binding = bindingFor(keyRing, random);
  const seal = (bytes: Uint8Array, ring: KeyRing = keyRing, bound: PayloadBinding = binding) =>
    sealPayload({ plaintext: bytes, binding: bound, key: currentKey(ring), random });
  return { random, keyRing, binding, seal };
}

describe('envelope', () => {
  it('opens to what was sealed', () => {
    const { keyRing, binding, seal, random } = setUp(1);
    for (const bytes of [new Uint8Array(), plaintext, random.bytes(100_000)]) {
      assert.deepEqual(openPayload(seal(bytes), binding, keyRing, limit), { ok: true, value: bytes });
    }
  });

  it('shows no word of the text', () => {
    const sealed = Buffer.from(setUp(2).seal(plaintext));
    for (const word of ['Door', 'four', 'title']) assert.equal(sealed.includes(word), false);
  });

  it('differs each time that the same text is sealed', () => {
    const { seal } = setUp(3);
    assert.notDeepEqual(seal(plaintext), seal(plaintext));
  });

  it('refuses a payload with any one bit turned', () => {
    const { keyRing, binding, seal } = setUp(4);
    const sealed = seal(toUtf8('short'));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const result = openPayload(flipBit(sealed, bit), binding, keyRing, limit);
      assert.equal(
        !result.ok && result.error.type,
        bit < 8 ? 'unsupportedVersion' : 'tampered',
        `bit ${bit}`,
      );
    }
  });

  it('refuses a payload cut anywhere, and one with something added', () => {
    const { keyRing, binding, seal } = setUp(5);
    const sealed = seal(toUtf8('short'));
    for (let length = 0; length < sealed.length; length++) {
      const result = openPayload(sealed.subarray(0, length), binding, keyRing, limit);
      assert.equal(
        !result.ok && result.error.type,
        length < 41 ? 'malformed' : 'tampered',
        `${length} bytes`,
      );
    }
    const longer = new Uint8Array([...sealed, 0]);
    assert.deepEqual(openPayload(longer, binding, keyRing, limit), {
      ok: false,
      error: { type: 'tampered' },
    });
  });

  it('refuses a payload whose account, collection, item, change type, stamp, device or key was swapped', () => {
    const { random, keyRing: first, binding: before } = setUp(6);
    const keyRing = unwrap(addKey(first, random, 1));
    const binding = { ...before, keyId: keyRing.current };
    const sealed = sealPayload({ plaintext, binding, key: currentKey(keyRing), random });
    const other = bindingFor(first, random);
    const later = { ...parseStamp(binding.stamp), counter: 8 };
    const conflictId = 'a'.repeat(32);
    assert.ok(isConflictId(conflictId));
    const swaps: readonly Partial<PayloadBinding>[] = [
      { accountId: other.accountId },
      { collection: 'conflict' },
      { subjectId: other.subjectId },
      { subjectId: conflictId },
      { changeType: 'delete' },
      { stamp: formatStamp(later) },
      { deviceId: other.deviceId },
      { keyId: first.current },
    ];
    assert.ok(openPayload(sealed, binding, keyRing, limit).ok);
    for (const swap of swaps) {
      assert.deepEqual(
        openPayload(sealed, { ...binding, ...swap }, keyRing, limit),
        { ok: false, error: { type: 'tampered' } },
        Object.keys(swap).join(),
      );
    }
  });

  it('binds the key id itself, not only the key', () => {
    const { random, keyRing, binding, seal } = setUp(7);
    const twin = { ...currentKey(keyRing), keyId: createKeyRing(random, 0).current };
    const both = { ...keyRing, keys: [...keyRing.keys, twin] };
    assert.deepEqual(openPayload(seal(plaintext), { ...binding, keyId: twin.keyId }, both, limit), {
      ok: false,
      error: { type: 'tampered' },
    });
  });

  it('refuses a payload of the same key id under another key', () => {
    const { random, keyRing, binding, seal } = setUp(8);
    const wrong = { ...keyRing, keys: keyRing.keys.map(key => ({ ...key, key: random.bytes(32) })) };
    assert.deepEqual(openPayload(seal(plaintext), binding, wrong, limit), {
      ok: false,
      error: { type: 'tampered' },
    });
  });

  it('opens under a retired key, and names a key that the ring does not have', () => {
    const { random, keyRing, binding, seal } = setUp(9);
    const sealed = seal(plaintext);
    const rotated = unwrap(addKey(keyRing, random, 2));
    assert.deepEqual(openPayload(sealed, binding, rotated, limit), { ok: true, value: plaintext });
    const without = removeKey(rotated, binding.keyId);
    assert.deepEqual(openPayload(sealed, binding, without, limit), {
      ok: false,
      error: { type: 'keyMissing', keyId: binding.keyId },
    });
  });

  it('refuses to open more than the caller wants to hold', () => {
    const { keyRing, binding, seal } = setUp(10);
    const bomb = seal(new Uint8Array(20_000_000));
    assert.ok(bomb.length < 50_000);
    assert.deepEqual(openPayload(bomb, binding, keyRing, limit), {
      ok: false,
      error: { type: 'tooLarge', plaintextBytes: 20_000_000 },
    });
  });

  it('refuses a sealed frame that is not one', () => {
    const { random, keyRing, binding } = setUp(11);
    const { accountId, collection, subjectId, changeType, stamp, deviceId, keyId } = binding;
    const bound = [
      'scratch-sync',
      1,
      'payload',
      accountId,
      collection,
      subjectId,
      changeType,
      stamp,
      deviceId,
      keyId,
    ];
    const nonce = random.bytes(24);
    const key = currentKey(keyRing).key;
    const body = portableAead.seal(key, nonce, toUtf8('no frame'), toUtf8(JSON.stringify(bound)));
    const result = openPayload(new Uint8Array([1, ...nonce, ...body]), binding, keyRing, limit);
    assert.deepEqual(result, { ok: false, error: { type: 'malformed', detail: 'the frame is too short' } });
  });

  it('throws when the key is not the one that the binding names', () => {
    const { random, keyRing, binding } = setUp(12);
    const key = currentKey(createKeyRing(random, 0));
    assert.equal(findKey(keyRing, key.keyId), undefined);
    assert.throws(() => sealPayload({ plaintext, binding, key, random }));
  });

  it('tells the largest size beforehand, and reaches it for bytes that do not compress', () => {
    const { seal, random } = setUp(13);
    for (const length of [0, 1, 247, 248, 1000, 65_536, 200_001]) {
      assert.equal(seal(random.bytes(length)).length, sealedSize(length), `${length} bytes`);
      assert.ok(seal(new Uint8Array(length)).length <= sealedSize(length));
    }
  });
});
