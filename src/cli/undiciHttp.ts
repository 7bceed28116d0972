import * as tls from 'node:tls';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { Timers } from '../base/time';
import { type FetchLike, fetchHttp } from '../device/sync/fetchHttp';
import type { HttpClient } from '../sync/transport/http';

/**
 * The network of a terminal: through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, trusting the
 * system's certificates where the runtime can read them, and those of `NODE_EXTRA_CA_CERTS` everywhere.
 */
export function undiciHttp(timers: Timers): HttpClient {
  const trusted = trustedCertificates();
  const ca = trusted === undefined ? {} : { ca: [...trusted] };
  const dispatcher = new EnvHttpProxyAgent({
    connect: { ...ca, timeout: connectTimeoutMs },
    requestTls: ca,
    proxyTls: ca,
  });
  const send: FetchLike = (url, init) => fetch(url, { ...init, dispatcher });
  return fetchHttp({ fetch: send, timers });
}

const connectTimeoutMs = 10_000;

/** Undefined where the runtime can only use its own list, which has `NODE_EXTRA_CA_CERTS` in it. */
function trustedCertificates(): readonly string[] | undefined {
  if (!('getCACertificates' in tls) || typeof tls.getCACertificates !== 'function') return undefined;
  const all: unknown[] = [tls.getCACertificates('default'), tls.getCACertificates('system')];
  return [...new Set(all.flat().filter(certificate => typeof certificate === 'string'))];
}
