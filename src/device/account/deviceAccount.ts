import { toBase64Url } from '../../base/encoding';
import { ok, type Result, unwrap } from '../../base/result';
import { isoTime } from '../../base/time';
import { defaultKdf, defaultKdfPolicy } from '../../crypto/keyDerivation';
import { addKey, createKeyRing, type KeyRing } from '../../crypto/keyRing';
import { createRecoveryPhrase, recoveryKeys } from '../../crypto/recoveryPhrase';
import { createAccountId } from '../../model/ids/createId';
import { maxDeviceNameLength } from '../../protocol/limits';
import { deviceNameSchema, loginSchema } from '../../protocol/scalars';
import type { LockError } from '../../sqlite/lock/processLock';
import { readState, writeState } from '../../store/state';
import type { AccountLock } from '../../store/synced/accountLock';
import { type AccountTransport, createTransport } from '../../sync/transport/transport';
import { type DeviceCore, read, write } from '../core';
import type { DeviceAccount } from '../device';
import type { DeviceError } from '../deviceError';
import { failure, storageFailure, transportFailure } from '../failures';
import {
  type FreshRing,
  freshRing,
  openAccount,
  otherAccount,
  type Proven,
  proofFailure,
  requireSession,
  requireSignedOut,
  serverBehind,
  withdraw,
  withoutUnusedKeys,
} from './accountEntry';
import { type Derivation, keysOfPassword, newPasswordKeys, wrapRing } from './accountKeys';
import { bringLocalKeyBack, enterAccount, keepWrappedLocalKey } from './localState';
import { serverOrigin } from './serverAddress';
import { loadSession, type Session, saveSession } from './session';

export interface AccountOptions {
  readonly core: DeviceCore;
  readonly lock: AccountLock;
  /** Told when a session began, ended or changed. */
  readonly onSession: () => Promise<void>;
  readonly derivation?: Derivation;
}

const productDerivation: Derivation = { policy: defaultKdfPolicy, newParameters: defaultKdf };

