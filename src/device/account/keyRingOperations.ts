import { toBase64Url } from '../../base/encoding';
import { ok, type Result, unwrap } from '../../base/result';
import { addKey, type KeyRing } from '../../crypto/keyRing';
import { createRecoveryPhrase, recoveryKeys } from '../../crypto/recoveryPhrase';
import { readState } from '../../store/state';
import { read } from '../core';
import type { DeviceAccount } from '../device';
import type { DeviceError } from '../deviceError';
import { failure } from '../failures';
import {
  type AccountParts,
  type FreshRing,
  freshRing,
  type Proven,
  proofFailure,
  proven,
  serverBehind,
  withoutUnusedKeys,
} from './accountEntry';
import { newPasswordKeys, wrapRing } from './accountKeys';
import { enter } from './signing';

/** What a person who has proven who they are does with the account's keys, and with what they are wrapped for. */
export function createKeyRingOperations(
  parts: AccountParts,
): Pick<DeviceAccount, 'changePassword' | 'newRecoveryPhrase' | 'rotateKey'> {
  const { core, derivation } = parts;
  const { random } = core;
  return {
    changePassword: async (current, next) => {
      const who = await proven(parts, current);
      if (!who.ok) return who;
      const { transport, account, session, keys } = who.value;
      const password = await newPasswordKeys(next, random, derivation);
      if (!password.ok) return password;
      const ring = await freshRing(who.value);
      if (!ring.ok) return ring;
      // The copy of the ring for the recovery phrase would stay the older one.
      if (ring.value.isServerBehind) return serverBehind();
      const changed = await transport.putPassword({
        authKey: toBase64Url(keys.authKey),
        kdf: password.value.kdf,
        newAuthKey: toBase64Url(password.value.keys.authKey),
        baseVersion: ring.value.version,
        wrapped: wrapRing(ring.value.ring, password.value.keys, session.accountId, random),
      });
      return changed.ok ? ok() : proofFailure(changed.error, account.server);
    },

    newRecoveryPhrase: async password => {
      const who = await proven(parts, password);
      if (!who.ok) return who;
      const held = await freshRing(who.value);
      if (!held.ok) return held;
      const ring = await withoutUnusedKeys(who.value, held.value.ring);
      return ring.ok ? replaceRing(parts, who.value, held.value, ring.value) : ring;
    },

    rotateKey: async password => {
      const who = await proven(parts, password);
      if (!who.ok) return who;
      const held = await freshRing(who.value);
      if (!held.ok) return held;
      const kept = await withoutUnusedKeys(who.value, held.value.ring);
      if (!kept.ok) return kept;
      const rotated = addKey(kept.value, random, core.clock.now());
      if (!rotated.ok)
        return failure('refused', 'The key ring is full. Let the other devices sync, then try again.');
      return replaceRing(parts, who.value, held.value, rotated.value);
    },
  };
}

/**
 * Puts a ring in the place of the account's, which is at `version`, with a new recovery phrase: only with that
 * can the ring be wrapped for it.
 */
async function replaceRing(
  parts: AccountParts,
  { transport, account, session, keys }: Proven,
  { version, extra }: Pick<FreshRing, 'version' | 'extra'>,
  ring: KeyRing,
): Promise<Result<{ readonly recoveryPhrase: string }, DeviceError>> {
  const { core } = parts;
  const { random } = core;
  const phrase = createRecoveryPhrase(random);
  const recovery = unwrap(recoveryKeys(phrase));
  const put = await transport.putKeyring({
    ...extra,
    authKey: toBase64Url(keys.authKey),
    baseVersion: version,
    wrapped: wrapRing(ring, keys, session.accountId, random),
    recoveryWrapped: wrapRing(ring, recovery, session.accountId, random),
    recoveryAuthKey: toBase64Url(recovery.authKey),
    retiredKeyIds: ring.keys.filter(key => key.retired).map(key => key.keyId),
  });
  if (!put.ok) return proofFailure(put.error, account.server);
  if (ring.revision === session.ring.revision) return ok({ recoveryPhrase: phrase });
  const device = await read(core, store => ok(readState(store, 'device')?.name ?? ''));
  if (!device.ok) return device;
  const entered = await enter(parts, { ...session, ring }, { ...account, deviceName: device.value });
  return entered.ok ? ok({ recoveryPhrase: phrase }) : entered;
}
