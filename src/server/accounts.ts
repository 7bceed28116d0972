import { createHmac } from 'node:crypto';
import type * as z from 'zod';
import { sizeText } from '../base/amounts';
import { defined } from '../base/assert';
import { fromBase64Url, toBase64Url } from '../base/encoding';
import type { JsonObject } from '../base/json';
import { err, ok, type Result } from '../base/result';
import {
  type Kdf,
  proofRequestSchema,
  putKeyringRequestSchema,
  putPasswordRequestSchema,
  putRecoveryRequestSchema,
  type SessionAnswer,
  signUpRequestSchema,
  type WireKeyring,
} from '../protocol/accounts';
import { unknownFields } from '../protocol/changes';
import { maxListedKeyIds, saltBytes } from '../protocol/limits';
import { loginSchema } from '../protocol/scalars';
import { maxExtraBytes } from './acceptance';
import { hashKey, type Session, takeAttempt, verifyKey, withSession } from './authentication';
import { readJson } from './bodies';
import type { ServerContext } from './context';
import type { Endpoint, EndpointRequest } from './endpoint';
import { hashInvite } from './invites';
import { type Failure, malformed, type Outcome, signInAgain, unavailable } from './outcomes';
import type { Credentials, KeyringReplacement, StoredKeyring } from './storage/storage';
import { createToken, hashToken } from './tokens';

/** Bodies of the account endpoints: two wrapped rings in base64, and room. */
export const maxAccountBodyBytes = 256 * 1024;

/**
 * What a login that does not exist is said to derive its keys with: what devices choose by default, so that the
 * answer gives nothing away.
 */
const decoyKdf: Omit<Kdf, 'salt'> = {
  algorithm: 'argon2id',
  memoryKib: 64 * 1024,
  passes: 3,
  parallelism: 1,
};
const secretBytes = 32;

export function accountEndpoints(context: ServerContext): readonly Endpoint[] {
  return [
    { method: 'POST', path: '/v1/accounts', handle: request => signUp(context, request) },
    { method: 'GET', path: '/v1/accounts/:login/kdf', handle: request => answerKdf(context, request) },
    {
      method: 'PUT',
      path: '/v1/accounts/me/password',
      handle: withSession(context, (request, session) => putPassword(context, request, session)),
    },
    {
      method: 'GET',
      path: '/v1/accounts/me/keyring',
      handle: withSession(context, async (_request, session) => {
        const keyring = await context.storage.findKeyring(session.accountId);
        if (!keyring.ok) return err(unavailable(keyring.error, context.logger));
        return keyring.value === undefined
          ? err(signInAgain)
          : ok({ status: 200, body: wireKeyring(keyring.value) });
      }),
    },
    {
      method: 'PUT',
      path: '/v1/accounts/me/keyring',
      handle: withSession(context, (request, session) => putKeyring(context, request, session)),
    },
    {
      method: 'GET',
      path: '/v1/accounts/me/keys',
      handle: withSession(context, async (_request, session) => {
        const used = await context.storage.usedKeyIds(session.accountId, maxListedKeyIds + 1);
        if (!used.ok) return err(unavailable(used.error, context.logger));
        const hasMore = used.value.length > maxListedKeyIds;
        const keyIds = used.value.slice(0, maxListedKeyIds);
        return ok({ status: 200, body: { keyIds, hasMore, serverTime: context.clock.now() } });
      }),
    },
    {
      method: 'PUT',
      path: '/v1/accounts/me/recovery',
      handle: withSession(context, (request, session) => putRecovery(context, request, session)),
    },
    {
      method: 'DELETE',
      path: '/v1/accounts/me',
      handle: withSession(context, (request, session) => deleteAccount(context, request, session)),
    },
  ];
}

/** Decodes the body of an account or device endpoint. A login in it may be in any case. */
export async function readRequest<T>(
  context: ServerContext,
  request: EndpointRequest,
  schema: z.ZodType<T>,
): Promise<Result<T, Failure>> {
  const maxBytes = Math.min(maxAccountBodyBytes, context.limits.maxBodyBytes);
  const body = await readJson(request.raw, maxBytes, request.countReceived);
  if (!body.ok) return body;
  const decoded = schema.safeParse(withNormalisedLogin(body.value));
  return decoded.success ? ok(decoded.data) : err(malformed('body', decoded.error));
}

/** Proves that the account's owner asks, by the current authentication or recovery key, not only by a token. */
export async function proveOwner(
  context: ServerContext,
  session: Session,
  request: EndpointRequest,
  proof: { readonly authKey?: string; readonly recoveryAuthKey?: string },
): Promise<Result<void, Failure>> {
  const party = { address: request.address, subject: session.accountId };
  const taken = await takeAttempt(context, 'proof', party);
  if (!taken.ok) return taken;
  const credentials = await context.storage.findCredentials({ accountId: session.accountId });
  if (!credentials.ok) return err(unavailable(credentials.error, context.logger));
  if (credentials.value === undefined) return err(signInAgain);
  const verified = await verifyProof(context, credentials.value, proof);
  if (verified.ok) await context.rateLimits.giveBack('proof', party);
  return verified;
}

