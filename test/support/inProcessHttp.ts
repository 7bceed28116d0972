import { ok, type Result } from '../../src/base/result';
import { systemTimers, type Timers } from '../../src/base/time';
import { fetchHttp } from '../../src/device/sync/fetchHttp';
import type { HttpAnswer, HttpClient, HttpFailure, HttpRequest } from '../../src/sync/transport/http';
import type { Fetch } from './testDevice';

/** What happens to a request: `send` carries it to the server and may be called never, once or twice. */
export type Interceptor = (
  request: HttpRequest,
  send: () => Promise<Result<HttpAnswer, HttpFailure>>,
) => Promise<Result<HttpAnswer, HttpFailure>>;

export interface InProcessHttp extends HttpClient {
  /** Every request that was sent, in order. */
  readonly sent: HttpRequest[];
  /** Undefined: everything arrives. */
  intercept: Interceptor | undefined;
}

/** The network of a test: a server in the same process, with faults when a test wants them. */
export function inProcessHttp(fetch: Fetch, timers: Timers = systemTimers): InProcessHttp {
  const direct = fetchHttp({
    timers,
    fetch: async (url, { method, headers, body, signal }) => {
      const answer = await fetch(
        new Request(url, { method, headers, signal, ...(body === undefined ? {} : { body }) }),
      );
      return { status: answer.status, headers: answer.headers, body: answer.body };
    },
  });
  const http: InProcessHttp = {
    sent: [],
    intercept: undefined,
    send: async (request, signal) => {
      http.sent.push(request);
      const send = () => direct.send(request, signal);
      return http.intercept ? http.intercept(request, send) : send();
    },
    stream: (request, onText) => direct.stream(request, onText),
  };
  return http;
}

export const unreachable = async (): Promise<Result<HttpAnswer, HttpFailure>> => ({
  ok: false,
  error: { type: 'unreachable', code: 'ECONNREFUSED', detail: 'connect ECONNREFUSED' },
});

/** The server does what it was asked, and its answer never arrives. */
export const answerLost: Interceptor = async (_request, send) => {
  await send();
  return { ok: false, error: { type: 'unreachable', code: 'ECONNRESET', detail: 'socket hang up' } };
};

/** Every payload of the answer is damaged on the way. */
export const damagedPayloads: Interceptor = async (_request, send) => {
  const answer = await send();
  if (!answer.ok) return answer;
  const text = new TextDecoder().decode(answer.value.body).replace(/("payload":"[^"]{60})..../g, '$1AAAA');
  return ok({ ...answer.value, body: new TextEncoder().encode(text) });
};

export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}) {
  return ok({ status, headers, body: new TextEncoder().encode(JSON.stringify(value)) });
}
