import { createHash } from 'node:crypto';
import type { Random } from '../../base/random';
import { ok, type Result } from '../../base/result';
import { secondMs, type Timers } from '../../base/time';
import { createLocalKey, openLocal, sealLocal } from '../../crypto/localSeal';
import type { StorageError } from '../../sqlite/database';
import { holdsSealedPayloads } from '../../store/atRest/seal';
import type { AtRestCipher } from '../../store/payloads';
import { clearState, readState, writeState } from '../../store/state';
import type { Store } from '../../store/store';
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

/** So long a window that has set out to make the key is waited for, before another makes it. */
const maxKeyWaitMs = 5 * secondMs;
const keyPollMs = 100;
/** More than the windows that can meet at the making of one key. */
const maxAttempts = 1000;

/**
 * This device's local key; made, once for all its windows, when there has never been one. It lies in the secret
 * storage before the store says which it is, so an end in between locks nothing.
 * @returns undefined when the key that the store was written with is gone: the device is locked
 */
export async function obtainLocalKey(options: {
  readonly store: Store;
  readonly secrets: SecretStore;
  readonly random: Random;
  readonly timers: Timers;
}): Promise<Result<Uint8Array | undefined, StorageError>> {
  const { store, secrets, random, timers } = options;
  const claim = random.uuid();
  let other: string | undefined;
  let waitedMs = 0;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const state = await claimTheMaking(store, claim, waitedMs >= maxKeyWaitMs ? other : undefined);
    if (!state.ok) return state;
    switch (state.value.type) {
      case 'decided': {
        const { print } = state.value;
        const held = await loadLocalKey(secrets);
        return ok(held !== undefined && printOf(held) === print ? held : undefined);
      }
      case 'claimed': {
        const made = await makeTheKey(options, claim);
        if (!made.ok || made.value !== undefined) return made;
        break;
      }
      case 'claimedByOther':
        waitedMs = state.value.claim === other ? waitedMs + keyPollMs : 0;
        other = state.value.claim;
        await timers.sleep(keyPollMs);
    }
  }
  return ok(undefined);
}

/**
 * A new local key for a device that has lost its own, when nothing is encrypted with that.
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

type Making =
  | { readonly type: 'decided'; readonly print: string }
  | { readonly type: 'claimed' }
  | { readonly type: 'claimedByOther'; readonly claim: string };

/** @param stale a claim that is taken over */
async function claimTheMaking(
  store: Store,
  claim: string,
  stale: string | undefined,
): Promise<Result<Making, StorageError>> {
  const known = await store.read(tx => readState(tx, 'localKeyPrint'));
  if (!known.ok) return known;
  if (known.value !== undefined) return ok({ type: 'decided', print: known.value });
  return store.write<Making, never>(tx => {
    const print = readState(tx, 'localKeyPrint');
    if (print !== undefined) return ok({ type: 'decided', print });
    const before = readState(tx, 'localKeyClaim');
    if (before !== undefined && before !== claim && before !== stale) {
      return ok({ type: 'claimedByOther', claim: before });
    }
    writeState(tx, 'localKeyClaim', claim);
    return ok({ type: 'claimed' });
  });
}

/** @returns undefined when another window has taken the claim over */
async function makeTheKey(
  { store, secrets, random }: Pick<Parameters<typeof obtainLocalKey>[0], 'store' | 'secrets' | 'random'>,
  claim: string,
): Promise<Result<Uint8Array | undefined, StorageError>> {
  let kept = false;
  try {
    const held = await loadLocalKey(secrets);
    const key = held ?? createLocalKey(random);
    if (held === undefined) await saveLocalKey(secrets, key);
    kept = true;
    return await store.write<Uint8Array | undefined, never>(tx => {
      if (readState(tx, 'localKeyClaim') !== claim) return ok(undefined);
      clearState(tx, 'localKeyClaim');
      writeState(tx, 'localKeyPrint', printOf(key));
      return ok(key);
    });
  } finally {
    // A secret storage that refuses must not keep other windows, or the next start, waiting.
    if (!kept) await store.write<void, never>(tx => ok(clearState(tx, 'localKeyClaim')));
  }
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
