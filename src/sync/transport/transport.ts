import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';
import type * as z from 'zod';
import { fromUtf8, toUtf8 } from '../../base/encoding';
import { parseJson } from '../../base/json';
import { err, ok, type Result } from '../../base/result';
import { type Clock, secondMs } from '../../base/time';
import {
  type DeviceEntry,
  devicesAnswerSchema,
  type Kdf,
  kdfSchema,
  keyringSchema,
  type SessionAnswer,
  type SignInRequest,
  type SignUpRequest,
  sessionAnswerSchema,
  type UsedKeysAnswer,
  usedKeysAnswerSchema,
  type WireKeyring,
} from '../../protocol/accounts';
import {
  itemAnswerSchema,
  type ManifestAnswer,
  manifestAnswerSchema,
  type PullAnswer,
  type PushAnswer,
  pullAnswerSchema,
  pushAnswerSchema,
  type RemoteVersion,
  versionsAnswerSchema,
} from '../../protocol/changes';
import {
  maxAnswerBytes,
  maxVersionEntries,
  oldestProtocolVersion,
  protocolVersion,
} from '../../protocol/limits';
import { problemSchema, statusOfProblem } from '../../protocol/problem';
import { protocolHeader, routes } from '../../protocol/routes';
import { type CycleLimits, defaultCycleLimits } from '../cycleLimits';
import type { HttpClient, HttpFailure, HttpRequest } from './http';
import { retryAfterOf } from './retryAfter';

/** The server as a device sees it: every answer decoded, every failure told apart. */
export interface Transport {
  pull(since: string | undefined, limit: number): Answer<Timed<PullAnswer>>;
  /** @param changes the frozen JSON texts, sent byte for byte */
  push(cursor: string | undefined, changes: readonly string[]): Answer<Timed<PushAnswer>>;
  manifest(after: string | undefined): Answer<Timed<ManifestAnswer>>;
  /** Null when the server does not hold it. */
  item(id: string): Answer<Timed<RemoteVersion | null>>;
  /** The whole history that the server holds, newest first. */
  versions(id: string): Answer<readonly RemoteVersion[]>;
}

/** Accounts: what a device asks of the server before and beside syncing. */
export interface AccountTransport {
  signUp(request: SignUpRequest): Answer<SessionAnswer>;
  signIn(request: SignInRequest): Answer<SessionAnswer>;
  kdf(login: string): Answer<Kdf>;
  keyring(): Answer<WireKeyring>;
  putKeyring(request: object): Answer<WireKeyring>;
  putPassword(request: object): Answer<WireKeyring>;
  usedKeys(): Answer<UsedKeysAnswer>;
  devices(): Answer<readonly DeviceEntry[]>;
  /** Without `authKey`: only this device itself. */
  revoke(deviceId: string, authKey?: string): Answer<void>;
}

type Answer<T> = Promise<Result<T, TransportError>>;

/** An answer with what it cost. */
export interface Timed<T> {
  readonly answer: T;
  readonly roundTripMs: number;
  readonly bytesSent: number;
  /** After inflating. */
  readonly bytesReceived: number;
}

export type TransportError =
  | HttpFailure
  /** The server answered with a problem. `code` as in the protocol, or a newer server's. */
  | {
      readonly type: 'problem';
      readonly status: number;
      readonly code: string;
      /** What happened; `detail` adds what can be done about it. */
      readonly title: string;
      readonly detail: string | undefined;
      readonly retryAfterMs: number | undefined;
    }
  /** The server speaks another version of the protocol, and so its answer is not understood, or ours was not. */
  | { readonly type: 'otherVersion'; readonly server: number }
  /** Something answered that is not a Scratch Sync server. */
  | { readonly type: 'malformedAnswer'; readonly status: number; readonly detail: string };

/** @param status 200 for an answer that is understood and cannot be right */
export function malformedAnswer(detail: string, status = 200): TransportError {
  return { type: 'malformedAnswer', status, detail };
}

export interface ServerAddress {
  /** The server's origin, and a path when it has one, without a slash at the end. */
  readonly server: string;
  readonly token: string | undefined;
}

const maxSilenceMs = 30 * secondMs;
/** Below this, gzip costs more than it saves. */
const minGzipBytes = 1024;
/** A server keeps at most so many versions of an item, and a page has one at least. */
const maxHistoryPages = maxVersionEntries;

