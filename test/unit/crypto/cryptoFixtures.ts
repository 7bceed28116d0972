import { createHash } from 'node:crypto';
import type { Random } from '../../../src/base/random';
import type { PayloadBinding } from '../../../src/crypto/envelope';
import type { KeyRing } from '../../../src/crypto/keyRing';
import { createAccountId, createDeviceId, createItemId } from '../../../src/model/ids/createId';
import { formatStamp } from '../../../src/model/ids/stamp';

/** Randomness that one seed fixes: SHA-256 of the seed and a counter. */
export function seededRandom(seed: number): Random {
  let counter = 0;
  const block = () => createHash('sha256').update(`${seed}/${counter++}`).digest();
  const bytes = (length: number): Uint8Array => {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, block);
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
  return {
    bytes,
    uuid: () => {
      const hex = Buffer.from(bytes(16)).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
    fraction: () => block().readUIntBE(0, 6) / 2 ** 48,
  };
}

export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** A binding of a new item of a new account, under the ring's current key. */
export function bindingFor(ring: KeyRing, random: Random): PayloadBinding {
  const deviceId = createDeviceId(random);
  return {
    accountId: createAccountId(random),
    collection: 'item',
    subjectId: createItemId(random),
    changeType: 'upsert',
    stamp: formatStamp({ millis: 1_700_000_000_000, counter: 7, deviceId }),
    deviceId,
    keyId: ring.current,
  };
}

/** A copy with one bit turned. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