export async function verifyProof(
  context: ServerContext,
  credentials: Pick<Credentials, 'authHash' | 'recoveryHash'>,
  { authKey, recoveryAuthKey }: { readonly authKey?: string; readonly recoveryAuthKey?: string },
): Promise<Result<void, Failure>> {
  if ((authKey === undefined) === (recoveryAuthKey === undefined)) {
    return err({ code: 'malformed', title: 'Exactly one of authKey and recoveryAuthKey is needed' });
  }
  return authKey === undefined
    ? verifyKey(context, bytesOf(recoveryAuthKey ?? ''), credentials.recoveryHash)
    : verifyKey(context, bytesOf(authKey), credentials.authHash);
}

/** The bytes of text that a schema has found to be base64. */
export function bytesOf(text: string): Uint8Array {
  return defined(fromBase64Url(text), 'the schema has checked the base64');
}

export function sessionAnswer(
  context: ServerContext,
  accountId: SessionAnswer['accountId'],
  token: string,
  keyring: StoredKeyring,
): SessionAnswer {
  return { accountId, token, keyring: wireKeyring(keyring), serverTime: context.clock.now() };
}

async function signUp(context: ServerContext, request: EndpointRequest): Promise<Outcome> {
  const { storage, clock, random, limits, logger } = context;
  if (limits.signUp === 'closed') {
    return err({
      code: 'signUpClosed',
      title: 'This server takes no new accounts',
      detail: 'Ask whoever runs it.',
    });
  }
  const decoded = await readRequest(context, request, signUpRequestSchema);
  if (!decoded.ok) return decoded;
  const { login, accountId, device, ...body } = decoded.value;
  const { wrapped, recoveryWrapped, ...unknown } = body.keyring;
  const extra = keyringExtra(unknown);
  if (!extra.ok) return extra;
  const party = { address: request.address, subject: login };
  const taken = await takeAttempt(context, 'signUp', party);
  if (!taken.ok) return taken;
  const inviteHash = limits.signUp === 'open' ? undefined : hashInvite(body.invite ?? '');
  if (inviteHash !== undefined) {
    const usable = await storage.isInviteUsable(inviteHash, clock.now());
    if (!usable.ok) return err(unavailable(usable.error, logger));
    if (!usable.value) return err(inviteRequired);
  }
  const authHash = await hashKey(context, bytesOf(body.authKey));
  if (!authHash.ok) return authHash;
  const recoveryHash = await hashKey(context, bytesOf(body.recoveryAuthKey));
  if (!recoveryHash.ok) return recoveryHash;
  const token = createToken(random, accountId, device.deviceId);
  const created = await storage.createAccount({
    accountId,
    login,
    kdf: body.kdf,
    authHash: authHash.value,
    recoveryHash: recoveryHash.value,
    wrapped,
    recoveryWrapped,
    extra: extra.value,
    device: { ...device, tokenHash: hashToken(token), now: clock.now() },
    inviteHash,
  });
  if (created.ok) {
    await context.rateLimits.giveBack('signUp', party);
    logger.info('account created', { account: accountId, device: device.deviceId });
    return ok({ status: 201, body: sessionAnswer(context, accountId, token, created.value) });
  }
  switch (created.error.type) {
    case 'loginTaken':
      return err({ code: 'loginTaken', title: 'This login is taken', detail: 'Choose another, or sign in.' });
    case 'accountIdTaken':
      return err({ code: 'loginTaken', title: 'This account exists already', detail: 'Sign in to it.' });
    case 'inviteInvalid':
      return err(inviteRequired);
    default:
      return err(unavailable(created.error, logger));
  }
}

const inviteRequired: Failure = {
  code: 'inviteRequired',
  title: 'An invite code is needed',
  detail: 'The code is missing, used or expired. Ask whoever runs the server for a new one.',
};

/** The derivation parameters; also, stable and false, for a login that does not exist. */
async function answerKdf(context: ServerContext, request: EndpointRequest): Promise<Outcome> {
  const login = loginSchema.safeParse(normaliseLogin(request.parameter('login')));
  if (!login.success) return err(malformed('login', login.error));
  const taken = await takeAttempt(context, 'kdf', { address: request.address, subject: login.data });
  if (!taken.ok) return taken;
  const secret = await context.storage.secret(context.random.bytes(secretBytes));
  if (!secret.ok) return err(unavailable(secret.error, context.logger));
  const salt = createHmac('sha256', secret.value).update(`kdf ${login.data}`).digest().subarray(0, saltBytes);
  const decoy: Kdf = { ...decoyKdf, salt: toBase64Url(salt) };
  const credentials = await context.storage.findCredentials({ login: login.data });
  if (!credentials.ok) return err(unavailable(credentials.error, context.logger));
  return ok({ status: 200, body: credentials.value?.kdf ?? decoy });
}

