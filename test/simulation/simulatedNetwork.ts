import { gunzipSync } from 'node:zlib';
import { err, ok, type Result } from '../../src/base/result';
import { secondMs } from '../../src/base/time';
import type { HttpAnswer, HttpClient, HttpFailure, HttpRequest } from '../../src/sync/transport/http';
import type { SeededRandom } from '../support/seededRandom';
import type { SimulatedProcess } from './simulatedProcess';
import type { SimulatedServer } from './simulatedServer';
import type { VirtualTime } from './virtualTime';
import type { WireWatch } from './wireWatch';

export const networkFaultNames = [
  'dropRequest',
  'dropAnswer',
  'duplicate',
  'slow',
  'cutRequest',
  'cutAnswer',
  'busy',
  'failing',
] as const;

/** How often each thing goes wrong, from 0 to 1. */
export type NetworkFaults = Readonly<Record<(typeof networkFaultNames)[number], number>>;

export const noFaults: NetworkFaults = {
  dropRequest: 0,
  dropAnswer: 0,
  duplicate: 0,
  slow: 0,
  cutRequest: 0,
  cutAnswer: 0,
  busy: 0,
  failing: 0,
};

/** One device's way to the server. */
export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #server: () => SimulatedServer;
  readonly #device: string;
  readonly #wire: WireWatch;
  #random: SeededRandom;
  #faults: NetworkFaults = noFaults;
  #cutUntilMs = 0;
  #isDeaf = false;
  #tamper: ((request: HttpRequest, answer: HttpAnswer) => HttpAnswer) | undefined;
  #alter: ((body: string) => string) | undefined;
  #requests: HttpRequest[] = [];

  constructor(options: {
    readonly time: VirtualTime;
    readonly server: () => SimulatedServer;
    readonly random: SeededRandom;
    /** The device's name. */
    readonly device: string;
    /** Is shown what goes both ways. */
    readonly wire: WireWatch;
  }) {
    this.#time = options.time;
    this.#server = options.server;
    this.#random = options.random;
    this.#device = options.device;
    this.#wire = options.wire;
  }

  /** What has left since this was last asked. */
  takeRequests(): readonly HttpRequest[] {
    const taken = this.#requests;
    this.#requests = [];
    return taken;
  }

  /** From now on, chance and its odds are these. */
  use(random: SeededRandom, faults: NetworkFaults): void {
    this.#random = random;
    this.#faults = faults;
  }

  partition(ms: number): void {
    this.#cutUntilMs = Math.max(this.#cutUntilMs, this.#time.nowMs + ms);
  }

  /** From now on no event stream comes through, as behind some proxies. */
  deafen(): void {
    this.#isDeaf = true;
  }

  /** From now on a server that lies answers in the place of the true one. */
  tamper(how: ((request: HttpRequest, answer: HttpAnswer) => HttpAnswer) | undefined): void {
    this.#tamper = how;
  }

  /** From now on the bodies of pushes are altered on the way. */
  alter(how: (body: string) => string): void {
    this.#alter = how;
  }

  heal(): void {
    this.#cutUntilMs = 0;
    this.#isDeaf = false;
    this.#faults = noFaults;
  }

  clientOf(process: SimulatedProcess): HttpClient {
    return {
      send: request =>
        process.hears(new Promise<Result<HttpAnswer, HttpFailure>>(resolve => this.#send(request, resolve))),
      stream: (request, onText) => {
        const stopping = new AbortController();
        const listener: StreamListener = { process, onText, signal: stopping.signal };
        return { ended: process.hears(this.#follow(request, listener)), stop: () => stopping.abort() };
      },
    };
  }

  /** Resolves when the stream has ended, or broke off; who listens is not told whether a partition has begun. */
  async #follow(request: HttpRequest, listener: StreamListener): Promise<Result<void, HttpFailure>> {
    const { process, onText, signal } = listener;
    const random = this.#random;
    const { dropRequest, busy, failing, cutAnswer } = this.#faults;
    const breakOff = async (): Promise<Result<void, HttpFailure>> => {
      await this.#time.sleep(random.pick([20, 3000, request.timeoutMs]), signal);
      return err(brokenOff);
    };
    if (this.#isCut || this.#isDeaf || random.chance(dropRequest)) return breakOff();
    await this.#time.sleep(random.int(10, 300), signal);
    if (random.chance(busy)) return err({ type: 'noStream', status: 429, retryAfterMs: 7 * secondMs });
    if (random.chance(failing)) return err({ type: 'noStream', status: 503, retryAfterMs: undefined });
    const { status, reader } = await this.#server().stream(request);
    if (reader === undefined) return err({ type: 'noStream', status, retryAfterMs: undefined });
    const stop = () => void reader.cancel();
    signal.addEventListener('abort', stop);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || signal.aborted) return ok();
        const text = new TextDecoder().decode(value);
        // A heartbeat is heard at once, so that quiet hours cost little.
        if (text.includes('event:')) await this.#time.sleep(random.int(5, 150), signal);
        if (!process.alive || this.#isCut || this.#isDeaf || random.chance(cutAnswer))
          return await breakOff();
        await process.hears(Promise.resolve());
        if (!signal.aborted) onText(text);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await reader.cancel();
    }
  }

  get #isCut(): boolean {
    return this.#time.nowMs < this.#cutUntilMs;
  }

  #send(request: HttpRequest, resolve: (answer: Result<HttpAnswer, HttpFailure>) => void): void {
    this.#requests.push(request);
    const body = bodyText(request);
    this.#wire.leaves(this.#device, request, body);
    const random = this.#random;
    const faults = this.#faults;
    const latencyMs = () =>
      random.chance(faults.slow) ? random.int(secondMs, 40 * secondMs) : random.int(5, 150);
    const fail = (afterMs: number) => {
      if (afterMs < request.timeoutMs) this.#time.after(afterMs, () => resolve(err(brokenOff)));
      else this.#time.after(request.timeoutMs, () => resolve(timedOut(request)));
    };
    if (this.#isCut || random.chance(faults.dropRequest)) {
      fail(random.pick([20, 3000, request.timeoutMs]));
      return;
    }
    if (random.chance(faults.busy)) {
      this.#time.after(latencyMs(), () => resolve(ok(answerOfProxy(429, { 'retry-after': '7' }))));
      return;
    }
    if (random.chance(faults.failing)) {
      this.#time.after(latencyMs(), () => resolve(ok(answerOfProxy(random.pick([500, 502, 503]), {}))));
      return;
    }
    const isCut = random.chance(faults.cutRequest);
    const altered = this.#alter === undefined || body === '' ? request : plain(request, this.#alter(body));
    const sent = isCut ? cut(altered, random) : altered;
    const arrives = async () => {
      const answer = await this.#server().answer(sent);
      if (answer !== undefined) this.#wire.answered(answer);
      return answer;
    };
    if (random.chance(faults.duplicate)) this.#time.after(latencyMs() * 3, arrives);
    const thereMs = latencyMs();
    const backMs = latencyMs();
    const isLost = isCut || random.chance(faults.dropAnswer);
    const isShort = random.chance(faults.cutAnswer);
    this.#time.after(thereMs, async () => {
      const answer = await arrives();
      if (answer === undefined || isLost || thereMs + backMs >= request.timeoutMs) {
        fail(answer === undefined ? 10 : backMs);
        return;
      }
      this.#time.after(backMs, () => {
        if (!isShort) this.#wire.heard(this.#device, body, answer);
        const told = this.#tamper?.(request, answer) ?? answer;
        resolve(ok(isShort ? shortened(told, random) : told));
      });
    });
  }
}

