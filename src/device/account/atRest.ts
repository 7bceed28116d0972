import { createHash } from 'node:crypto';
import type { Random } from '../../base/random';
import { ok, type Result } from '../../base/result';
import { createLocalKey, openLocal, sealLocal } from '../../crypto/localSeal';
import type { StorageError } from '../../sqlite/database';
import { holdsSealedPayloads } from '../../store/atRest/seal';
import type { AtRestCipher } from '../../store/payloads';
import { readState, writeState } from '../../store/state';
import type { Store } from '../../store/store';
import type { AccountLock } from '../../store/synced/accountLock';
import type { SecretStore } from './secrets';
import { loadLocalKey, saveLocalKey } from './session';

/** Encryption in the local file, with the key that lies in the secret storage. */
export function atRestCipher(localKey: Uint8Array, random: Random): AtRestCipher {
  return {
    seal: (text, context) => sealLocal(text, localKey, context, random),
    open: (bytes, context) => {
      const text = openLocal(bytes, localKey, context);
      return text.ok ? text.value : undefined;
    },
  };
}

interface KeyMaking {
  readonly store: Store;
  readonly secrets: SecretStore;
  readonly random: Random;
}

/**
 * This device's local key; made, once for all its windows, when there has never been one. It lies in the secret
 * storage before the store says which it is, so an end in between locks nothing.
 * @returns undefined when the key that the store was written with is gone: the device is locked
 */
export async function obtainLocalKey(
  options: KeyMaking & { readonly lock: AccountLock },
): Promise<Result<Uint8Array | undefined, StorageError>> {
  const known = await readPrint(options.store);
  if (!known.ok) return known;
  if (known.value !== undefined) return ok(await keyOfPrint(options.secrets, known.value));
  const made = await options.lock.hold(() => makeLocalKey(options));
  return made.ok ? made.value : made;
}

/**
 * A new local key for a device that has lost its own, when nothing is encrypted with that. Only for who holds the
 * account's lock.
 * @returns undefined when something is
 */
export async function renewLocalKey(
  store: Store,
  secrets: SecretStore,
  random: Random,
): Promise<Result<Uint8Array | undefined, StorageError>> {
  const losesSomething = await store.read(holdsSealedPayloads);
  if (!losesSomething.ok) return losesSomething;
  if (losesSomething.value) return ok(undefined);
  const key = createLocalKey(random);
  await saveLocalKey(secrets, key);
  return store.write<Uint8Array | undefined, never>(tx => {
    if (holdsSealedPayloads(tx)) return ok(undefined);
    writeState(tx, 'localKeyPrint', printOf(key));
    return ok(key);
  });
}

/** While the lock was waited for, another window may have made it. */
async function makeLocalKey({
  store,
  secrets,
  random,
}: KeyMaking): Promise<Result<Uint8Array | undefined, StorageError>> {
  const known = await readPrint(store);
  if (!known.ok) return known;
  if (known.value !== undefined) return ok(await keyOfPrint(secrets, known.value));
  const held = await loadLocalKey(secrets);
  const key = held ?? createLocalKey(random);
  if (held === undefined) await saveLocalKey(secrets, key);
  return store.write<Uint8Array, never>(tx => {
    writeState(tx, 'localKeyPrint', printOf(key));
    return ok(key);
  });
}

function readPrint(store: Store): Promise<Result<string | undefined, StorageError>> {
  return store.read(tx => readState(tx, 'localKeyPrint'));
}

async function keyOfPrint(secrets: SecretStore, print: string): Promise<Uint8Array | undefined> {
  const held = await loadLocalKey(secrets);
  return held !== undefined && printOf(held) === print ? held : undefined;
}

/** The fingerprint of a local key: sixteen bytes of a hash, in hexadecimal digits. */
export function printOf(localKey: Uint8Array): string {
  const printLength = 32;
  return createHash('sha256')
    .update('scratch-sync local key')
    .update(localKey)
    .digest('hex')
    .slice(0, printLength);
}
