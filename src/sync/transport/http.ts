import type { Result } from '../../base/result';

/**
 * The one way to the network, lent to the device by its host: `undici` in the terminal, the editor's own `fetch` in
 * the extension. Plain data both ways, so that it crosses a thread.
 */
export interface HttpClient {
  /**
   * Sends a request and reads the whole answer. Never throws for what the network does. When `signal` aborts, it ends at
   * once as `stopped`; whether the server has done what it was asked for is not known then.
   */
  send(request: HttpRequest, signal?: AbortSignal): Promise<Result<HttpAnswer, HttpFailure>>;
  /**
   * Opens an answer that goes on, and tells its text piece by piece. Resolves when it ends: ok when the server ended
   * it, an error when it could not be opened or broke off. `onText` is told nothing after `stop` was called.
   */
  stream(request: HttpRequest, onText: (text: string) => void): HttpStream;
}

export interface HttpStream {
  readonly ended: Promise<Result<void, HttpFailure>>;
  stop(): void;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /**
   * Without a byte: to the headers of the answer, beyond what the body may take on a slow link, and between two pieces.
   * The time of the whole is bounded too for `send`, and not for `stream`.
   */
  readonly timeoutMs: number;
  /** After inflating; a longer answer is given up. */
  readonly maxAnswerBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Inflated. */
  readonly body: Uint8Array;
}

export type HttpFailure =
  /** No connection, or it broke off; `code` is the system's or the library's. */
  | { readonly type: 'unreachable'; readonly code: string; readonly detail: string }
  /** Instead of a stream: an answer with this status. */
  | { readonly type: 'noStream'; readonly status: number; readonly retryAfterMs: number | undefined }
  | { readonly type: 'timeout'; readonly timeoutMs: number }
  /** Given up by who sent it. */
  | { readonly type: 'stopped' }
  /** The server's certificate is not trusted, expired, or for another name. */
  | { readonly type: 'certificate'; readonly code: string }
  | { readonly type: 'answerTooLarge'; readonly maxBytes: number };
