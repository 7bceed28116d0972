import { toBase64Url } from '../../base/encoding';
import { ok, type Result, unwrap } from '../../base/result';
import { createKeyRing } from '../../crypto/keyRing';
import { createRecoveryPhrase, recoveryKeys } from '../../crypto/recoveryPhrase';
import { createAccountId } from '../../model/ids/createId';
import { maxDeviceNameLength } from '../../protocol/limits';
import { deviceNameSchema, loginSchema } from '../../protocol/scalars';
import { readState, writeState } from '../../store/state';
import { read, write } from '../core';
import type { DeviceAccount } from '../device';
import type { DeviceError } from '../deviceError';
import { failure, transportFailure } from '../failures';
import {
  type AccountParts,
  openAccount,
  otherAccount,
  requireSignedOut,
  transportTo,
  withdraw,
} from './accountEntry';
import { newPasswordKeys, wrapRing } from './accountKeys';
import { bringLocalKeyBack, enterAccount, keepWrappedLocalKey } from './localState';
import { serverOrigin } from './serverAddress';
import { loadSession, type Session, saveSession } from './session';

/** How a session of this device begins and ends. Whoever calls sees to it that no other window does so meanwhile. */
export function createSigning(
  parts: AccountParts,
): Pick<DeviceAccount, 'signUp' | 'signIn' | 'signOut' | 'unlock'> {
  const { core, derivation } = parts;
  const { random, secrets } = core;
  return {
    signUp: async request => {
      const server = serverOrigin(request.server);
      if (!server.ok) return server;
      const login = loginSchema.safeParse(request.login.trim().toLowerCase());
      if (!login.success)
        return failure('badInput', `This login cannot be used: ${login.error.issues[0]?.message}.`);
      const deviceName = deviceNameOf(request.deviceName);
      if (!deviceName.ok) return deviceName;
      const accountId = createAccountId(random);
      const free = await requireSignedOut(core, request.acceptOtherAccount === true ? undefined : accountId);
      if (!free.ok) return free;
      const password = await newPasswordKeys(request.password, random, derivation);
      if (!password.ok) return password;
      const ring = createKeyRing(random, core.clock.now());
      const phrase = createRecoveryPhrase(random);
      const recovery = unwrap(recoveryKeys(phrase));
      const answer = await transportTo(core, server.value).signUp({
        login: login.data,
        ...(request.invite === undefined ? {} : { invite: request.invite }),
        accountId,
        kdf: password.value.kdf,
        authKey: toBase64Url(password.value.keys.authKey),
        recoveryAuthKey: toBase64Url(recovery.authKey),
        keyring: {
          wrapped: wrapRing(ring, password.value.keys, accountId, random),
          recoveryWrapped: wrapRing(ring, recovery, accountId, random),
        },
        device: { deviceId: core.deviceId, name: deviceName.value },
      });
      if (!answer.ok) return transportFailure(answer.error, server.value);
      const session = { accountId, token: answer.value.token, ring };
      const entered = await enter(parts, session, {
        login: login.data,
        server: server.value,
        deviceName: deviceName.value,
      });
      return entered.ok ? ok({ recoveryPhrase: phrase }) : entered;
    },

    signIn: async request => {
      const server = serverOrigin(request.server);
      if (!server.ok) return server;
      const login = loginSchema.safeParse(request.login.trim().toLowerCase());
      if (!login.success)
        return failure('badCredentials', 'The login or the password is wrong. Check both and try again.');
      const deviceName = deviceNameOf(request.deviceName);
      if (!deviceName.ok) return deviceName;
      const transport = transportTo(core, server.value);
      const opened = await openAccount(
        core,
        transport,
        { ...request, login: login.data, server: server.value, deviceName: deviceName.value },
        derivation,
      );
      if (!opened.ok) return opened;
      const { answer, ring } = opened.value;
      const free = await requireSignedOut(
        core,
        request.acceptOtherAccount === true ? undefined : answer.accountId,
      );
      if (!free.ok) {
        await withdraw(core, server.value, answer.token);
        return free;
      }
      return enter(
        parts,
        { accountId: answer.accountId, token: answer.token, ring },
        { login: login.data, server: server.value, deviceName: deviceName.value },
      );
    },

    signOut: async () => {
      const account = await read(core, store => ok(readState(store, 'account')));
      if (!account.ok) return account;
      const session = await loadSession(secrets);
      if (session && session.accountId === account.value?.id) {
        const revoked = await transportTo(core, account.value.server, session.token).revoke(core.deviceId);
        if (!revoked.ok)
          core.logger.warn('the server was not told of the sign-out', { reason: revoked.error.type });
      }
      const written = await write(core, ({ store }) => ok(writeState(store, 'signedIn', false)));
      if (!written.ok) return written;
      await secrets.delete('session');
      return ok();
    },

    unlock: async password => {
      const state = await read(core, store =>
        ok({ account: readState(store, 'account'), device: readState(store, 'device') }),
      );
      if (!state.ok) return state;
      const { account, device } = state.value;
      if (!account || !device) return failure('notSignedIn', 'This device is not signed in. Sign in first.');
      const request = { ...account, deviceName: device.name, secret: { password } };
      const transport = transportTo(core, account.server);
      const opened = await openAccount(core, transport, request, derivation, (error, server) =>
        error.type === 'problem' && error.code === 'badCredentials'
          ? failure(
              'badCredentials',
              `The password is wrong, or ${server} no longer has the account ${account.login}. Nothing was changed.`,
            )
          : transportFailure(error, server),
      );
      if (!opened.ok) return opened;
      if (opened.value.answer.accountId !== account.id) {
        await withdraw(core, account.server, opened.value.answer.token);
        return otherAccount();
      }
      const session = { accountId: account.id, token: opened.value.answer.token, ring: opened.value.ring };
      return enter(parts, session, { login: account.login, server: account.server, deviceName: device.name });
    },
  };
}

/**
 * Keeps a session, and the ring's copy of the local key. The session lies in the secret storage before the store says
 * that there is one, so that no window finds the device locked meanwhile; after an end in between it is not signed in.
 */
export async function enter(
  { core }: AccountParts,
  session: Session,
  account: { readonly login: string; readonly server: string; readonly deviceName: string },
): Promise<Result<void, DeviceError>> {
  const { accountId, ring } = session;
  const localKey = await bringLocalKeyBack(core, { accountId, ring });
  if (!localKey.ok) return localKey;
  await saveSession(core.secrets, session);
  return write(core, ({ store }) => {
    enterAccount(core, store, { ...account, accountId });
    if (localKey.value) keepWrappedLocalKey(core, store, localKey.value, { accountId, ring });
    return ok();
  });
}

function deviceNameOf(given: string): Result<string, DeviceError> {
  const name = deviceNameSchema.safeParse(given);
  return name.success
    ? ok(name.data)
    : failure('badInput', `Give this device a name of 1 to ${maxDeviceNameLength} characters.`);
}
