import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { toBase64Url, toHex } from '../../src/base/encoding';
import { type Random, systemRandom } from '../../src/base/random';
import { sessionAnswerSchema } from '../../src/protocol/accounts';
import {
  manifestAnswerSchema,
  type PullAnswer,
  type PushAnswer,
  pullAnswerSchema,
  pushAnswerSchema,
} from '../../src/protocol/changes';
import { protocolHeader } from '../../src/protocol/routes';

/** Speaks the protocol to a server in the same process or over a network, without an engine. */
export interface TestDevice {
  readonly login: string;
  readonly accountId: string;
  readonly deviceId: string;
  readonly token: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  push(changes: readonly object[], cursor?: string | null): Promise<PushAnswer>;
  pull(since?: string, limit?: number): Promise<PullAnswer>;
  /** A change of an item, made by this device. */
  change(fields: ChangeFields): Record<string, unknown>;
}

export interface ChangeFields {
  readonly itemId: string;
  readonly millis: number;
  readonly counter?: number;
  readonly base?: { readonly version: number; readonly timestamp: string } | undefined;
  readonly [name: string]: unknown;
}

export type Fetch = (request: Request) => Response | Promise<Response>;

export const authKey = toBase64Url(new Uint8Array(32).fill(1));
export const recoveryAuthKey = toBase64Url(new Uint8Array(32).fill(2));
export const baseUrl = 'http://server.test';

export function stampOf(millis: number, counter: number, deviceId: string): string {
  return `${String(millis).padStart(16, '0')}-${counter.toString(16).padStart(4, '0')}-${deviceId}`;
}

export async function send(
  fetch: Fetch,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  return fetch(
    new Request(new URL(path, headers['X-Base'] ?? baseUrl), {
      method,
      headers: { [protocolHeader]: '1', ...headers },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    }),
  );
}

export const signUpBody = (login: string, accountId: string, deviceId: string) => ({
  login,
  accountId,
  kdf: {
    algorithm: 'argon2id',
    memoryKib: 65536,
    passes: 3,
    parallelism: 1,
    salt: toBase64Url(new Uint8Array(16)),
  },
  authKey,
  recoveryAuthKey,
  keyring: { wrapped: 'd3JhcHBlZA', recoveryWrapped: 'cmVjb3Zlcnk' },
  device: { deviceId, name: 'laptop' },
});

export async function signUp(
  fetch: Fetch,
  login = 'ada',
  options: { random?: Random; invite?: string; base?: string } = {},
): Promise<TestDevice> {
  const random = options.random ?? systemRandom;
  const accountId = random.uuid();
  const deviceId = toHex(random.bytes(8));
  const headers: Record<string, string> = options.base === undefined ? {} : { 'X-Base': options.base };
  const body = signUpBody(login, accountId, deviceId);
  const response = await send(
    fetch,
    'POST',
    '/v1/accounts',
    options.invite === undefined ? body : { ...body, invite: options.invite },
    headers,
  );
  assert.equal(response.status, 201, await response.clone().text());
  const session = sessionAnswerSchema.parse(await response.json());
  return createDevice(fetch, { login, accountId, deviceId, token: session.token, random, headers });
}

export async function signIn(
  fetch: Fetch,
  login = 'ada',
  options: { random?: Random; deviceId?: string; base?: string } = {},
): Promise<TestDevice> {
  const random = options.random ?? systemRandom;
  const deviceId = options.deviceId ?? toHex(random.bytes(8));
  const headers: Record<string, string> = options.base === undefined ? {} : { 'X-Base': options.base };
  const body = { login, authKey, device: { deviceId, name: 'desktop' } };
  const response = await send(fetch, 'POST', '/v1/devices', body, headers);
  assert.equal(response.status, 201, await response.clone().text());
  const { accountId, token } = sessionAnswerSchema.parse(await response.json());
  return createDevice(fetch, { login, accountId, deviceId, token, random, headers });
}

function createDevice(
  fetch: Fetch,
  {
    random,
    headers: common,
    ...identity
  }: {
    login: string;
    accountId: string;
    deviceId: string;
    token: string;
    random: Random;
    headers: Record<string, string>;
  },
): TestDevice {
  const call: TestDevice['call'] = (method, path, body, headers) =>
    send(fetch, method, path, body, { Authorization: `Bearer ${identity.token}`, ...common, ...headers });
  return {
    ...identity,
    call,
    async push(changes, cursor = null) {
      const bytes = new Uint8Array(gzipSync(JSON.stringify({ cursor, changes })));
      const response = await call('POST', '/v1/changes', bytes, { 'Content-Encoding': 'gzip' });
      assert.equal(response.status, 200, await response.clone().text());
      return pushAnswerSchema.parse(await response.json());
    },
    async pull(since, limit) {
      const query = new URLSearchParams({
        ...(since === undefined ? {} : { since }),
        ...(limit === undefined ? {} : { limit: String(limit) }),
      });
      const response = await call('GET', `/v1/changes?${query}`);
      assert.equal(response.status, 200, await response.clone().text());
      return pullAnswerSchema.parse(await response.json());
    },
    change({ itemId, millis, counter = 0, base, ...rest }) {
      return {
        changeId: random.uuid(),
        collection: 'item',
        itemId,
        baseVersion: base?.version ?? 0,
        baseTimestamp: base?.timestamp ?? null,
        changeType: 'upsert',
        keyId: '00000000000000aa',
        timestamp: stampOf(millis, counter, identity.deviceId),
        originDeviceId: identity.deviceId,
        payload: toBase64Url(random.bytes(40)),
        ...rest,
      };
    },
  };
}

export async function readManifest(device: TestDevice, query = '') {
  const response = await device.call('GET', `/v1/items${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  return manifestAnswerSchema.parse(await response.json());
}