/**
 * @param clock measures round trips
 * @param zippedAtOnceBytes see `CycleLimits`
 */
export function createTransport(
  http: HttpClient,
  clock: Clock,
  address: ServerAddress,
  { zippedAtOnceBytes }: Pick<CycleLimits, 'zippedAtOnceBytes'> = defaultCycleLimits,
): Transport & AccountTransport {
  const caller = new Caller(http, clock, address, zippedAtOnceBytes);
  const bodyOf = <T>(answer: Result<Timed<T>, TransportError>): Result<T, TransportError> =>
    answer.ok ? ok(answer.value.answer) : answer;
  const json = (value: object) => JSON.stringify(value);
  return {
    pull: (since, limit) => {
      const query = new URLSearchParams({ limit: String(limit), ...(since === undefined ? {} : { since }) });
      return caller.call('GET', `${routes.changes}?${query}`, pullAnswerSchema);
    },
    push: (cursor, changes) =>
      caller.call(
        'POST',
        routes.changes,
        pushAnswerSchema,
        `{"cursor":${JSON.stringify(cursor ?? null)},"changes":[${changes.join(',')}]}`,
      ),
    manifest: after => {
      const query = after === undefined ? '' : `?${new URLSearchParams({ after })}`;
      return caller.call('GET', `${routes.items}${query}`, manifestAnswerSchema);
    },
    item: async id => {
      const answer = await caller.call('GET', routes.item(id), itemAnswerSchema);
      if (answer.ok) return ok({ ...answer.value, answer: answer.value.answer.item });
      const isGone = answer.error.type === 'problem' && answer.error.code === 'notFound';
      return isGone ? ok({ answer: null, roundTripMs: 0, bytesSent: 0, bytesReceived: 0 }) : answer;
    },
    versions: id => readHistory(caller, id),
    signUp: async request =>
      bodyOf(await caller.call('POST', routes.accounts, sessionAnswerSchema, json(request))),
    signIn: async request =>
      bodyOf(await caller.call('POST', routes.devices, sessionAnswerSchema, json(request))),
    kdf: async login => bodyOf(await caller.call('GET', routes.kdf(login), kdfSchema)),
    keyring: async () => bodyOf(await caller.call('GET', routes.keyring, keyringSchema)),
    putKeyring: async request =>
      bodyOf(await caller.call('PUT', routes.keyring, keyringSchema, json(request))),
    putPassword: async request =>
      bodyOf(await caller.call('PUT', routes.password, keyringSchema, json(request))),
    usedKeys: async () => bodyOf(await caller.call('GET', routes.usedKeys, usedKeysAnswerSchema)),
    devices: async () => {
      const answer = bodyOf(await caller.call('GET', routes.devices, devicesAnswerSchema));
      return answer.ok ? ok(answer.value.devices) : answer;
    },
    revoke: (deviceId, authKey) =>
      caller.command(
        'DELETE',
        routes.device(deviceId),
        authKey === undefined ? undefined : json({ authKey }),
      ),
  };
}

async function readHistory(caller: Caller, id: string): Answer<readonly RemoteVersion[]> {
  const versions: RemoteVersion[] = [];
  let before: number | undefined;
  for (let page = 0; page < maxHistoryPages; page++) {
    const query = before === undefined ? '' : `?${new URLSearchParams({ before: String(before) })}`;
    const read = await caller.call('GET', `${routes.versions(id)}${query}`, versionsAnswerSchema);
    if (!read.ok) return read;
    const { versions: part, hasMore = false } = read.value.answer;
    versions.push(...part);
    if (!hasMore) return ok(versions);
    const last = part.at(-1)?.version;
    if (last === undefined || (before !== undefined && last >= before)) break;
    before = last;
  }
  return err(malformedAnswer('the server sends a history without end'));
}

interface Sent extends Omit<Timed<never>, 'answer'> {
  readonly status: number;
  /** Undefined when it is not UTF-8. */
  readonly text: string | undefined;
  /** Of the protocol, as the server says. */
  readonly version: number | undefined;
}

const zipAside = promisify(gzip);

