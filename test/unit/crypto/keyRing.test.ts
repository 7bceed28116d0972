import assert from 'node:assert/strict';
import * as z from 'zod';
import { unwrap } from '../../../src/base/result';
import {
  addKey,
  createKeyRing,
  currentKey,
  decodeKeyRing,
  encodeKeyRing,
  findKey,
  maxKeys,
  removeKey,
  unwrapKeyRing,
  wrapKeyRing,
} from '../../../src/crypto/keyRing';
import { createAccountId } from '../../../src/model/ids/createId';
import { flipBit, seededRandom } from './cryptoFixtures';

const maxKeyringBytes = 64 * 1024; // what the protocol lets a server store

function setUp(seed: number) {
  const random = seededRandom(seed);
  const ring = unwrap(addKey(createKeyRing(random, 1000), random, 2000));
  return { random, ring, wrappingKey: random.bytes(32), accountId: createAccountId(random) };
}

describe('key ring', () => {
  it('starts with one key, which is current', () => {
    const ring = createKeyRing(seededRandom(1), 1000);
    assert.equal(ring.keys.length, 1);
    const { key, ...rest } = currentKey(ring);
    assert.equal(key.length, 32);
    assert.deepEqual(rest, { keyId: ring.current, createdAt: 1000, retired: false });
  });

  it('retires the key before when one is added', () => {
    const random = seededRandom(2);
    const first = createKeyRing(random, 1000);
    const second = unwrap(addKey(first, random, 2000));
    assert.notEqual(second.current, first.current);
    assert.equal(findKey(second, first.current)?.retired, true);
    assert.equal(currentKey(second).retired, false);
    assert.equal(currentKey(second).createdAt, 2000);
    assert.ok(second.revision > first.revision);
  });

  it('leaves the ring that it was given as it was', () => {
    const random = seededRandom(3);
    const first = createKeyRing(random, 1000);
    const text = encodeKeyRing(first);
    addKey(first, random, 2000);
    assert.equal(encodeKeyRing(first), text);
  });

  it('keeps what a newer version wrote into it, through a rotation', () => {
    const { ring, random } = setUp(3);
    const text = JSON.parse(encodeKeyRing(ring));
    const [first, second] = text.keys;
    const newer = { ...text, purpose: { of: 'ring' }, keys: [{ ...first, purpose: 'of key' }, second] };
    const rotated = unwrap(addKey(unwrap(decodeKeyRing(JSON.stringify(newer))), random, 3000));
    const kept = JSON.parse(encodeKeyRing(unwrap(decodeKeyRing(encodeKeyRing(rotated)))));
    assert.deepEqual(kept.purpose, { of: 'ring' });
    assert.deepEqual(
      kept.keys.map(({ purpose }: { readonly purpose?: string }) => purpose),
      ['of key', undefined, undefined],
    );
  });

  it('removes a retired key, once', () => {
    const { ring } = setUp(4);
    const retired = ring.keys.filter(key => key.retired).map(key => key.keyId);
    const [keyId] = retired;
    assert.ok(keyId);
    const without = removeKey(ring, keyId);
    assert.equal(findKey(without, keyId), undefined);
    assert.ok(without.revision > ring.revision);
    assert.equal(removeKey(without, keyId), without);
  });

  it('never removes the current key', () => {
    const { ring } = setUp(5);
    assert.throws(() => removeKey(ring, ring.current));
  });

  it('is full at its limit, and then still fits the server', () => {
    const { random, wrappingKey, accountId } = setUp(6);
    let ring = createKeyRing(random, 1_700_000_000_000);
    while (ring.keys.length < maxKeys) ring = unwrap(addKey(ring, random, 1_700_000_000_000));
    assert.deepEqual(addKey(ring, random, 1), { ok: false, error: { type: 'keyRingFull' } });
    const wrapped = wrapKeyRing(ring, wrappingKey, accountId, random);
    assert.ok(wrapped.length < maxKeyringBytes, `${wrapped.length} bytes`);
    assert.deepEqual(unwrapKeyRing(wrapped, wrappingKey, accountId), { ok: true, value: ring });
  });

  it('comes back from its text', () => {
    const { ring } = setUp(7);
    assert.deepEqual(decodeKeyRing(encodeKeyRing(ring)), { ok: true, value: ring });
  });

  describe('text that is not a ring', () => {
    const { ring } = setUp(8);
    const text = encodeKeyRing(ring);
    const editable = z.looseObject({ keys: z.array(z.record(z.string(), z.unknown())) });
    const edited = (edit: (json: Record<string, unknown>, keys: Record<string, unknown>[]) => void) => {
      const json = editable.parse(JSON.parse(text));
      edit(json, json.keys);
      return JSON.stringify(json);
    };
    const [older, newer] = [0, 1] as const;
    const cases: Readonly<Record<string, string>> = {
      'that is not JSON': text.slice(1),
      'that is another JSON value': 'null',
      'without a version': edited(json => delete json['version']),
      'without a key': edited(json => {
        json['keys'] = [];
      }),
      'with a short key': edited((_, keys) => Object.assign(keys[older] ?? {}, { key: 'AAAA' })),
      'with a key that is not base64': edited((_, keys) => Object.assign(keys[older] ?? {}, { key: '%' })),
      'with one key twice': edited((_, keys) =>
        Object.assign(keys[older] ?? {}, { keyId: keys[newer]?.['keyId'] }),
      ),
      'with a retired current key': edited((_, keys) => Object.assign(keys[newer] ?? {}, { retired: true })),
      'with two keys in use': edited((_, keys) => Object.assign(keys[older] ?? {}, { retired: false })),
      'whose current key is missing': edited(json => Object.assign(json, { current: '0000000000000000' })),
      'with a malformed key id': edited((_, keys) => Object.assign(keys[older] ?? {}, { keyId: 'A' })),
      'with a revision of 0': edited(json => Object.assign(json, { revision: 0 })),
    };
    for (const [name, malformed] of Object.entries(cases)) {
      it(`is refused ${name}, without quoting a key`, () => {
        const result = decodeKeyRing(malformed);
        assert.ok(!result.ok && result.error.type === 'malformed');
        for (const key of ['AAAA', ...(text.match(/[\w-]{43}/g) ?? [])]) {
          assert.equal(result.error.detail.includes(key), false);
        }
      });
    }

    it('is told apart when a newer version wrote it', () => {
      const newer = edited(json => Object.assign(json, { version: 2, keys: 'of another form' }));
      assert.deepEqual(decodeKeyRing(newer), {
        ok: false,
        error: { type: 'unsupportedVersion', version: 2 },
      });
    });
  });

  describe('wrapped', () => {
    const { random, ring, wrappingKey, accountId } = setUp(9);
    const wrapped = wrapKeyRing(ring, wrappingKey, accountId, random);

    it('opens with its wrapping key and account', () => {
      assert.deepEqual(unwrapKeyRing(wrapped, wrappingKey, accountId), { ok: true, value: ring });
    });

    it('says of another key, and of another account, that the key is wrong', () => {
      const wrongKey = { ok: false, error: { type: 'wrongKey' } };
      assert.deepEqual(unwrapKeyRing(wrapped, random.bytes(32), accountId), wrongKey);
      assert.deepEqual(unwrapKeyRing(wrapped, wrappingKey, createAccountId(random)), wrongKey);
    });

    it('says of a damaged ring that it is damaged, when the key is right', () => {
      const bits = wrapped.length * 8;
      for (let bit = 42 * 8; bit < bits; bit += 11) {
        const result = unwrapKeyRing(flipBit(wrapped, bit), wrappingKey, accountId);
        assert.equal(!result.ok && result.error.type, 'malformed', `bit ${bit}`);
      }
    });

    it('needs the check value only when the ring does not open', () => {
      for (let bit = 0; bit < 41 * 8; bit += 7) {
        assert.ok(unwrapKeyRing(flipBit(wrapped, bit), wrappingKey, accountId).ok);
      }
    });

    it('says of a cut one that it is damaged', () => {
      for (let length = 0; length < wrapped.length; length += 3) {
        const result = unwrapKeyRing(wrapped.subarray(0, length), wrappingKey, accountId);
        assert.equal(!result.ok && result.error.type, 'malformed', `${length} bytes`);
      }
    });

    it('says of one that a newer version wrote that it is newer', () => {
      const newer = wrapped.slice();
      newer[0] = 2;
      newer[41] = 2;
      assert.deepEqual(unwrapKeyRing(newer, wrappingKey, accountId), {
        ok: false,
        error: { type: 'unsupportedVersion', version: 2 },
      });
    });

    it('never shows a key', () => {
      const bytes = Buffer.from(wrapped);
      for (const { key, keyId } of ring.keys) {
        assert.equal(bytes.includes(Buffer.from(key)), false);
        assert.equal(bytes.includes(keyId), false);
      }
    });
  });
});
