import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { problemSchema } from '../../../src/protocol/problem';
import { authKey, send, signIn, signUp, signUpBody, type TestDevice } from '../../support/testDevice';
import { createTestServer, testEpochMs } from '../../support/testServer';

const deviceId = '00000000000000d1';
const uuid = () => systemRandom.uuid();

async function problemOf(response: Response) {
  const problem = problemSchema.parse(JSON.parse(await response.text()));
  assert.equal(problem.status, response.status);
  return problem;
}

async function assertProblem(response: Response, status: number, code: string, message?: string) {
  const problem = await problemOf(response);
  assert.deepEqual([problem.status, problem.code], [status, code], message ?? JSON.stringify(problem));
}

/** Values of the wrong type, and of a right type beyond any sense. */
const nonsense: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  '\u0000',
  'é',
  '💥',
  'x'.repeat(100_000),
  '../../etc/passwd',
  "' OR 1=1 --",
  [],
  [[]],
  {},
  { toString: 1 },
];

/** A copy of `value` for every field in it, with that field left out or replaced. */
function* variations(value: unknown, replacement?: unknown): Generator<{ path: string; value: unknown }> {
  if (value === null || typeof value !== 'object') return;
  for (const [key, inner] of Object.entries(value)) {
    const set = (changed: unknown): unknown => {
      if (Array.isArray(value)) return value.map((entry, index) => (String(index) === key ? changed : entry));
      const { [key]: _old, ...rest } = Object.fromEntries(Object.entries(value));
      return changed === undefined ? rest : { ...rest, [key]: changed };
    };
    if (!Array.isArray(value) || replacement !== undefined) yield { path: key, value: set(replacement) };
    for (const deeper of variations(inner, replacement)) {
      yield { path: `${key}.${deeper.path}`, value: set(deeper.value) };
    }
  }
}

/** Every endpoint that takes a body, with one that it accepts. */
async function requests(device: TestDevice) {
  const kdf = signUpBody('', '', '').kdf;
  return [
    ['POST', '/v1/accounts', signUpBody('bob', uuid(), deviceId)],
    ['POST', '/v1/devices', { login: 'ada', authKey, device: { deviceId, name: 'desktop' } }],
    [
      'PUT',
      '/v1/accounts/me/password',
      { authKey, kdf, newAuthKey: authKey, baseVersion: 1, wrapped: 'bmV3' },
    ],
    ['PUT', '/v1/accounts/me/keyring', { authKey, baseVersion: 1, wrapped: 'bmV3', recoveryWrapped: 'bmV3' }],
    [
      'PUT',
      '/v1/accounts/me/recovery',
      { authKey, newRecoveryAuthKey: authKey, baseVersion: 1, recoveryWrapped: 'bmV3' },
    ],
    [
      'POST',
      '/v1/changes',
      { cursor: null, changes: [device.change({ itemId: uuid(), millis: testEpochMs })] },
    ],
  ] as const;
}