async function putPassword(
  context: ServerContext,
  request: EndpointRequest,
  session: Session,
): Promise<Outcome> {
  const body = await readRequest(context, request, putPasswordRequestSchema);
  if (!body.ok) return body;
  const proven = await proveOwner(context, session, request, body.value);
  if (!proven.ok) return proven;
  const authHash = await hashKey(context, bytesOf(body.value.newAuthKey));
  if (!authHash.ok) return authHash;
  const { baseVersion, kdf, wrapped } = body.value;
  return replaceKeyring(context, {
    accountId: session.accountId,
    baseVersion,
    kdf,
    wrapped,
    authHash: authHash.value,
  });
}

async function putKeyring(
  context: ServerContext,
  request: EndpointRequest,
  session: Session,
): Promise<Outcome> {
  const body = await readRequest(context, request, putKeyringRequestSchema);
  if (!body.ok) return body;
  const { authKey, recoveryAuthKey, baseVersion, wrapped, recoveryWrapped, retiredKeyIds, ...unknown } =
    body.value;
  const extra = keyringExtra(unknown);
  if (!extra.ok) return extra;
  const proven = await proveOwner(context, session, request, { authKey });
  if (!proven.ok) return proven;
  const replacement = {
    accountId: session.accountId,
    baseVersion,
    wrapped,
    recoveryWrapped,
    extra: extra.value,
    ...(retiredKeyIds === undefined ? {} : { retiredKeyIds }),
  };
  if (recoveryAuthKey === undefined) return replaceKeyring(context, replacement);
  const recoveryHash = await hashKey(context, bytesOf(recoveryAuthKey));
  if (!recoveryHash.ok) return recoveryHash;
  return replaceKeyring(context, { ...replacement, recoveryHash: recoveryHash.value });
}

async function putRecovery(
  context: ServerContext,
  request: EndpointRequest,
  session: Session,
): Promise<Outcome> {
  const body = await readRequest(context, request, putRecoveryRequestSchema);
  if (!body.ok) return body;
  const { authKey, newRecoveryAuthKey, baseVersion, recoveryWrapped } = body.value;
  const proven = await proveOwner(context, session, request, { authKey });
  if (!proven.ok) return proven;
  const recoveryHash = await hashKey(context, bytesOf(newRecoveryAuthKey));
  if (!recoveryHash.ok) return recoveryHash;
  const { accountId } = session;
  return replaceKeyring(context, {
    accountId,
    baseVersion,
    recoveryWrapped,
    recoveryHash: recoveryHash.value,
  });
}

async function replaceKeyring(context: ServerContext, replacement: KeyringReplacement): Promise<Outcome> {
  const replaced = await context.storage.replaceKeyring(replacement);
  if (replaced.ok) return ok({ status: 200, body: wireKeyring(replaced.value) });
  switch (replaced.error.type) {
    case 'keyringChanged':
      return err({
        code: 'keyringChanged',
        title: 'Another device has changed the key ring',
        detail: `It is at version ${replaced.error.version}. Fetch it, and try again.`,
      });
    case 'accessGone':
      return err(signInAgain);
    default:
      return err(unavailable(replaced.error, context.logger));
  }
}

async function deleteAccount(
  context: ServerContext,
  request: EndpointRequest,
  session: Session,
): Promise<Outcome> {
  const body = await readRequest(context, request, proofRequestSchema);
  if (!body.ok) return body;
  const proven = await proveOwner(context, session, request, body.value);
  if (!proven.ok) return proven;
  const deleted = await context.storage.deleteAccount(session.accountId);
  if (!deleted.ok) return err(unavailable(deleted.error, context.logger));
  context.hub.endAccount(session.accountId);
  context.logger.info('account deleted', { account: session.accountId });
  return ok({ status: 204 });
}

/** The fields of a key ring that this version does not know, within what the server keeps of them. */
function keyringExtra(unknown: Readonly<Record<string, unknown>>): Result<JsonObject, Failure> {
  const extra = unknownFields(unknown, new Set());
  if (Buffer.byteLength(JSON.stringify(extra)) <= maxExtraBytes) return ok(extra);
  return err({
    code: 'malformed',
    title: 'The key ring has too many unknown fields',
    detail: `They may take ${sizeText(maxExtraBytes)}.`,
  });
}

function wireKeyring({ extra, ...keyring }: StoredKeyring): WireKeyring {
  return { ...extra, ...keyring };
}

const normaliseLogin = (login: string): string => login.trim().toLowerCase();

function withNormalisedLogin(body: unknown): unknown {
  return body !== null && typeof body === 'object' && 'login' in body && typeof body.login === 'string'
    ? { ...body, login: normaliseLogin(body.login) }
    : body;
}
