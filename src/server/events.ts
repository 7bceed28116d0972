import type { Timer, Timers } from '../base/time';
import { eventHeartbeatMs } from '../protocol/limits';
import { changeEventName } from '../protocol/routes';
import type { StreamKey } from './storage/storage';

/** Open streams of one device: a further one ends the oldest, which a sleeping laptop may have left behind. */
export const maxStreamsPerDevice = 4;
export const maxStreams = 10_000;
/** A stream whose reader has taken nothing for so many heartbeats is ended. */
const maxUnreadHeartbeats = 4;
/** Chunks that wait for a slow reader; heads that come meanwhile are told as one. */
const maxWaitingChunks = 2;

/** The open event streams of this process. It holds a timer only while there are any. */
export class EventHub {
  readonly #timers: Timers;
  readonly #onCount: (count: number) => void;
  readonly #streams = new Set<EventStream>();
  #heartbeat: Timer | undefined;

  /** @param onCount hears how many streams are open, at each change */
  constructor(timers: Timers, onCount: (count: number) => void) {
    this.#timers = timers;
    this.#onCount = onCount;
  }

  get isFull(): boolean {
    return this.#streams.size >= maxStreams;
  }

  /** The keys of the open streams, each once. */
  keys(): readonly StreamKey[] {
    return [...new Map([...this.#streams].map(({ key }) => [key.tokenHash, key])).values()];
  }

  /** Opens a stream, and says how to tell it a head. */
  open(key: StreamKey): { readonly response: Response; tell(head: number): void } {
    const ofDevice = [...this.#streams].filter(stream => isOf(stream, key.accountId, key.deviceId));
    for (const oldest of ofDevice.slice(0, Math.max(0, ofDevice.length - maxStreamsPerDevice + 1)))
      oldest.end();
    const stream = new EventStream(key, ended => this.#remove(ended));
    this.#streams.add(stream);
    this.#onCount(this.#streams.size);
    this.#heartbeat ??= this.#timers.after(eventHeartbeatMs, () => this.#beat());
    return { response: stream.response(), tell: head => stream.tell(head) };
  }

  /** Tells the streams of the account, but not those of the device that made the change. */
  announce(accountId: string, head: number, exceptDeviceId?: string): void {
    for (const stream of this.#streams) {
      if (stream.key.accountId === accountId && stream.key.deviceId !== exceptDeviceId) stream.tell(head);
    }
  }

  endToken(tokenHash: string): void {
    for (const stream of [...this.#streams]) if (stream.key.tokenHash === tokenHash) stream.end();
  }

  endDevice(accountId: string, deviceId: string): void {
    for (const stream of [...this.#streams]) if (isOf(stream, accountId, deviceId)) stream.end();
  }

  endAccount(accountId: string): void {
    for (const stream of [...this.#streams]) if (stream.key.accountId === accountId) stream.end();
  }

  endAll(): void {
    for (const stream of [...this.#streams]) stream.end();
  }

  #remove(stream: EventStream): void {
    if (!this.#streams.delete(stream)) return;
    this.#onCount(this.#streams.size);
    if (this.#streams.size > 0) return;
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
  }

  #beat(): void {
    for (const stream of [...this.#streams]) stream.beat();
    this.#heartbeat =
      this.#streams.size > 0 ? this.#timers.after(eventHeartbeatMs, () => this.#beat()) : undefined;
  }
}

const isOf = ({ key }: EventStream, accountId: string, deviceId: string): boolean =>
  key.accountId === accountId && key.deviceId === deviceId;

export const streamHeaders = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
} as const;

/** One `text/event-stream` body. */
class EventStream {
  readonly key: StreamKey;
  readonly #onEnd: (stream: EventStream) => void;
  readonly #body: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #told = -1;
  #untold: number | undefined;
  #unreadHeartbeats = 0;

  constructor(key: StreamKey, onEnd: (stream: EventStream) => void) {
    this.key = key;
    this.#onEnd = onEnd;
    this.#body = new ReadableStream<Uint8Array>(
      {
        start: controller => {
          this.#controller = controller;
        },
        pull: () => this.#flush(),
        cancel: () => this.#close(),
      },
      { highWaterMark: maxWaitingChunks },
    );
  }

  response(): Response {
    return new Response(this.#body, {
      headers: streamHeaders,
    });
  }

  tell(head: number): void {
    if (head <= this.#told) return;
    this.#untold = head;
    this.#flush();
  }

  beat(): void {
    if (this.#hasRoom()) {
      this.#unreadHeartbeats = 0;
      this.#send(':\n\n');
    } else if (++this.#unreadHeartbeats >= maxUnreadHeartbeats) {
      this.end();
    }
  }

  end(): void {
    this.#controller?.close();
    this.#close();
  }

  #flush(): void {
    if (this.#untold === undefined || !this.#hasRoom()) return;
    this.#told = this.#untold;
    this.#untold = undefined;
    this.#send(`event: ${changeEventName}\ndata: ${this.#told}\n\n`);
  }

  #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #send(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }

  #close(): void {
    this.#controller = undefined;
    this.#onEnd(this);
  }
}
