import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { defined } from '../../src/base/assert';
import { systemTimers } from '../../src/base/time';

/** What becomes of a request and of its answer on their way through the proxy. */
export type Fate =
  | { readonly type: 'passes' }
  | { readonly type: 'delayed'; readonly ms: number }
  /** The server never hears of it. */
  | { readonly type: 'requestDropped' }
  /** The server hears half of it. */
  | { readonly type: 'requestCut' }
  /** The server does what it was asked, and nobody hears that. */
  | { readonly type: 'answerDropped' }
  | { readonly type: 'answerCut' }
  /** The server is asked twice, one after the other; the second answer is the one that is heard. */
  | { readonly type: 'doubled' };

/** A request that was answered, with the bytes of both bodies as they were on the wire. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly sent: Buffer;
  readonly answered: Buffer;
}

/** A real HTTP proxy in front of a real server, which meddles as it is told. */
export class MeddlingProxy {
  readonly exchanges: Exchange[] = [];
  readonly #target: URL;
  readonly #server: Server;
  #fateOf: () => Fate = () => ({ type: 'passes' });

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((asked, answer) => {
      // A connection that breaks is what this proxy is for; whoever waits for the answer is told by the break.
      this.#carry(asked, answer).catch(() => answer.destroy());
    });
  }

  static async start(target: string): Promise<MeddlingProxy> {
    const proxy = new MeddlingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return `http://127.0.0.1:${defined(port, 'a listening server has a port')}`;
  }

  /** From now on this decides on each request. */
  meddle(fateOf: () => Fate): void {
    this.#fateOf = fateOf;
  }

  heal(): void {
    this.#fateOf = () => ({ type: 'passes' });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #carry(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const sent = await buffer(asked);
    const fate = this.#fateOf();
    if (fate.type === 'delayed') await systemTimers.sleep(fate.ms);
    if (fate.type === 'requestDropped') return void asked.socket.destroy();
    if (fate.type === 'requestCut') {
      this.#sendHalf(asked, sent);
      return void asked.socket.destroy();
    }
    if (fate.type === 'doubled') await this.#ask(asked, sent);
    const told = await this.#ask(asked, sent);
    if (fate.type === 'answerDropped') return void asked.socket.destroy();
    const { statusCode: status = 0, headers } = told.message;
    answer.writeHead(status, headers);
    if (fate.type === 'answerCut') {
      answer.write(told.body.subarray(0, told.body.length / 2), () => asked.socket.destroy());
      return;
    }
    answer.end(told.body);
    const { method = '', url: path = '' } = asked;
    this.exchanges.push({ method, path, status, sent, answered: told.body });
  }

  async #ask(
    asked: IncomingMessage,
    body: Buffer,
  ): Promise<{ readonly message: IncomingMessage; readonly body: Buffer }> {
    const onward = this.#onward(asked);
    onward.end(body);
    const [message]: IncomingMessage[] = await once(onward, 'response');
    const heard = defined(message, 'a response has a message');
    return { message: heard, body: await buffer(heard) };
  }

  #sendHalf(asked: IncomingMessage, body: Buffer): void {
    const onward = this.#onward(asked);
    onward.on('error', () => undefined); // it is broken off on purpose
    onward.write(body.subarray(0, body.length / 2), () => onward.destroy());
  }

  #onward(asked: IncomingMessage) {
    const { method = 'GET', url: path = '/', headers } = asked;
    const { hostname, port } = this.#target;
    return request({ hostname, port, method, path, headers, agent: false });
  }
}
