import type { Context, Hono } from 'hono';
import { messageOf } from '../base/errors';
import { err } from '../base/result';
import { secondMs } from '../base/time';
import { oldestProtocolVersion, protocolVersion } from '../protocol/limits';
import { protocolHeader } from '../protocol/routes';
import { encodeAnswer } from './bodies';
import type { ServerContext } from './context';
import { type Failure, failureResponse, type Outcome, unavailableRetrySeconds } from './outcomes';

/** One row of the routing table. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** Served while the server drains, and not logged: probes and metrics. */
  readonly isProbe?: boolean;
  readonly handle: (request: EndpointRequest) => Promise<Outcome>;
}

/** A request as an endpoint sees it. */
export interface EndpointRequest {
  readonly raw: Request;
  readonly address: string;
  /** The decoded part of the path that stands for `:name`. */
  parameter(name: string): string;
  query(): Readonly<Record<string, string>>;
  /** Counts the bytes of the body as received. */
  readonly countReceived: (bytes: number) => void;
  /** Adds facts to the request's log line. */
  note(facts: Readonly<Record<string, string | number>>): void;
}

/**
 * Registers the endpoints, each with what all have in common: the protocol version, draining, one place where failures
 * become problem documents and throws become 500, metrics and one log line. Other methods of a known path are 405.
 */
export function registerEndpoints(app: Hono, context: ServerContext, endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    app.on(endpoint.method, endpoint.path, c => serve(context, c, endpoint.path, endpoint));
  }
  for (const path of new Set(endpoints.map(endpoint => endpoint.path))) {
    const allowed = endpoints.filter(endpoint => endpoint.path === path).map(endpoint => endpoint.method);
    app.all(path, c =>
      serve(context, c, path, {
        handle: async () => {
          const response = failureResponse({
            code: 'methodNotAllowed',
            title: 'This path has no such method',
          });
          response.headers.set('Allow', allowed.join(', '));
          return response;
        },
      }),
    );
  }
  app.notFound(c =>
    serve(context, c, 'none', {
      handle: async () => err({ code: 'notFound', title: 'There is nothing at this address' }),
    }),
  );
}

async function serve(
  context: ServerContext,
  c: Context,
  route: string,
  endpoint: Pick<Endpoint, 'handle' | 'isProbe'>,
): Promise<Response> {
  const started = context.clock.monotonic();
  const facts: Record<string, string | number> = {};
  const response = await answer(context, c, endpoint, facts);
  response.headers.set(protocolHeader, String(protocolVersion));
  const durationMs = context.clock.monotonic() - started;
  const { method } = c.req.raw;
  context.metrics.requests.observe({ method, route, status: response.status }, durationMs / secondMs);
  if (endpoint.isProbe !== true) {
    context.logger.info('request', {
      method,
      route,
      status: response.status,
      durationMs: Math.round(durationMs),
      ...facts,
    });
  }
  return response;
}

async function answer(
  context: ServerContext,
  c: Context,
  endpoint: Pick<Endpoint, 'handle' | 'isProbe'>,
  facts: Record<string, string | number>,
): Promise<Response> {
  const { raw } = c.req;
  const refusal = endpoint.isProbe === true ? undefined : refusalOf(context, raw);
  if (refusal !== undefined) return failureResponse(refusal);
  try {
    const outcome = await endpoint.handle({
      raw,
      address: context.addressOf(raw, c.env),
      parameter: name => c.req.param(name) ?? '',
      query: () => c.req.query(),
      countReceived: bytes => context.metrics.bytes.inc({ direction: 'received' }, bytes),
      note: added => Object.assign(facts, added),
    });
    if (outcome instanceof Response) return outcome;
    if (!outcome.ok) {
      facts['code'] = outcome.error.code;
      return failureResponse(outcome.error);
    }
    const { status, body } = outcome.value;
    if (body === undefined) return new Response(null, { status });
    const { bytes, encoding } = await encodeAnswer(body, raw.headers.get('Accept-Encoding'));
    context.metrics.bytes.inc({ direction: 'sent' }, bytes.byteLength);
    return new Response(bytes, {
      status,
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        'Content-Length': String(bytes.byteLength),
        ...(encoding === undefined ? {} : { 'Content-Encoding': encoding }),
      },
    });
  } catch (error) {
    context.logger.error('a request failed unexpectedly', { error: messageOf(error) });
    return failureResponse({
      code: 'internal',
      title: 'The server failed on this request',
      detail: 'It is a fault of the server; its log says more.',
    });
  }
}

function refusalOf(context: ServerContext, request: Request): Failure | undefined {
  if (context.isDraining()) {
    return {
      code: 'unavailable',
      title: 'The server is stopping',
      retryAfterSeconds: unavailableRetrySeconds,
    };
  }
  const text = request.headers.get(protocolHeader);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) {
    return { code: 'malformed', title: `${protocolHeader} must be a whole number` };
  }
  return Number(text) < oldestProtocolVersion
    ? {
        code: 'unsupportedVersion',
        title: 'This device speaks a protocol that is too old for the server',
        detail: `Update it: the oldest version that is served is ${oldestProtocolVersion}.`,
      }
    : undefined;
}
