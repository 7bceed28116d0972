import { createHash } from 'node:crypto';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import { secondMs, type Timers } from '../base/time';
import { createLocalKey, openLocal, sealLocal } from '../crypto/localSeal';
import type { StorageError } from '../sqlite/database';
import type { AtRestCipher } from '../store/payloads';
import { readState, writeState } from '../store/state';
import type { Store } from '../store/store';
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

/** Another window that makes the key at the same moment has put it into the secret storage by then. */
const maxKeyWaitMs = 5 * secondMs;
const keyPollMs = 100;

/**
 * This device's local key; made, once for all its windows, when there has never been one.
 * @returns undefined when the key that the store was written with is gone: the device is locked
 */
export async function obtainLocalKey(options: {
  readonly store: Store;
  readonly secrets: SecretStore;
  readonly random: Random;
  readonly timers: Timers;
}): Promise<Result<Uint8Array | undefined, StorageError>> {
  const { store, secrets, timers } = options;
  const held = await loadLocalKey(secrets);
  const candidate = held ?? createLocalKey(options.random);
  // The first window to say so decides which key it is; only then is it put where the others find it.
  const decided = await store.read(tx => readState(tx, 'localKeyPrint'));
  if (!decided.ok) return decided;
  const print = decided.value === undefined ? await decide(store, printOf(candidate)) : decided;
  if (!print.ok) return print;
  if (print.value === printOf(candidate)) {
    if (held === undefined) await saveLocalKey(secrets, candidate);
    return ok(candidate);
  }
  for (let waitedMs = 0; held === undefined && waitedMs < maxKeyWaitMs; waitedMs += keyPollMs) {
    const arrived = await loadLocalKey(secrets);
    if (arrived !== undefined && printOf(arrived) === print.value) return ok(arrived);
    if (decided.value !== undefined) break; // decided long ago: nobody is about to bring it
    await timers.sleep(keyPollMs);
  }
  return ok(undefined);
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

function decide(store: Store, print: string): Promise<Result<string, StorageError>> {
  return store.write<string, never>(tx => {
    const before = readState(tx, 'localKeyPrint');
    if (before !== undefined) return ok(before);
    writeState(tx, 'localKeyPrint', print);
    return ok(print);
  });
}
