import { messageOf, systemCodeOf } from '../../base/errors';
import { err, ok, type Result } from '../../base/result';
import { minuteMs, secondMs, type Timer, type Timers } from '../../base/time';
import type { HttpAnswer, HttpClient, HttpFailure, HttpRequest, HttpStream } from '../../sync/transport/http';
import { retryAfterOf } from '../../sync/transport/retryAfter';

/** The part of `fetch` that is used, so that the runtime's, the editor's and a library's all fit. */
export type FetchLike = (url: string, init: FetchInit) => Promise<FetchAnswer>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
  readonly redirect: 'manual';
}

export interface FetchAnswer {
  readonly status: number;
  readonly headers: Iterable<readonly [string, string]>;
  readonly body: AsyncIterable<Uint8Array> | null;
}

/**
 * The network through a given `fetch`: bounded in silence, in time and in bytes, and with failures told apart. Redirects are not
 * followed, so that credentials go only where they were meant to go.
 */
export function fetchHttp(options: { readonly fetch: FetchLike; readonly timers: Timers }): HttpClient {
  return {
    send: (request, signal) => send(options.fetch, options.timers, request, signal),
    stream: (request, onText) => stream(options.fetch, options.timers, request, onText),
  };
}

async function send(
  fetch: FetchLike,
  timers: Timers,
  request: HttpRequest,
  signal: AbortSignal | undefined,
): Promise<Result<HttpAnswer, HttpFailure>> {
  const limit = new Limit(timers, request.timeoutMs, {
    firstMs: request.timeoutMs + uploadMs(request),
    maxSendMs,
  });
  const stop = () => limit.stop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const answer = await fetch(request.url, initOf(request, limit.signal));
    limit.restart();
    const body: Uint8Array[] = [];
    let size = 0;
    for await (const piece of answer.body ?? []) {
      limit.restart();
      size += piece.byteLength;
      if (size > request.maxAnswerBytes) return tooLarge(request);
      body.push(piece);
    }
    return ok({ status: answer.status, headers: headersOf(answer), body: Buffer.concat(body) });
  } catch (error) {
    return err(limit.failure ?? failureOf(error));
  } finally {
    signal?.removeEventListener('abort', stop);
    limit.end();
  }
}

function stream(
  fetch: FetchLike,
  timers: Timers,
  request: HttpRequest,
  onText: (text: string) => void,
): HttpStream {
  const limit = new Limit(timers, request.timeoutMs);
  let stopped = false;

  async function read(): Promise<Result<void, HttpFailure>> {
    const answer = await fetch(request.url, initOf(request, limit.signal));
    if (answer.status < 200 || answer.status > 299) {
      const retryAfterMs = retryAfterOf(headersOf(answer), undefined);
      return err({ type: 'noStream', status: answer.status, retryAfterMs });
    }
    const decoder = new TextDecoder();
    let size = 0;
    for await (const piece of answer.body ?? []) {
      if (stopped) return ok();
      limit.restart();
      size += piece.byteLength;
      if (size > request.maxAnswerBytes) return tooLarge(request);
      onText(decoder.decode(piece, { stream: true }));
    }
    return ok();
  }

  const ended = read()
    .catch((error: unknown): Result<void, HttpFailure> => {
      if (stopped) return ok();
      return err(limit.failure ?? failureOf(error));
    })
    .finally(() => limit.end());
  return {
    ended,
    stop() {
      stopped = true;
      limit.stop();
    },
  };
}

/** Nobody tells how much of a body has left: a link that is slower than this is too slow for large bodies. */
const minUploadBytesPerSecond = 8 * 1024;
/** A whole request and its answer, however steadily they go on: longer than any takes on such a link. */
const maxSendMs = 10 * minuteMs;

function uploadMs({ body }: HttpRequest): number {
  return ((body?.byteLength ?? 0) / minUploadBytesPerSecond) * secondMs;
}

/** Aborts a request after a silence, or when told to. */
class Limit {
  readonly #controller = new AbortController();
  readonly #timers: Timers;
  readonly #silenceMs: number;
  readonly #whole: Timer | undefined;
  #silence: Timer;
  #failure: HttpFailure | undefined;

  /** @param whole the first silence, which may be longer, and the end of all patience */
  constructor(
    timers: Timers,
    silenceMs: number,
    whole?: { readonly firstMs: number; readonly maxSendMs: number },
  ) {
    this.#timers = timers;
    this.#silenceMs = silenceMs;
    this.#silence = this.#after(whole?.firstMs ?? silenceMs);
    this.#whole = whole && this.#after(whole.maxSendMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it was aborted; undefined while it was not. */
  get failure(): HttpFailure | undefined {
    return this.#failure;
  }

  restart(): void {
    this.#silence.cancel();
    this.#silence = this.#after(this.#silenceMs);
  }

  stop(): void {
    this.#abort({ type: 'stopped' });
  }

  /** Also ends an answer that was given up before its end. */
  end(): void {
    this.#silence.cancel();
    this.#whole?.cancel();
    this.#controller.abort();
  }

  #after(limitMs: number): Timer {
    return this.#timers.after(limitMs, () => this.#abort({ type: 'timeout', timeoutMs: limitMs }));
  }

  #abort(failure: HttpFailure): void {
    this.#failure ??= failure;
    this.#controller.abort();
  }
}

function initOf(request: HttpRequest, signal: AbortSignal): FetchInit {
  const { method, headers, body } = request;
  return {
    method,
    headers: { ...headers },
    signal,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  };
}

function headersOf(answer: FetchAnswer): Readonly<Record<string, string>> {
  return Object.fromEntries([...answer.headers].map(([name, value]) => [name.toLowerCase(), value]));
}

function tooLarge(request: HttpRequest): Result<never, HttpFailure> {
  return err({ type: 'answerTooLarge', maxBytes: request.maxAnswerBytes });
}

/** Node's and OpenSSL's codes for a certificate that was not accepted. */
const certificateCode =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER|VERIFY|DECODE_ISSUER)|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;
/** Chromium's, in the message of the desktop editor's `fetch`. */
const chromiumCertificateCode = /\bERR_CERT_[A-Z_]+/;

function failureOf(error: unknown): HttpFailure {
  const code = systemCodeOf(error);
  const detail = detailOf(error);
  if (code !== undefined && certificateCode.test(code)) return { type: 'certificate', code };
  const chromium = chromiumCertificateCode.exec(detail);
  if (chromium) return { type: 'certificate', code: chromium[0] };
  return { type: 'unreachable', code: code ?? 'UNKNOWN', detail };
}

/** The messages of an error and its cause: `fetch failed` alone says nothing. */
function detailOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
  return `${messageOf(error)}${cause}`;
}
