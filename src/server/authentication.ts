import { err, ok, type Result } from '../base/result';
import { hourMs } from '../base/time';
import type { ServerContext } from './context';
import type { EndpointRequest } from './endpoint';
import { type Failure, type Outcome, signInAgain, unavailable } from './outcomes';
import type { LimitedAction, LimitedParty } from './rateLimits';
import type { StreamKey } from './storage/storage';
import { hashToken, parseToken, sameHash } from './tokens';

/** A device that has proven itself by its token. */
export type Session = StreamKey;

/** A device's `lastSeenAt` is written at most this often, so that an idle cycle writes nothing. */
export const seenGranularityMs = hourMs;

/** Serves only requests with a good device token. The body is not read before. */
export function withSession(
  context: ServerContext,
  handle: (request: EndpointRequest, session: Session) => Promise<Outcome>,
): (request: EndpointRequest) => Promise<Outcome> {
  return async request => {
    const session = await authenticate(context, request.raw);
    if (!session.ok) return session;
    request.note({ device: session.value.deviceId });
    return handle(request, session.value);
  };
}

async function authenticate(context: ServerContext, request: Request): Promise<Result<Session, Failure>> {
  const { storage, clock, logger } = context;
  const token = /^Bearer ([\w-]{1,500})$/i.exec(request.headers.get('Authorization') ?? '')?.[1];
  const named = token === undefined ? undefined : parseToken(token);
  if (token === undefined || named === undefined) return err(signInAgain);
  const device = await storage.findDevice(named.accountId, named.deviceId);
  if (!device.ok) return err(unavailable(device.error, logger));
  const tokenHash = hashToken(token);
  if (device.value === undefined || !sameHash(tokenHash, device.value.tokenHash)) return err(signInAgain);
  const now = clock.now();
  if (Math.abs(now - device.value.lastSeenAt) >= seenGranularityMs) {
    const seen = await storage.markSeen(named.accountId, named.deviceId, now);
    if (!seen.ok) return err(unavailable(seen.error, logger));
  }
  return ok({ ...named, tokenHash });
}

/** Counts an attempt; the failure when there were too many. */
export async function takeAttempt(
  context: ServerContext,
  action: LimitedAction,
  party: LimitedParty,
): Promise<Result<void, Failure>> {
  const taken = await context.rateLimits.take(action, party);
  if (taken.ok) return taken;
  return err({
    code: 'tooManyRequests',
    title: 'Too many attempts',
    detail: `Try again in ${taken.error.retryAfterSeconds} s.`,
    retryAfterSeconds: taken.error.retryAfterSeconds,
  });
}

/** Verifies a key against a stored hash, slowly; `badCredentials` when it does not fit. */
export async function verifyKey(
  context: ServerContext,
  key: Uint8Array,
  storedHash: string,
): Promise<Result<void, Failure>> {
  const verified = await context.authHash.verify(key, storedHash);
  if (!verified.ok) return err(overloaded);
  return verified.value
    ? ok()
    : err({
        code: 'badCredentials',
        title: 'The login or the key is wrong',
        detail: 'Check the login, and the password or recovery phrase.',
      });
}

export async function hashKey(context: ServerContext, key: Uint8Array): Promise<Result<string, Failure>> {
  const hashed = await context.authHash.hash(key);
  return hashed.ok ? hashed : err(overloaded);
}

const overloadedRetrySeconds = 10;
const overloaded: Failure = {
  code: 'unavailable',
  title: 'Too many sign-ins at once',
  retryAfterSeconds: overloadedRetrySeconds,
};
