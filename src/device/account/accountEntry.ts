import { toBase64Url } from '../../base/encoding';
import type { JsonObject } from '../../base/json';
import { type Err, ok, type Result } from '../../base/result';
import type { DerivedKeys } from '../../crypto/derivedKeys';
import { type KeyRing, removeKey } from '../../crypto/keyRing';
import type { SessionAnswer } from '../../protocol/accounts';
import { unknownFields } from '../../protocol/changes';
import { readState } from '../../store/state';
import { type AccountTransport, createTransport, type TransportError } from '../../sync/transport/transport';
import { type DeviceCore, read } from '../core';
import type { SignInJson } from '../device';
import type { DeviceError } from '../deviceError';
import { failure, transportFailure } from '../failures';
import {
  type Derivation,
  keysOfPassword,
  keysOfPhrase,
  newPasswordKeys,
  unwrapRing,
  wrapRing,
} from './accountKeys';
import { loadSession, type Session } from './session';

/** Who this device is signed in as, and how it opens an account before anything of it is written here. */

/** What the account of a device is made of. */
export interface AccountParts {
  readonly core: DeviceCore;
  readonly derivation: Derivation;
}

export interface SignedIn {
  readonly account: { readonly login: string; readonly server: string };
  readonly session: Session;
}

export interface Proven extends SignedIn {
  readonly transport: AccountTransport;
  readonly keys: DerivedKeys;
}

/** The account and session of this device, or why there is none. */
export async function requireSession(core: DeviceCore): Promise<Result<SignedIn, DeviceError>> {
  const state = await read(core, store =>
    ok({ account: readState(store, 'account'), signedIn: readState(store, 'signedIn') ?? false }),
  );
  if (!state.ok) return state;
  if (!state.value.signedIn || !state.value.account) {
    return failure('notSignedIn', 'This device is not signed in. Sign in, or sign up, first.');
  }
  const session = await loadSession(core.secrets);
  // One of another account is what a sign-in has left that was broken off.
  if (session?.accountId !== state.value.account.id) {
    return failure(
      'locked',
      'This device is locked: its keys are gone from the secret storage. Unlock it with the password.',
    );
  }
  return ok({ account: state.value.account, session });
}

/** The signed-in account with its transport, and the keys of the password that proves who asks. */
export async function proven(
  { core, derivation }: AccountParts,
  password: string,
): Promise<Result<Proven, DeviceError>> {
  const signedIn = await requireSession(core);
  if (!signedIn.ok) return signedIn;
  const { account, session } = signedIn.value;
  const transport = transportTo(core, account.server, session.token);
  const kdf = await transport.kdf(account.login);
  if (!kdf.ok) return transportFailure(kdf.error, account.server);
  const keys = await keysOfPassword(password, kdf.value, derivation);
  if (!keys.ok) return keys;
  return ok({ account, session, transport, keys: keys.value });
}

/** @param token none before this device is signed in */
export function transportTo(core: DeviceCore, server: string, token?: string): AccountTransport {
  return createTransport(core.http, core.clock, { server, token });
}

/** The newest ring that is known, and what it would replace on the server. */
export interface FreshRing {
  /** Of the server's ring. */
  readonly version: number;
  readonly ring: KeyRing;
  /** Fields of the server's ring that this version does not know: they go back with the next one. */
  readonly extra: JsonObject;
  /** True when this device's own ring is newer: the server was restored from a backup of before a rotation. */
  readonly isServerBehind: boolean;
}

/**
 * The ring as the server has it now, opened with the password's keys: another device may have rotated it. An older one
 * than this device holds is never taken over.
 */
export async function freshRing({
  transport,
  account,
  session,
  keys,
}: Proven): Promise<Result<FreshRing, DeviceError>> {
  const keyring = await transport.keyring();
  if (!keyring.ok) return transportFailure(keyring.error, account.server);
  const ring = unwrapRing(keyring.value.wrapped, keys, session.accountId, 'password');
  if (!ring.ok) return ring.error.code === 'badCredentials' ? wrongPassword() : ring;
  const isServerBehind = ring.value.revision < session.ring.revision;
  const newest = isServerBehind ? session.ring : ring.value;
  const { version, wrapped: _, recoveryWrapped: __, ...unknown } = keyring.value;
  return ok({ version, ring: newest, extra: unknownFields(unknown, new Set()), isServerBehind });
}

/** The ring without retired keys that no payload on the server is sealed with, history included. */
export async function withoutUnusedKeys(
  { transport, account }: Proven,
  ring: KeyRing,
): Promise<Result<KeyRing, DeviceError>> {
  const used = await transport.usedKeys();
  if (!used.ok) {
    // An older server does not tell: then every key stays.
    const isOlder = used.error.type === 'problem' && used.error.status === 404;
    return isOlder ? ok(ring) : transportFailure(used.error, account.server);
  }
  if (used.value.hasMore) return ok(ring);
  const usedIds = new Set<string>(used.value.keyIds);
  const unused = ring.keys.filter(({ keyId, retired }) => retired && !usedIds.has(keyId));
  return ok(unused.reduce((left, { keyId }) => removeKey(left, keyId), ring));
}

/**
 * Signs this device in at the server and opens the ring, before anything is written here.
 * @param refused tells the person of a sign-in that the server did not accept
 */
