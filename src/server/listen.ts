import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import { createAdaptorServer } from '@hono/node-server';
import { assert } from '../base/assert';
import { messageOf, systemCodeOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import { minuteMs, secondMs, type Timers } from '../base/time';
import type { ServerCore } from './core';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** PEM texts; undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  readonly timers: Timers;
}

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Listening {
  readonly port: number;
  /** Takes a renewed certificate; connections that are open keep the old one. */
  replaceCertificate(tls: TlsFiles): void;
  /** Takes no new requests, ends the event streams, lets open requests finish for a bounded time. */
  drain(): Promise<void>;
}

export interface ListenError {
  readonly type: 'cannotListen';
  /** In words, with the next step. */
  readonly reason: string;
}

/** The time that open requests have to finish once the server is told to stop; it is gone within 10 s. */
export const maxDrainMs = 7 * secondMs;
const idleSweepMs = 50;
/** A request, body included, must have arrived in this time: a full push on the slowest link that devices put up with. */
const requestTimeoutMs = 5 * minuteMs;
const headersTimeoutMs = 20 * secondMs;
/** Above what proxies usually keep a connection open for, so that they close it first. */
const keepAliveTimeoutMs = 75 * secondMs;
const maxConnections = 20_000;

/** Serves the app over HTTP/1.1, or over TLS. */
export async function listen(
  core: ServerCore,
  options: ListenOptions,
): Promise<Result<Listening, ListenError>> {
  const timeouts = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: headersTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
  };
  let server: ReturnType<typeof createAdaptorServer>;
  try {
    server = createAdaptorServer({
      fetch: (request, env) => core.app.fetch(request, env),
      ...(options.tls === undefined
        ? { createServer: createHttpServer, serverOptions: timeouts }
        : {
            createServer: createHttpsServer,
            serverOptions: { ...timeouts, ...options.tls, minVersion: 'TLSv1.2' },
          }),
    });
  } catch (error) {
    return err({
      type: 'cannotListen',
      reason: `The certificate or its key cannot be used: ${messageOf(error)}`,
    });
  }
  assert('closeIdleConnections' in server, 'a server of HTTP/1.1 was asked for');
  const http = server;
  http.maxConnections = maxConnections;
  const failure = await start(http, options);
  if (failure !== undefined) return err(failure);
  const address = http.address();
  assert(address !== null && typeof address === 'object', 'a listening server has an address');
  return ok({
    port: address.port,
    replaceCertificate: tls => {
      if (http instanceof HttpsServer) http.setSecureContext(tls);
    },
    drain: () => drain(http, core, options.timers),
  });
}

/** The client's address: that of the connection, or the one that the trusted proxy in front has added last. */
export function addressReader(trustsProxy: boolean): (request: Request, env: unknown) => string {
  return (request, env) => {
    const forwarded = request.headers.get('X-Forwarded-For');
    if (trustsProxy && forwarded !== null) return forwarded.split(',').at(-1)?.trim() ?? 'unknown';
    return isBindings(env) ? (env.incoming.socket.remoteAddress ?? 'unknown') : 'unknown';
  };
}

function isBindings(env: unknown): env is { readonly incoming: IncomingMessage } {
  return env !== null && typeof env === 'object' && 'incoming' in env;
}

function start(server: Server, { host, port }: ListenOptions): Promise<ListenError | undefined> {
  return new Promise(resolve => {
    server.once('error', error => resolve({ type: 'cannotListen', reason: reasonOf(error, host, port) }));
    server.listen(port, host, () => resolve(undefined));
  });
}

function reasonOf(error: Error, host: string, port: number): string {
  switch (systemCodeOf(error)) {
    case 'EADDRINUSE':
      return `Port ${port} is in use. Stop the program that uses it, or set PORT to another.`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Set PORT to one above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${host}. Set HOST to one that it has.`;
    default:
      return `The server cannot listen on ${host}, port ${port}: ${error.message}`;
  }
}

async function drain(server: Server, core: ServerCore, timers: Timers): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()));
  core.drain();
  const finished = new AbortController();
  const sweeping = closeIdleAgainAndAgain(server, timers, finished.signal);
  await Promise.race([closed, timers.sleep(maxDrainMs, finished.signal)]);
  finished.abort();
  await sweeping;
  server.closeAllConnections();
  await closed;
}

/** A connection becomes idle when its request ends, and a client would keep it open for another. */
async function closeIdleAgainAndAgain(server: Server, timers: Timers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    server.closeIdleConnections();
    await timers.sleep(idleSweepMs, signal);
  }
}
