import * as z from 'zod';
import type { HttpAnswer, HttpRequest } from '../../src/sync/transport/http';
import { isPlaintext } from './tokens';
import { Violation } from './violation';

/** What is seen on the wire between the devices and the server. */
export class WireWatch {
  readonly #left: (itemId: string, stamp: string) => void;
  /** The bytes of each change, by its id. */
  readonly #sent = new Map<string, string>();
  /** By device: the change of each item that was sent and not answered. */
  readonly #inFlight = new Map<string, Map<string, string>>();
  /** Changes of which a whole answer has come to their device, which may be slow to learn of it. */
  readonly #heard = new Set<string>();
  /** Changes that the server has accepted, and still has to remember. */
  readonly #accepted = new Set<string>();
  #violation: Violation | undefined;

  /** @param left told of each version that leaves its device */
  constructor(left: (itemId: string, stamp: string) => void) {
    this.#left = left;
  }

  check(): void {
    if (this.#violation) throw this.#violation;
  }

  /** The device, or its account, begins anew. */
  forget(device: string): void {
    this.#inFlight.delete(device);
    this.#accepted.clear();
  }

  /** Every request as it leaves a device, with its body as text. */
  leaves(device: string, request: HttpRequest, body: string): void {
    if (isPlaintext(`${request.url} ${body} ${JSON.stringify(request.headers)}`)) {
      this.#fail('no plaintext leaves', `${request.method} ${request.url}`);
    }
    // Reconciling tells by the stamps what the server has taken.
    if (request.method === 'GET' && new URL(request.url).pathname === '/v1/items')
      this.#inFlight.delete(device);
    const inFlight = this.#inFlight.get(device) ?? new Map<string, string>();
    this.#inFlight.set(device, inFlight);
    for (const { text, changeId, itemId, stamp } of changesIn(body)) {
      const before = this.#sent.get(changeId);
      if (before !== undefined && before !== text) {
        this.#fail('a version is read alike', `change ${changeId} was sent in two forms`);
      }
      const unanswered = inFlight.get(itemId);
      if (unanswered !== undefined && unanswered !== changeId) {
        this.#fail(
          'a version is read alike',
          `${itemId} was sent as ${changeId} while ${unanswered} was in flight`,
        );
      }
      this.#sent.set(changeId, text);
      if (!this.#heard.has(changeId)) inFlight.set(itemId, changeId);
      this.#left(itemId, stamp);
    }
  }

  /** The server has answered, whether the device hears it or not. */
  answered(answer: HttpAnswer): void {
    for (const { changeId, status } of resultsOf(answer)) {
      if (status === 'accepted') this.#accepted.add(changeId);
    }
  }

  /** The device has heard the whole answer. */
  heard(device: string, body: string, answer: HttpAnswer): void {
    const results = new Map(resultsOf(answer).map(({ changeId, status }) => [changeId, status]));
    for (const { changeId, itemId } of changesIn(body)) {
      const status = results.get(changeId);
      if (status === undefined) continue;
      this.#heard.add(changeId);
      const inFlight = this.#inFlight.get(device);
      // A window that was killed, or slept, hears late what another one has long been told.
      if (inFlight?.get(itemId) !== changeId) continue;
      inFlight.delete(itemId);
      if (status !== 'accepted' && this.#accepted.has(changeId)) {
        this.#fail('a version is read alike', `change ${changeId} was accepted, and then answered ${status}`);
      }
    }
  }

  #fail(invariant: Violation['invariant'], detail: string): void {
    this.#violation ??= new Violation(invariant, detail);
  }
}

interface SentChange {
  readonly text: string;
  readonly changeId: string;
  readonly itemId: string;
  readonly stamp: string;
}

const changePattern =
  /\{"collection[^{}]*?"changeId":"([^"]+)","itemId":"([^"]+)"[^{}]*?"timestamp":"([^"]+)"[^{}]*\}/g;

function changesIn(body: string): readonly SentChange[] {
  return [...body.matchAll(changePattern)].map(([text, changeId = '', itemId = '', stamp = '']) => ({
    text,
    changeId,
    itemId,
    stamp,
  }));
}

const answerSchema = z.object({
  results: z.array(z.object({ changeId: z.string(), status: z.string() })),
});

function resultsOf({ status, body }: HttpAnswer): z.infer<typeof answerSchema>['results'] {
  const text = Buffer.from(body).toString('utf8');
  if (status !== 200 || !text.startsWith('{"results"')) return [];
  return answerSchema.parse(JSON.parse(text)).results;
}
