import { err } from '../base/result';
import { withSession } from './authentication';
import type { ServerContext } from './context';
import type { Endpoint } from './endpoint';
import { streamHeaders } from './events';
import { signInAgain, unavailable, unavailableRetrySeconds } from './outcomes';

/** `GET /v1/events`: says that there is something new, never what. */
export function streamEndpoints(context: ServerContext): readonly Endpoint[] {
  const { hub, storage, logger } = context;
  return [
    {
      method: 'GET',
      path: '/v1/events',
      handle: withSession(context, async (request, session) => {
        // Nobody would read the stream, and it would stay open.
        if (request.raw.method === 'HEAD') return new Response(null, { headers: streamHeaders });
        if (hub.isFull) {
          return err({
            code: 'unavailable',
            title: 'Too many event streams are open',
            detail: 'Poll, and try again later.',
            retryAfterSeconds: unavailableRetrySeconds,
          });
        }
        // Opened first and looked at then, so that a revocation in between finds it.
        const stream = hub.open(session);
        const states = await storage.streamStates([session]);
        const head = states.ok && states.value[0]?.valid === true ? states.value[0].head : undefined;
        if (head === undefined) {
          hub.endToken(session.tokenHash);
          return err(states.ok ? signInAgain : unavailable(states.error, logger));
        }
        stream.tell(head);
        return stream.response;
      }),
    },
  ];
}

/**
 * Follows what other processes do to the store: ends the streams of devices that they revoked, and tells the heads
 * that they moved. Looks follow one another; commits that come during one are covered by the next.
 */
export function followForeignCommits(context: ServerContext): { dispose(): void } {
  const { hub, storage, logger } = context;
  let isLooking = false;
  let isStale = false;
  const look = async () => {
    isStale = true;
    if (isLooking) return;
    isLooking = true;
    while (isStale) {
      isStale = false;
      const keys = hub.keys();
      const states = await storage.streamStates(keys);
      if (!states.ok) {
        unavailable(states.error, logger);
        break;
      }
      for (const [index, key] of keys.entries()) {
        const state = states.value[index];
        if (state?.valid === true) hub.announce(key.accountId, state.head);
        else hub.endToken(key.tokenHash);
      }
    }
    isLooking = false;
  };
  return storage.onForeignCommit(() => void look());
}