export async function openAccount(
  core: DeviceCore,
  transport: AccountTransport,
  request: SignInJson,
  derivation: Derivation,
  refused: (error: TransportError, server: string) => Err<DeviceError> = transportFailure,
): Promise<Result<{ readonly answer: SessionAnswer; readonly ring: KeyRing }, DeviceError>> {
  const { secret } = request;
  if ('recoveryPhrase' in secret) return recoverAccount(core, transport, { ...request, secret }, derivation);
  const device = { deviceId: core.deviceId, name: request.deviceName };
  const kdf = await transport.kdf(request.login);
  if (!kdf.ok) return transportFailure(kdf.error, request.server);
  const keys = await keysOfPassword(secret.password, kdf.value, derivation);
  if (!keys.ok) return keys;
  const answer = await transport.signIn({
    login: request.login,
    authKey: toBase64Url(keys.value.authKey),
    device,
  });
  if (!answer.ok) return refused(answer.error, request.server);
  const ring = unwrapRing(answer.value.keyring.wrapped, keys.value, answer.value.accountId, 'password');
  const held = await loadSession(core.secrets);
  if (!ring.ok) {
    await withdraw(core, request.server, answer.value.token);
    return ring;
  }
  const isOlder = held?.accountId === answer.value.accountId && ring.value.revision < held.ring.revision;
  return ok({ answer: answer.value, ring: isOlder ? held.ring : ring.value });
}

/** Takes back that this device was enrolled: nobody would hold its token. */
export async function withdraw(core: DeviceCore, server: string, token: string): Promise<void> {
  const revoked = await transportTo(core, server, token).revoke(core.deviceId);
  if (!revoked.ok) {
    core.logger.warn('the server still lists this device', { reason: revoked.error.type });
  }
}

type RecoverySecret = Extract<SignInJson['secret'], { readonly recoveryPhrase: string }>;

async function recoverAccount(
  core: DeviceCore,
  transport: AccountTransport,
  request: SignInJson & { readonly secret: RecoverySecret },
  derivation: Derivation,
): Promise<Result<{ readonly answer: SessionAnswer; readonly ring: KeyRing }, DeviceError>> {
  const recovery = keysOfPhrase(request.secret.recoveryPhrase);
  if (!recovery.ok) return recovery;
  const password = await newPasswordKeys(request.secret.newPassword, core.random, derivation);
  if (!password.ok) return password;
  const answer = await transport.signIn({
    login: request.login,
    recoveryAuthKey: toBase64Url(recovery.value.authKey),
    device: { deviceId: core.deviceId, name: request.deviceName },
  });
  if (!answer.ok) {
    const isRefused = answer.error.type === 'problem' && answer.error.code === 'badCredentials';
    return isRefused
      ? failure(
          'badCredentials',
          'The login or the recovery phrase is wrong. A newer phrase, or a rotation of the key, has voided the ones before it: use the latest.',
        )
      : transportFailure(answer.error, request.server);
  }
  const { accountId, token, keyring } = answer.value;
  const ring = unwrapRing(keyring.recoveryWrapped, recovery.value, accountId, 'recovery phrase');
  if (!ring.ok) {
    await withdraw(core, request.server, token);
    return ring;
  }
  const changed = await transportTo(core, request.server, token).putPassword({
    recoveryAuthKey: toBase64Url(recovery.value.authKey),
    kdf: password.value.kdf,
    newAuthKey: toBase64Url(password.value.keys.authKey),
    baseVersion: keyring.version,
    wrapped: wrapRing(ring.value, password.value.keys, accountId, core.random),
  });
  if (changed.ok) return ok({ answer: answer.value, ring: ring.value });
  await withdraw(core, request.server, token);
  return transportFailure(changed.error, request.server);
}

/** @param accountId the account that is entered; another than the remembered one is asked about first */
export async function requireSignedOut(
  core: DeviceCore,
  accountId: string | undefined,
): Promise<Result<void, DeviceError>> {
  const state = await read(core, store =>
    ok({ account: readState(store, 'account'), signedIn: readState(store, 'signedIn') ?? false }),
  );
  if (!state.ok) return state;
  const { account, signedIn } = state.value;
  if (signedIn && account && account.id !== accountId) {
    return failure('alreadySignedIn', `This device is signed in as ${account.login}. Sign out first.`);
  }
  if (account && accountId !== undefined && account.id !== accountId) return otherAccount();
  return ok();
}

/** What the server answers to who has proven with the password alone who asks. */
export function proofFailure(error: TransportError, server: string): Err<DeviceError> {
  const isWrong = error.type === 'problem' && error.code === 'badCredentials';
  return isWrong ? wrongPassword() : transportFailure(error, server);
}

function wrongPassword(): Err<DeviceError> {
  return failure('badCredentials', 'The password is wrong. Nothing was changed.');
}

export function otherAccount(): Err<DeviceError> {
  return failure(
    'otherAccount',
    'This device holds items of another account, and nothing of them was sent. Agree to unite them with this account, or use another folder.',
  );
}

export function serverBehind(): Err<DeviceError> {
  return failure(
    'server',
    'The server has an older key ring than this device, as after it was restored from a backup. Nothing was changed. Issue a new recovery phrase here first: that gives it the newer one.',
  );
}
