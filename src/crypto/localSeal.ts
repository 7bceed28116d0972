import { assert } from '../base/assert';
import { fromUtf8, toHex, toUtf8 } from '../base/encoding';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { type AccountId, type DeviceId, isKeyId } from '../model/ids/ids';
import { packFrame, unpackFrame } from './frame';
import { type DataKey, findKey, type KeyMissing, type KeyRing } from './keyRing';
import { type BoxContext, type OpenBoxError, openBox, sealBox } from './sealedBox';
import { keyBytes } from './xchacha';

/**
 * Encryption at rest: values in the local file, sealed with this device's local key. The local key lives in the secret
 * storage; a copy wrapped by a data key lies beside the values, so that the account's password brings it back when the
 * secret storage is lost.
 */

/** 32 random bytes. */
export function createLocalKey(random: Random): Uint8Array {
  return random.bytes(keyBytes);
}

/**
 * Text as it lies in the local file: compressed, padded, sealed.
 * @param place names the table, the column and the row, so that a value moved to another place does not open
 */
export function sealLocal(text: string, localKey: Uint8Array, place: string, random: Random): Uint8Array {
  return sealBox(packFrame(toUtf8(text)), localKey, valueContext(place), random);
}

/** What {@link sealLocal} sealed. `tampered` is also what another local key gives. */
export function openLocal(
  sealed: Uint8Array,
  localKey: Uint8Array,
  place: string,
): Result<string, OpenBoxError> {
  const frame = openBox(sealed, localKey, valueContext(place));
  if (!frame.ok) return frame;
  const plaintext = unpackFrame(frame.value, maxLocalBytes);
  const text = plaintext.ok ? fromUtf8(plaintext.value) : undefined;
  return text === undefined ? err({ type: 'malformed', detail: 'it holds no text' }) : ok(text);
}

/** Whose local key it is. */
export interface LocalKeyOwner {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
}

/** The local key under a data key, which it names. To be made anew before that data key leaves the ring. */
export function wrapLocalKey(
  localKey: Uint8Array,
  dataKey: DataKey,
  owner: LocalKeyOwner,
  random: Random,
): Uint8Array {
  assert(localKey.length === keyBytes, `a local key has ${keyBytes} bytes, not ${localKey.length}`);
  const box = sealBox(localKey, dataKey.key, keyContext(owner), random);
  const wrapped = new Uint8Array(keyIdBytes + box.length);
  wrapped.set(Buffer.from(dataKey.keyId, 'hex'));
  wrapped.set(box, keyIdBytes);
  return wrapped;
}

export function unwrapLocalKey(
  wrapped: Uint8Array,
  keyRing: KeyRing,
  owner: LocalKeyOwner,
): Result<Uint8Array, KeyMissing | OpenBoxError> {
  const keyId = toHex(wrapped.subarray(0, keyIdBytes));
  if (!isKeyId(keyId)) return err({ type: 'malformed', detail: 'it is too short' });
  const dataKey = findKey(keyRing, keyId);
  if (dataKey === undefined) return err({ type: 'keyMissing', keyId });
  const localKey = openBox(wrapped.subarray(keyIdBytes), dataKey.key, keyContext(owner));
  if (localKey.ok && localKey.value.length !== keyBytes) {
    return err({ type: 'malformed', detail: 'it is not a key' });
  }
  return localKey;
}

const keyIdBytes = 8;
/** As much as a frame can hold: what this device sealed, it also opens. */
const maxLocalBytes = 2 ** 32 - 1;

const valueContext = (place: string): BoxContext => ({ purpose: 'localValue', parts: [place] });
const keyContext = ({ accountId, deviceId }: LocalKeyOwner): BoxContext => ({
  purpose: 'localKey',
  parts: [accountId, deviceId],
});
