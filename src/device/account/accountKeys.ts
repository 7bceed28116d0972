import { fromBase64Url, toBase64Url } from '../../base/encoding';
import type { Random } from '../../base/random';
import { ok, type Result } from '../../base/result';
import type { DerivedKeys } from '../../crypto/derivedKeys';
import { deriveKeys, type KdfParameters, type KdfPolicy } from '../../crypto/keyDerivation';
import { type KeyRing, unwrapKeyRing, wrapKeyRing } from '../../crypto/keyRing';
import { recoveryKeys } from '../../crypto/recoveryPhrase';
import type { AccountId } from '../../model/ids/ids';
import type { Kdf } from '../../protocol/accounts';
import type { DeviceError } from '../deviceError';
import { failure } from '../failures';
import { minPasswordLength } from './passwordRule';

/** Between a person's secrets and the keys of the account, with every failure in words. */

/** How passwords become keys: what is refused, and what a new password gets. */
export interface Derivation {
  readonly policy: KdfPolicy;
  readonly newParameters: (random: Random) => KdfParameters;
}

export interface NewPasswordKeys {
  readonly keys: DerivedKeys;
  /** For the server, which gives it back to whoever signs in. */
  readonly kdf: Kdf;
}

/** The keys of a new password, under a new salt; `badInput` when it is too short. */
export async function newPasswordKeys(
  password: string,
  random: Random,
  derivation: Derivation,
): Promise<Result<NewPasswordKeys, DeviceError>> {
  if (password.length < minPasswordLength) {
    return failure(
      'badInput',
      `A password has at least ${minPasswordLength} characters. Choose a longer one.`,
    );
  }
  const parameters = derivation.newParameters(random);
  const kdf: Kdf = { algorithm: 'argon2id', ...parameters, salt: toBase64Url(parameters.salt) };
  const keys = await keysOfPassword(password, kdf, derivation);
  return keys.ok ? ok({ keys: keys.value, kdf }) : keys;
}

export async function keysOfPassword(
  password: string,
  kdf: Kdf,
  { policy }: Derivation,
): Promise<Result<DerivedKeys, DeviceError>> {
  const salt = fromBase64Url(kdf.salt) ?? new Uint8Array();
  const keys = await deriveKeys(password, { ...kdf, salt }, policy);
  if (keys.ok) return keys;
  switch (keys.error.type) {
    case 'emptyPassword':
      return failure('badInput', 'The password is empty. Give one.');
    case 'weakKdf':
    case 'excessiveKdf':
      return failure(
        'refused',
        `The server asks for an unsound derivation of keys (${keys.error.detail}). Nothing was sent. Check the server's address.`,
      );
  }
}

export function keysOfPhrase(phrase: string): Result<DerivedKeys, DeviceError> {
  const keys = recoveryKeys(phrase);
  if (keys.ok) return keys;
  return failure('badCredentials', `This is not a recovery phrase. ${keys.error.detail}`);
}

export function wrapRing(ring: KeyRing, keys: DerivedKeys, accountId: AccountId, random: Random): string {
  return toBase64Url(wrapKeyRing(ring, keys.wrappingKey, accountId, random));
}

/** The secret that a ring is wrapped for, as a person calls it. */
export type RingSecret = 'password' | 'recovery phrase';

/** @returns `badCredentials` when the secret does not open the ring, `server` when the ring is at fault */
export function unwrapRing(
  wrapped: string,
  keys: DerivedKeys,
  accountId: AccountId,
  secret: RingSecret,
): Result<KeyRing, DeviceError> {
  const ring = unwrapKeyRing(fromBase64Url(wrapped) ?? new Uint8Array(), keys.wrappingKey, accountId);
  if (ring.ok) return ring;
  switch (ring.error.type) {
    case 'wrongKey':
      return failure(
        'badCredentials',
        `The server let this ${secret} in, but it does not open the keys of the account. Nothing was written. ${otherSecrets[secret]}`,
      );
    case 'unsupportedVersion':
      return failure('server', 'The keys of the account were written by a newer version. Update this one.');
    case 'malformed':
      return failure(
        'server',
        'The keys of the account on the server are damaged. Sign in with another device.',
      );
  }
}

const otherSecrets: Readonly<Record<RingSecret, string>> = {
  password: 'Try the password that was set last, or the recovery phrase.',
  'recovery phrase': 'Try the phrase that was shown last, or the password.',
};