describe('bad input', () => {
  it('with any one field missing is refused in words and changes nothing', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    let tried = 0;
    for (const [method, path, body] of await requests(device)) {
      for (const variation of variations(body)) {
        const response = await device.call(method, path, variation.value);
        const at = `${path} without ${variation.path}`;
        tried += 1;
        if (path === '/v1/changes' && response.status === 200) {
          const { results } = JSON.parse(await response.text());
          assert.deepEqual([results[0].status, results[0].code], ['rejected', 'malformed'], at);
        } else {
          const problem = await problemOf(response);
          assert.deepEqual([problem.status, problem.code], [400, 'malformed'], at);
          assert.ok(problem.title.length > 0);
        }
      }
    }
    assert.ok(tried > 40, `${tried} fields`);
    assert.deepEqual((await device.pull()).changes, []);
  });

  it('with any one field of a wrong type or beyond sense never fails the server', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    for (const [method, path, body] of await requests(device)) {
      for (const replacement of nonsense) {
        for (const variation of variations(body, replacement)) {
          const response = await device.call(method, path, variation.value);
          assert.ok(
            response.status < 500,
            `${path} ${variation.path} = ${JSON.stringify(replacement).slice(0, 40)}: ${response.status}`,
          );
          await response.arrayBuffer();
        }
      }
    }
  });

  it('that is not an object at all is refused', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    for (const [method, path] of await requests(device)) {
      for (const body of ['', '[]', 'null', '1', '"x"', '{', '{"a":', 'nonsense', '\ufeff{}', '{} {}']) {
        const response = await device.call(method, path, body);
        assert.equal((await problemOf(response)).code, 'malformed', `${path} ${body}`);
      }
    }
  });

  it('nested too deeply is refused before it is parsed', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    for (const body of [
      '['.repeat(1_000_000),
      `{"cursor":null,"changes":[${'['.repeat(40)}${']'.repeat(40)}]}`,
      '{"a":'.repeat(200_000),
    ]) {
      await assertProblem(await device.call('POST', '/v1/changes', body), 400, 'malformed');
    }
    const brackets = device.change({ itemId: uuid(), millis: testEpochMs, note: `"\\"${'['.repeat(100)}` });
    assert.equal((await device.push([brackets])).results[0]?.status, 'accepted');
  });

  it('that names a prototype is refused, and nothing is polluted', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const change = JSON.stringify(device.change({ itemId: uuid(), millis: testEpochMs }));
    for (const field of ['__proto__', '\\u005f_proto__']) {
      const body = `{"cursor":null,"changes":[${change.slice(0, -1)},"${field}":{"admin":true}}]}`;
      await assertProblem(await device.call('POST', '/v1/changes', body), 400, 'malformed');
    }
    assert.equal(Object.hasOwn(Object.prototype, 'admin'), false);
  });

  it('that is not UTF-8 is refused', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    await assertProblem(
      await device.call('POST', '/v1/changes', new Uint8Array([0x22, 0xff, 0x22])),
      400,
      'malformed',
    );
  });

  it('in a query is refused', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=1.5', 'limit=1e3x', 'limit=', 'since=']) {
      await assertProblem(await device.call('GET', `/v1/changes?${query}`), 400, 'malformed', query);
    }
    await assertProblem(await device.call('GET', `/v1/changes?since=${'x'.repeat(201)}`), 400, 'malformed');
    for (const query of ['limit=5001', 'limit=-1', `after=${'x'.repeat(37)}`]) {
      await assertProblem(await device.call('GET', `/v1/items?${query}`), 400, 'malformed', query);
    }
    for (const id of ['x', uuid().toUpperCase(), '%00', `${uuid()}x`]) {
      await assertProblem(await device.call('GET', `/v1/items/${id}`), 400, 'malformed', id);
      await assertProblem(await device.call('GET', `/v1/items/${id}/versions`), 400, 'malformed', id);
    }
    await assertProblem(await device.call('GET', `/v1/items/${uuid()}/versions?before=0`), 400, 'malformed');
  });

  it('in a batch that holds too many changes, or none, is refused', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const many = Array.from({ length: 501 }, () => device.change({ itemId: uuid(), millis: testEpochMs }));
    for (const changes of [many, [], {}]) {
      await assertProblem(
        await device.call('POST', '/v1/changes', { cursor: null, changes }),
        400,
        'malformed',
      );
    }
  });
});

describe('bodies', () => {
  it('above the limit are refused, by their announced length or by what arrives', async () => {
    const { app } = await createTestServer({ limits: { maxBodyBytes: 10_000 } });
    const device = await signUp(app.fetch);
    const large = JSON.stringify({ cursor: null, changes: [], padding: 'x'.repeat(10_000) });
    await assertProblem(await device.call('POST', '/v1/changes', large), 413, 'tooLarge');
    const announced = await device.call('POST', '/v1/changes', '{}', { 'Content-Length': '10001' });
    await assertProblem(announced, 413, 'tooLarge');
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: controller => {
        sent += 1000;
        controller.enqueue(new Uint8Array(1000).fill(0x20));
      },
    });
    const response = await app.fetch(
      new Request('http://server.test/v1/changes', {
        method: 'POST',
        body: endless,
        duplex: 'half',
        headers: { Authorization: `Bearer ${device.token}` },
      }),
    );
    await assertProblem(response, 413, 'tooLarge');
    assert.ok(sent < 20_000, `${sent} bytes were read`);
  });

  it('are bounded again while they are inflated', async () => {
    const { app } = await createTestServer({ limits: { maxBodyBytes: 1_000_000 } });
    const device = await signUp(app.fetch);
    const gzip = { 'Content-Encoding': 'gzip' };
    for (const bytes of [2_000_000, 900_000_000 / 3]) {
      const bomb = new Uint8Array(gzipSync(Buffer.alloc(bytes, 0x20)));
      await assertProblem(await device.call('POST', '/v1/changes', bomb, gzip), 413, 'tooLarge');
    }
  });

  it('may come as gzip and in no other encoding', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    for (const encoding of ['br', 'deflate', 'gzip, gzip', 'x']) {
      const response = await device.call('POST', '/v1/changes', '{}', { 'Content-Encoding': encoding });
      await assertProblem(response, 415, 'unsupportedEncoding', encoding);
    }
    const gzip = { 'Content-Encoding': 'gzip' };
    const zipped = new Uint8Array(gzipSync('{}'));
    const inCapitals = await device.call('POST', '/v1/changes', zipped, { 'Content-Encoding': 'GZIP' });
    await assertProblem(inCapitals, 400, 'malformed');
    await assertProblem(await device.call('POST', '/v1/changes', '{}', gzip), 400, 'malformed');
    const cut = new Uint8Array(gzipSync('{"cursor":null}').subarray(0, 15));
    await assertProblem(await device.call('POST', '/v1/changes', cut, gzip), 400, 'malformed');
  });

  it('that end early are refused', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const broken = new ReadableStream<Uint8Array>({
      pull: controller => controller.error(new Error('cut off')),
    });
    const request = new Request('http://server.test/v1/changes', {
      method: 'POST',
      body: broken,
      duplex: 'half',
      headers: { Authorization: `Bearer ${device.token}` },
    });
    await assertProblem(await app.fetch(request), 400, 'malformed');
  });

  it('of answers are gzip when the client takes it and it is worth it', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const payload = Buffer.alloc(50_000).toString('base64url');
    await device.push([device.change({ itemId: uuid(), millis: testEpochMs, payload })]);
    const get = (accept: string) =>
      device.call('GET', '/v1/changes', undefined, { 'Accept-Encoding': accept });
    for (const accept of ['gzip', 'br, gzip;q=0.5', '*']) {
      assert.equal((await get(accept)).headers.get('Content-Encoding'), 'gzip', accept);
    }
    for (const accept of ['', 'identity', 'gzip;q=0', 'br']) {
      assert.equal((await get(accept)).headers.get('Content-Encoding'), null, accept);
    }
  });
});