class Caller {
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #address: ServerAddress;
  readonly #zippedAtOnceBytes: number;

  constructor(http: HttpClient, clock: Clock, address: ServerAddress, zippedAtOnceBytes: number) {
    this.#http = http;
    this.#clock = clock;
    this.#address = address;
    this.#zippedAtOnceBytes = zippedAtOnceBytes;
  }

  async call<T>(
    method: HttpRequest['method'],
    path: string,
    schema: z.ZodType<T>,
    body?: string,
  ): Answer<Timed<T>> {
    const sent = await this.#send(method, path, body);
    if (!sent.ok) return sent;
    const { status, text, version } = sent.value;
    const answer = schema.safeParse(text === undefined ? undefined : parseJson(text));
    if (!answer.success) {
      if (version !== undefined && version !== protocolVersion) {
        return err({ type: 'otherVersion', server: version });
      }
      return err(malformedAnswer(answer.error.issues[0]?.message ?? 'not JSON', status));
    }
    return ok({ ...sent.value, answer: answer.data });
  }

  async command(method: HttpRequest['method'], path: string, body?: string): Answer<void> {
    const sent = await this.#send(method, path, body);
    return sent.ok ? ok() : sent;
  }

  async #send(method: HttpRequest['method'], path: string, body: string | undefined): Answer<Sent> {
    const plain = body === undefined ? undefined : toUtf8(body);
    const zipped = plain !== undefined && plain.length >= minGzipBytes ? await this.#zip(plain) : undefined;
    const bytes = zipped ?? plain;
    const startedMs = this.#clock.monotonic();
    const answer = await this.#http.send({
      method,
      url: this.#address.server + path,
      headers: {
        accept: 'application/json, application/problem+json',
        [protocolHeader.toLowerCase()]: String(protocolVersion),
        ...(this.#address.token === undefined ? {} : { authorization: `Bearer ${this.#address.token}` }),
        ...(plain === undefined ? {} : { 'content-type': 'application/json' }),
        ...(zipped === undefined ? {} : { 'content-encoding': 'gzip' }),
      },
      ...(bytes === undefined ? {} : { body: bytes }),
      timeoutMs: maxSilenceMs,
      maxAnswerBytes,
    });
    if (!answer.ok) return answer;
    const { status, headers } = answer.value;
    const text = fromUtf8(answer.value.body);
    const version = versionOf(headers);
    const isOther = version !== undefined && version !== protocolVersion;
    if (isOther && (version < oldestProtocolVersion || status === statusOfProblem.unsupportedVersion)) {
      return err({ type: 'otherVersion', server: version });
    }
    if (status < 200 || status > 299) return err(problemOfAnswer(status, headers, text));
    return ok({
      status,
      text,
      version,
      roundTripMs: this.#clock.monotonic() - startedMs,
      bytesSent: bytes?.length ?? 0,
      bytesReceived: answer.value.body.length,
    });
  }

  async #zip(plain: Uint8Array): Promise<Uint8Array> {
    const isSmall = plain.length <= this.#zippedAtOnceBytes;
    return new Uint8Array(isSmall ? gzipSync(plain) : await zipAside(plain));
  }
}

/** The version of the protocol that the server speaks; undefined when something else has answered. */
function versionOf(headers: Readonly<Record<string, string>>): number | undefined {
  const text = headers[protocolHeader.toLowerCase()];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function problemOfAnswer(
  status: number,
  headers: Readonly<Record<string, string>>,
  text: string | undefined,
): TransportError {
  const problem = problemSchema.safeParse(text === undefined ? undefined : parseJson(text));
  const retryAfterMs = retryAfterOf(headers, problem.data?.retryAfterSeconds);
  if (problem.success) {
    const { code, title, detail } = problem.data;
    return { type: 'problem', status, code, title, detail, retryAfterMs };
  }
  // A proxy in between answers for itself, without our document: sending less, or waiting, is what helps.
  const title = `status ${status}`;
  if (status === 413) {
    return { type: 'problem', status, code: 'tooLarge', title, detail: undefined, retryAfterMs };
  }
  if (status === 429 || status >= 500) {
    return { type: 'problem', status, code: 'unavailable', title, detail: undefined, retryAfterMs };
  }
  return malformedAnswer('not a problem document', status);
}