export function createDeviceAccount({
  core,
  lock,
  onSession,
  derivation = productDerivation,
}: AccountOptions): DeviceAccount {
  const { random, secrets } = core;

  const transportTo = (server: string, token?: string): AccountTransport =>
    createTransport(core.http, core.clock, { server, token });

  /** The signed-in account with its transport, and the keys of the password that proves who asks. */
  const proven = async (password: string): Promise<Result<Proven, DeviceError>> => {
    const signedIn = await requireSession(core);
    if (!signedIn.ok) return signedIn;
    const { account, session } = signedIn.value;
    const transport = transportTo(account.server, session.token);
    const kdf = await transport.kdf(account.login);
    if (!kdf.ok) return transportFailure(kdf.error, account.server);
    const keys = await keysOfPassword(password, kdf.value, derivation);
    if (!keys.ok) return keys;
    return ok({ account, session, transport, keys: keys.value });
  };

  /**
   * Changes who is signed in, or with what, while no other window does: the server knows one token for each device, and
   * what the store and the secret storage say must be of one account. Then tells the rest of the device.
   */
  const changeSession = async <T>(
    change: () => Promise<Result<T, DeviceError>>,
  ): Promise<Result<T, DeviceError>> => {
    const changed = await lock.hold(change);
    if (!changed.ok) return accountBusy(changed.error);
    if (changed.value.ok) await onSession();
    return changed.value;
  };

  /**
   * Keeps a session, and the ring's copy of the local key. The session lies in the secret storage before the store says
   * that there is one, so that no window finds the device locked meanwhile; after an end in between it is not signed in.
   */
  const enter = async (
    session: Session,
    account: { readonly login: string; readonly server: string; readonly deviceName: string },
  ): Promise<Result<void, DeviceError>> => {
    const { accountId, ring } = session;
    const localKey = await bringLocalKeyBack(core, { accountId, ring });
    if (!localKey.ok) return localKey;
    await saveSession(secrets, session);
    return write(core, ({ store }) => {
      enterAccount(core, store, { ...account, accountId });
      if (localKey.value) keepWrappedLocalKey(core, store, localKey.value, { accountId, ring });
      return ok();
    });
  };

  /**
   * Puts a ring in the place of the account's, which is at `version`, with a new recovery phrase: only with that
   * can the ring be wrapped for it.
   */
  const replaceRing = async (
    { transport, account, session, keys }: Proven,
    { version, extra }: Pick<FreshRing, 'version' | 'extra'>,
    ring: KeyRing,
  ): Promise<Result<{ readonly recoveryPhrase: string }, DeviceError>> => {
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
    const entered = await enter({ ...session, ring }, { ...account, deviceName: device.value });
    return entered.ok ? ok({ recoveryPhrase: phrase }) : entered;
  };

  const signUp: DeviceAccount['signUp'] = async request => {
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
    const answer = await transportTo(server.value).signUp({
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
    const entered = await enter(session, {
      login: login.data,
      server: server.value,
      deviceName: deviceName.value,
    });
    return entered.ok ? ok({ recoveryPhrase: phrase }) : entered;
  };

  const signIn: DeviceAccount['signIn'] = async request => {
    const server = serverOrigin(request.server);
    if (!server.ok) return server;
    const login = loginSchema.safeParse(request.login.trim().toLowerCase());
    if (!login.success)
      return failure('badCredentials', 'The login or the password is wrong. Check both and try again.');
    const deviceName = deviceNameOf(request.deviceName);
    if (!deviceName.ok) return deviceName;
    const transport = transportTo(server.value);
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
      { accountId: answer.accountId, token: answer.token, ring },
      { login: login.data, server: server.value, deviceName: deviceName.value },
    );
  };

  const signOut: DeviceAccount['signOut'] = async () => {
    const account = await read(core, store => ok(readState(store, 'account')));
    if (!account.ok) return account;
    const session = await loadSession(secrets);
    if (session && session.accountId === account.value?.id) {
      const revoked = await transportTo(account.value.server, session.token).revoke(core.deviceId);
      if (!revoked.ok)
        core.logger.warn('the server was not told of the sign-out', { reason: revoked.error.type });
    }
    const written = await write(core, ({ store }) => ok(writeState(store, 'signedIn', false)));
    if (!written.ok) return written;
    await secrets.delete('session');
    return ok();
  };

  const unlock: DeviceAccount['unlock'] = async password => {
    const state = await read(core, store =>
      ok({ account: readState(store, 'account'), device: readState(store, 'device') }),
    );
    if (!state.ok) return state;
    const { account, device } = state.value;
    if (!account || !device) return failure('notSignedIn', 'This device is not signed in. Sign in first.');
    const request = { ...account, deviceName: device.name, secret: { password } };
    const opened = await openAccount(core, transportTo(account.server), request, derivation);
    if (!opened.ok) return opened;
    if (opened.value.answer.accountId !== account.id) {
      await withdraw(core, account.server, opened.value.answer.token);
      return otherAccount();
    }
    const session = { accountId: account.id, token: opened.value.answer.token, ring: opened.value.ring };
    return enter(session, { login: account.login, server: account.server, deviceName: device.name });
  };

  const newRecoveryPhrase: DeviceAccount['newRecoveryPhrase'] = async password => {
    const who = await proven(password);
    if (!who.ok) return who;
    const held = await freshRing(who.value);
    if (!held.ok) return held;
    const ring = await withoutUnusedKeys(who.value, held.value.ring);
    return ring.ok ? replaceRing(who.value, held.value, ring.value) : ring;
  };

  const rotateKey: DeviceAccount['rotateKey'] = async password => {
    const who = await proven(password);
    if (!who.ok) return who;
    const held = await freshRing(who.value);
    if (!held.ok) return held;
    const kept = await withoutUnusedKeys(who.value, held.value.ring);
    if (!kept.ok) return kept;
    const rotated = addKey(kept.value, random, core.clock.now());
    if (!rotated.ok)
      return failure('refused', 'The key ring is full. Let the other devices sync, then try again.');
    return replaceRing(who.value, held.value, rotated.value);
  };

  return {
    signUp: request => changeSession(() => signUp(request)),
    signIn: request => changeSession(() => signIn(request)),
    signOut: () => changeSession(signOut),
    unlock: password => changeSession(() => unlock(password)),

    devices: async () => {
      const signedIn = await requireSession(core);
      if (!signedIn.ok) return signedIn;
      const { account, session } = signedIn.value;
      const devices = await transportTo(account.server, session.token).devices();
      if (!devices.ok) return transportFailure(devices.error, account.server);
      return ok(
        devices.value.map(device => ({
          id: device.deviceId,
          name: device.name,
          createdAt: isoTime(device.createdAt),
          lastSeenAt: isoTime(device.lastSeenAt),
          current: device.current,
        })),
      );
    },

    revoke: async (deviceId, password) => {
      const who = await proven(password);
      if (!who.ok) return who;
      const { transport, account, keys } = who.value;
      const devices = await transport.devices();
      if (!devices.ok) return transportFailure(devices.error, account.server);
      const found = devices.value.filter(device => device.deviceId.startsWith(deviceId));
      const [only] = found;
      if (only === undefined || found.length > 1) {
        return failure(
          'unknownDevice',
          'There is no such device, or more than one. List the devices to see the ids.',
        );
      }
      const revoked = await transport.revoke(only.deviceId, toBase64Url(keys.authKey));
      return revoked.ok ? ok() : proofFailure(revoked.error, account.server);
    },

    changePassword: async (current, next) => {
      const who = await proven(current);
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

    newRecoveryPhrase: password => changeSession(() => newRecoveryPhrase(password)),
    rotateKey: password => changeSession(() => rotateKey(password)),
  };
}

function accountBusy(error: LockError): Result<never, DeviceError> {
  return error.type === 'busy'
    ? failure(
        'busy',
        `Another window or command of this device (${error.owner}) is signing in or out, or changes the key. Let it finish, then try again.`,
      )
    : storageFailure(error);
}

function deviceNameOf(given: string): Result<string, DeviceError> {
  const name = deviceNameSchema.safeParse(given);
  return name.success
    ? ok(name.data)
    : failure('badInput', `Give this device a name of 1 to ${maxDeviceNameLength} characters.`);
}
