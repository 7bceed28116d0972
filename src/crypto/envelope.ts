import { assert } from '../base/assert';
import type { Random } from '../base/random';
import { err, type Result } from '../base/result';
import type { AccountId, ConflictId, DeviceId, ItemId, KeyId } from '../model/ids/ids';
import type { Stamp } from '../model/ids/stamp';
import { longestFrame, packFrame, type TooLarge, unpackFrame } from './frame';
import { type DataKey, findKey, type KeyMissing, type KeyRing } from './keyRing';
import { type BoxContext, boxOverheadBytes, type OpenBoxError, openBox, sealBox } from './sealedBox';

/**
 * The envelope: an item's or a conflict record's bytes as they travel and as the server stores them. Compressed,
 * padded, then sealed under a data key, with the fields that the server does see bound as associated data: a payload
 * opens only as the version that it was sealed for.
 */

/** The clear fields beside a payload, in the words of the wire contract. */
export interface PayloadBinding {
  readonly accountId: AccountId;
  readonly collection: 'item' | 'conflict';
  /** The wire's `itemId`. */
  readonly subjectId: ItemId | ConflictId;
  readonly changeType: 'upsert' | 'delete';
  /** The wire's `timestamp`. */
  readonly stamp: Stamp;
  /** The wire's `originDeviceId`. */
  readonly deviceId: DeviceId;
  readonly keyId: KeyId;
}

/** `tooLarge` speaks of the plaintext; `keyMissing` is mended by fetching the key ring with the password. */
export type OpenPayloadError = KeyMissing | OpenBoxError | TooLarge;

export interface SealPayloadOptions {
  readonly plaintext: Uint8Array;
  readonly binding: PayloadBinding;
  /** The key that `binding.keyId` names. */
  readonly key: DataKey;
  readonly random: Random;
}

/** The envelope of `plaintext`; at most {@link sealedSize} of its length. */
export function sealPayload({ plaintext, binding, key, random }: SealPayloadOptions): Uint8Array {
  assert(key.keyId === binding.keyId, 'a payload is sealed with the key that its binding names');
  return sealBox(packFrame(plaintext), key.key, contextOf(binding), random);
}

/**
 * The plaintext of an envelope.
 * @param maxPlaintextBytes what the caller is willing to hold; checked before inflating
 */
export function openPayload(
  sealed: Uint8Array,
  binding: PayloadBinding,
  keyRing: KeyRing,
  maxPlaintextBytes: number,
): Result<Uint8Array, OpenPayloadError> {
  const key = findKey(keyRing, binding.keyId);
  if (key === undefined) return err({ type: 'keyMissing', keyId: binding.keyId });
  const frame = openBox(sealed, key.key, contextOf(binding));
  return frame.ok ? unpackFrame(frame.value, maxPlaintextBytes) : frame;
}

/** The most bytes that the envelope of a plaintext of this length has; text that compresses has fewer. */
export function sealedSize(plaintextBytes: number): number {
  return boxOverheadBytes + longestFrame(plaintextBytes);
}

function contextOf(binding: PayloadBinding): BoxContext {
  const { accountId, collection, subjectId, changeType, stamp, deviceId, keyId } = binding;
  return {
    purpose: 'payload',
    parts: [accountId, collection, subjectId, changeType, stamp, deviceId, keyId],
  };
}
