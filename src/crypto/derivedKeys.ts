import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { toUtf8 } from '../base/encoding';
import { keyBytes } from './xchacha';

/** What one secret gives. Neither key says anything about the other. */
export interface DerivedKeys {
  /** 32 bytes that prove to the server who asks. The server sees it at sign-in and stores a slow hash of it. */
  readonly authKey: Uint8Array;
  /** 32 bytes that wrap the key ring. Never leaves the device. */
  readonly wrappingKey: Uint8Array;
}

/**
 * HKDF-SHA256 (RFC 5869) of a secret of full strength, without a salt, under one label a key.
 * @param source keeps the keys of the password and those of the recovery phrase apart
 */
export function derivedKeysOf(secret: Uint8Array, source: 'password' | 'recovery'): DerivedKeys {
  const derive = (use: string) =>
    hkdf(sha256, secret, undefined, toUtf8(`scratch-sync/1/${source}/${use}`), keyBytes);
  return { authKey: derive('authentication'), wrappingKey: derive('wrapping') };
}
