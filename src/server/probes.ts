import { err } from '../base/result';
import type { ServerContext } from './context';
import type { Endpoint } from './endpoint';
import { failureResponse, unavailable } from './outcomes';

/** Liveness, readiness and Prometheus: for the machine that the server runs on, without a token. */
export function probeEndpoints(context: ServerContext): readonly Endpoint[] {
  return [
    { method: 'GET', path: '/healthz', isProbe: true, handle: async () => said('ok') },
    {
      method: 'GET',
      path: '/readyz',
      isProbe: true,
      handle: async () => {
        if (context.isDraining()) {
          return failureResponse({ code: 'unavailable', title: 'The server is stopping' });
        }
        const counts = await context.storage.counts();
        return counts.ok ? said('ready') : err(unavailable(counts.error, context.logger));
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      isProbe: true,
      handle: async () => {
        const { registry } = context.metrics;
        return new Response(await registry.metrics(), { headers: { 'Content-Type': registry.contentType } });
      },
    },
  ];
}

/** With headers of its own: the response of a probe to HEAD is made of them. */
function said(line: string): Response {
  return new Response(`${line}\n`, { headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
}
