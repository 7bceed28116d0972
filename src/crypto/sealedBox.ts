import { toUtf8 } from '../base/encoding';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { aead, nonceBytes, tagBytes } from './xchacha';

/**
 * Bytes sealed for one purpose: a version byte, a random nonce, the ciphertext and its tag.
 * Everything that this folder encrypts is such a box.
 */

/** What a box is for and where it belongs. A box opens only with the very same. */
export interface BoxContext {
  /** Keeps the boxes of different uses apart; part of the format. */
  readonly purpose: 'payload' | 'keyRing' | 'keyRingCheck' | 'localValue' | 'localKey';
  readonly parts: readonly string[];
}

export type OpenBoxError = Tampered | UnsupportedVersion | Malformed;

/** Altered, moved, cut, or sealed under another key: authenticated encryption cannot tell these apart. */
export interface Tampered {
  readonly type: 'tampered';
}

/** Made by a newer version of this software. */
export interface UnsupportedVersion {
  readonly type: 'unsupportedVersion';
  readonly version: number;
}

/** Not of the form that its version asks for. */
export interface Malformed {
  readonly type: 'malformed';
  /** What is wrong; quotes nothing of the content. */
  readonly detail: string;
}

export const boxVersion = 1;
/** How much longer a box is than what is in it. */
export const boxOverheadBytes = 1 + nonceBytes + tagBytes;

export function sealBox(
  plaintext: Uint8Array,
  key: Uint8Array,
  context: BoxContext,
  random: Random,
): Uint8Array {
  const nonce = random.bytes(nonceBytes);
  const ciphertext = aead.seal(key, nonce, plaintext, associatedData(context));
  const box = new Uint8Array(1 + nonceBytes + ciphertext.length);
  box[0] = boxVersion;
  box.set(nonce, 1);
  box.set(ciphertext, 1 + nonceBytes);
  return box;
}

export function openBox(
  box: Uint8Array,
  key: Uint8Array,
  context: BoxContext,
): Result<Uint8Array, OpenBoxError> {
  const version = box[0];
  if (version === undefined) return err({ type: 'malformed', detail: 'it is empty' });
  if (version !== boxVersion) return err({ type: 'unsupportedVersion', version });
  if (box.length < boxOverheadBytes) return err({ type: 'malformed', detail: 'it is too short' });
  const nonce = box.subarray(1, 1 + nonceBytes);
  const plaintext = aead.open(key, nonce, box.subarray(1 + nonceBytes), associatedData(context));
  return plaintext === undefined ? err({ type: 'tampered' }) : ok(plaintext);
}

/** A JSON array of strings: no two contexts have the same text. */
function associatedData({ purpose, parts }: BoxContext): Uint8Array {
  return toUtf8(JSON.stringify(['scratch-sync', boxVersion, purpose, ...parts]));
}
