import type { Logger } from '../../base/logger';
import type { Random } from '../../base/random';
import { eventHeartbeatMs, protocolVersion } from '../../protocol/limits';
import { changeEventName, protocolHeader, routes } from '../../protocol/routes';
import { Backoff } from '../schedule/backoff';
import { type NetworkWatchOptions, watchNetwork } from '../schedule/networkWatch';
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
      const retryAfterMs = await this.#listen();
      if (signal.aborted) return;
      await this.#wait(retryAfterMs);
    }
  }

  /** Another network ends the wait, unless it was the server that asked for it. */
  async #wait(retryAfterMs: number | undefined): Promise<void> {
    const { timers } = this.#options;
    const { signal } = this.#stopping;
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener('abort', end);
    const onChange = () => {
      this.#backoff.reset();
      end();
    };
    const watch = retryAfterMs === undefined ? watchNetwork(this.#options, onChange) : undefined;
    await timers.sleep(this.#backoff.next(retryAfterMs), ending.signal);
    watch?.cancel();
    signal.removeEventListener('abort', end);
  }

  /** @returns how long the server asks to wait, in milliseconds, when it does */
  async #listen(): Promise<number | undefined> {
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
    if (ended.ok) return undefined;
    logger.debug('the event stream ended', { reason: ended.error.type });
    return ended.error.type === 'noStream' ? ended.error.retryAfterMs : undefined;
  }
}

export interface EventStreamOptions extends NetworkWatchOptions {
  readonly http: HttpClient;
  readonly address: ServerAddress;
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
