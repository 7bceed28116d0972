import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import type { Timers } from '../base/time';
import { eventHeartbeatMs, protocolVersion } from '../protocol/limits';
import { changeEventName, protocolHeader, routes } from '../protocol/routes';
import { Backoff } from './backoff';
import type { HttpClient } from './http';
import type { ServerAddress } from './transport';

/** Hears the server's "there is something new", and reconnects when the stream breaks. Polling covers its absence. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #stopCurrent: (() => void) | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
    this.#stopCurrent?.();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#listen();
      if (signal.aborted) return;
      await this.#options.timers.sleep(this.#backoff.next(undefined), signal);
    }
  }

  async #listen(): Promise<void> {
    const { http, address, onChange, logger } = this.#options;
    const parser = new EventParser(name => {
      if (name === changeEventName) onChange();
    });
    const stream = http.stream(
      {
        method: 'GET',
        url: address.server + routes.events,
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${address.token ?? ''}`,
          [protocolHeader.toLowerCase()]: String(protocolVersion),
        },
        timeoutMs: silenceMs,
        maxAnswerBytes: Number.MAX_SAFE_INTEGER,
      },
      text => {
        // A heartbeat too: the stream lives.
        this.#backoff.reset();
        parser.push(text);
      },
    );
    this.#stopCurrent = () => stream.stop();
    if (this.#stopping.signal.aborted) stream.stop();
    const ended = await stream.ended;
    if (!ended.ok) logger.debug('the event stream ended', { reason: ended.error.type });
  }
}

export interface EventStreamOptions {
  readonly http: HttpClient;
  readonly address: ServerAddress;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly onChange: () => void;
}

/** Two heartbeats may be lost before the stream is given up. */
const silenceMs = 3 * eventHeartbeatMs;
/** A line that is longer comes from no server of ours. */
const maxLineLength = 10_000;

/** The `event:` fields of a server-sent event stream (WHATWG HTML, section 9.2); data is not needed. */
export class EventParser {
  readonly #onEvent: (name: string) => void;
  #rest = '';
  #name = '';

  constructor(onEvent: (name: string) => void) {
    this.#onEvent = onEvent;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '').slice(0, maxLineLength);
    for (const line of lines) {
      if (line === '') {
        if (this.#name !== '') this.#onEvent(this.#name);
        this.#name = '';
      } else if (line.startsWith('event:')) {
        this.#name = line.slice('event:'.length).trim();
      }
    }
  }
}
