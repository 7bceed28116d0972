import { err, ok } from '../base/result';
import { proofRequestSchema, signInRequestSchema } from '../protocol/accounts';
import { accountIdSchema, deviceIdSchema } from '../protocol/scalars';
import { proveOwner, readRequest, sessionAnswer, verifyProof } from './accounts';
import { type Session, takeAttempt, withSession } from './authentication';
import type { ServerContext } from './context';
import type { Endpoint, EndpointRequest } from './endpoint';
import { malformed, type Outcome, signInAgain, unavailable } from './outcomes';
import { createToken, hashToken } from './tokens';

export function deviceEndpoints(context: ServerContext): readonly Endpoint[] {
  return [
    { method: 'POST', path: '/v1/devices', handle: request => signIn(context, request) },
    {
      method: 'GET',
      path: '/v1/devices',
      handle: withSession(context, async (_request, session) => {
        const devices = await context.storage.listDevices(session.accountId);
        if (!devices.ok) return err(unavailable(devices.error, context.logger));
        const entries = devices.value.map(({ tokenHash: _secret, ...device }) => ({
          ...device,
          current: device.deviceId === session.deviceId,
        }));
        return ok({ status: 200, body: { devices: entries } });
      }),
    },
    {
      method: 'DELETE',
      path: '/v1/devices/:id',
      handle: withSession(context, (request, session) => revoke(context, request, session)),
    },
  ];
}

/** Signs in. A login that does not exist costs the same time and gives the same answer as a wrong key. */
async function signIn(context: ServerContext, request: EndpointRequest): Promise<Outcome> {
  const { storage, clock, random, logger, hub } = context;
  const body = await readRequest(context, request, signInRequestSchema);
  if (!body.ok) return body;
  const { login, device, ...proof } = body.value;
  const party = { address: request.address, subject: login };
  const taken = await takeAttempt(context, 'signIn', party);
  if (!taken.ok) return taken;
  const credentials = await storage.findCredentials({ login });
  if (!credentials.ok) return err(unavailable(credentials.error, logger));
  const decoy = { authHash: context.authHash.decoy(), recoveryHash: context.authHash.decoy() };
  const verified = await verifyProof(context, credentials.value ?? decoy, proof);
  if (!verified.ok) return verified;
  if (credentials.value === undefined) return err(signInAgain);
  await context.rateLimits.giveBack('signIn', party);

  const accountId = accountIdSchema.parse(credentials.value.accountId);
  const token = createToken(random, accountId, device.deviceId);
  const signedIn = await storage.signInDevice({
    ...device,
    accountId,
    tokenHash: hashToken(token),
    now: clock.now(),
  });
  if (signedIn.ok) {
    hub.endDevice(accountId, device.deviceId); // its streams were opened with the token that this one replaces
    logger.info('device signed in', { account: accountId, device: device.deviceId });
    return ok({ status: 201, body: sessionAnswer(context, accountId, token, signedIn.value) });
  }
  switch (signedIn.error.type) {
    case 'accessGone':
      return err(signInAgain);
    case 'tooManyDevices':
      return err({
        code: 'forbidden',
        title: 'This account has too many devices',
        detail: 'Revoke one that is no longer used.',
      });
    default:
      return err(unavailable(signedIn.error, logger));
  }
}

/** A device may revoke itself by its token; to revoke another needs the authentication key. */
async function revoke(context: ServerContext, request: EndpointRequest, session: Session): Promise<Outcome> {
  const deviceId = deviceIdSchema.safeParse(request.parameter('id'));
  if (!deviceId.success) return err(malformed('device id', deviceId.error));
  if (deviceId.data !== session.deviceId) {
    const body = await readRequest(context, request, proofRequestSchema);
    if (!body.ok) return body;
    const proven = await proveOwner(context, session, request, body.value);
    if (!proven.ok) return proven;
  }
  const revoked = await context.storage.revokeDevice(session.accountId, deviceId.data);
  if (!revoked.ok) return err(unavailable(revoked.error, context.logger));
  if (!revoked.value) return err({ code: 'notFound', title: 'There is no such device' });
  context.hub.endDevice(session.accountId, deviceId.data);
  context.logger.info('device revoked', { account: session.accountId, revoked: deviceId.data });
  return ok({ status: 204 });
}
