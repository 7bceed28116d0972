import { Hono } from 'hono';
import { accountEndpoints } from './accounts';
import { changeEndpoints } from './changes';
import type { ServerContext } from './context';
import { deviceEndpoints } from './devices';
import { registerEndpoints } from './endpoint';
import { itemEndpoints } from './items';
import { probeEndpoints } from './probes';
import { streamEndpoints } from './streams';

/** The server as a function from request to response; listening is someone else's. */
export function createApp(context: ServerContext): Hono {
  const app = new Hono();
  registerEndpoints(app, context, [
    ...probeEndpoints(context),
    ...accountEndpoints(context),
    ...deviceEndpoints(context),
    ...changeEndpoints(context),
    ...itemEndpoints(context),
    ...streamEndpoints(context),
  ]);
  return app;
}