interface StreamListener {
  readonly process: SimulatedProcess;
  readonly onText: (text: string) => void;
  /** Aborts when it wants to hear no more. */
  readonly signal: AbortSignal;
}

const brokenOff: HttpFailure = {
  type: 'unreachable',
  code: 'ECONNRESET',
  detail: 'the connection broke off',
};

function timedOut({ timeoutMs }: HttpRequest): Result<HttpAnswer, HttpFailure> {
  return err({ type: 'timeout', timeoutMs });
}

function answerOfProxy(status: number, headers: Readonly<Record<string, string>>): HttpAnswer {
  return { status, headers, body: new TextEncoder().encode('<html>later</html>') };
}

function cut(request: HttpRequest, random: SeededRandom): HttpRequest {
  const { body, ...rest } = request;
  return body === undefined ? rest : { ...rest, body: body.slice(0, random.int(0, body.length)) };
}

function plain(request: HttpRequest, body: string): HttpRequest {
  const { 'content-encoding': _, ...headers } = request.headers;
  return { ...request, headers, body: new TextEncoder().encode(body) };
}

function shortened(answer: HttpAnswer, random: SeededRandom): HttpAnswer {
  return { ...answer, body: answer.body.slice(0, random.int(0, answer.body.length)) };
}

function bodyText({ body, headers }: HttpRequest): string {
  if (body === undefined) return '';
  return Buffer.from(headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
}