describe('requests', () => {
  it('without a good token are refused, with the body unread', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const forged = `${device.token.slice(0, -1)}${device.token.endsWith('A') ? 'B' : 'A'}`;
    for (const authorization of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      'Bearer x',
      `Basic ${device.token}`,
      `Bearer ${forged}`,
      `Bearer ${device.token} x`,
      `Bearer scratch_${'A'.repeat(75)}`,
      `Bearer ${'x'.repeat(600)}`,
    ]) {
      const headers: Record<string, string> =
        authorization === undefined ? {} : { Authorization: authorization };
      const response = await send(app.fetch, 'POST', '/v1/changes', 'nonsense', headers);
      assert.match(response.headers.get('WWW-Authenticate') ?? '', /Bearer/);
      await assertProblem(response, 401, 'unauthorized', authorization);
    }
  });

  it("with another account's token see and change only that account", async () => {
    const { app } = await createTestServer();
    const ada = await signUp(app.fetch, 'ada');
    const bob = await signUp(app.fetch, 'bob');
    const itemId = uuid();
    const change = ada.change({ itemId, millis: testEpochMs });
    await ada.push([change]);
    assert.equal((await bob.call('GET', `/v1/items/${itemId}`)).status, 404);
    assert.equal((await bob.call('GET', `/v1/items/${itemId}/versions`)).status, 404);
    assert.deepEqual((await bob.pull()).changes, []);
    const base = { version: 1, timestamp: String(change['timestamp']) };
    const pushed = await bob.push([bob.change({ itemId, base, millis: testEpochMs + 1 })]);
    assert.deepEqual(pushed.results[0]?.status === 'conflict' && pushed.results[0].current, null);
    const own = await bob.push([bob.change({ itemId, millis: testEpochMs })]);
    assert.equal(own.results[0]?.status, 'accepted');
    assert.equal((await ada.pull()).changes[0]?.payload, change['payload']);
    const { cursor } = await ada.pull();
    await assertProblem(await bob.call('GET', `/v1/changes?since=${cursor}`), 409, 'epochChanged');
  });

  it('to nowhere, or by a method that a path has not, are refused', async () => {
    const { app } = await createTestServer();
    for (const path of ['/', '/v1', '/v1/nothing', '/v1/changes/', '/v2/changes', '/..%2f..%2fetc/passwd']) {
      await assertProblem(await send(app.fetch, 'GET', path), 404, 'notFound', path);
    }
    const response = await send(app.fetch, 'PATCH', '/v1/changes');
    assert.equal(response.headers.get('Allow'), 'GET, POST');
    await assertProblem(response, 405, 'methodNotAllowed');
  });

  it('say their protocol version: too old ones are told so, newer ones are served', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const get = (version: string) =>
      device.call('GET', '/v1/changes', undefined, { 'Scratch-Protocol': version });
    for (const version of ['1', '2', '999999999']) {
      const response = await get(version);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('Scratch-Protocol'), '1');
    }
    const old = await get('0');
    assert.equal(old.headers.get('Scratch-Protocol'), '1');
    await assertProblem(old, 426, 'unsupportedVersion');
    for (const version of ['x', '-1', '1.5', '9'.repeat(30)]) {
      await assertProblem(await get(version), 400, 'malformed', version);
    }
  });

  it('may leave out the body only where a device revokes itself', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    await assertProblem(await laptop.call('DELETE', '/v1/accounts/me'), 400, 'malformed');
    await assertProblem(await laptop.call('DELETE', `/v1/devices/${desktop.deviceId}`), 400, 'malformed');
    await assertProblem(await laptop.call('DELETE', '/v1/devices/nonsense'), 400, 'malformed');
  });
});
