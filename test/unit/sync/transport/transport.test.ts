import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { ok, type Result, unwrap } from '../../../../src/base/result';
import type { HttpAnswer, HttpFailure, HttpRequest } from '../../../../src/sync/transport/http';
import { createTransport } from '../../../../src/sync/transport/transport';
import { jsonAnswer } from '../../../support/inProcessHttp';
import { createAccount } from '../../../support/syncDevice';
import type { ChangeFields } from '../../../support/testDevice';
import { testEpochMs } from '../../../support/testServer';
import { VirtualTime } from '../../../support/virtualTime';

function transportTo(answer: (request: HttpRequest) => Result<HttpAnswer, HttpFailure>) {
  const sent: HttpRequest[] = [];
  const time = new VirtualTime(testEpochMs);
  const transport = createTransport(
    {
      send: async request => {
        sent.push(request);
        await time.advance(40);
        return answer(request);
      },
      stream: () => assert.fail('no stream is opened'),
    },
    time,
    { server: 'https://sync.example/base', token: 'secret' },
  );
  return { transport, sent };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const answered = (status: number, text: string, headers = {}) => ok({ status, headers, body: bytes(text) });
const page = { changes: [], cursor: 'c', hasMore: false, serverTime: testEpochMs };
const problem = (status: number, code: string, rest: object = {}) =>
  jsonAnswer(status, { type: 'about:blank', title: 'Title', status, code, ...rest });

async function failureOf(answer: Result<HttpAnswer, HttpFailure>) {
  const { transport } = transportTo(() => answer);
  const pulled = await transport.pull(undefined, 10);
  assert.ok(!pulled.ok);
  return pulled.error;
}

describe('the transport', () => {
  it('asks as the protocol says, with the token and the version', async () => {
    const { transport, sent } = transportTo(() => jsonAnswer(200, page));
    await transport.pull('a b&c', 10);
    await transport.pull(undefined, 1000);
    await transport.manifest('x/y');
    assert.deepEqual(
      sent.map(({ method, url }) => `${method} ${url}`),
      [
        'GET https://sync.example/base/v1/changes?limit=10&since=a+b%26c',
        'GET https://sync.example/base/v1/changes?limit=1000',
        'GET https://sync.example/base/v1/items?after=x%2Fy',
      ],
    );
    const { headers } = sent[0] ?? assert.fail('nothing was sent');
    assert.equal(headers['authorization'], 'Bearer secret');
    assert.equal(headers['scratch-protocol'], '1');
  });

  it('measures what an answer cost', async () => {
    const { transport } = transportTo(() => jsonAnswer(200, page));
    const pulled = await transport.pull(undefined, 10);
    assert.ok(pulled.ok);
    assert.equal(pulled.value.roundTripMs, 40);
    assert.equal(pulled.value.bytesReceived, JSON.stringify(page).length);
    assert.equal(pulled.value.bytesSent, 0);
  });

  it('sends frozen changes byte for byte, and zips a body that is worth it', async () => {
    const answer = { results: [], serverTime: testEpochMs };
    const { transport, sent } = transportTo(() => jsonAnswer(200, answer));
    const change = '{"b":1,  "a":2}';
    await transport.push('c', [change, change]);
    await transport.push(
      undefined,
      Array.from({ length: 200 }, () => change),
    );
    const [small, large] = sent;
    assert.equal(Buffer.from(small?.body ?? []).toString(), `{"cursor":"c","changes":[${change},${change}]}`);
    assert.equal(small?.headers['content-encoding'], undefined);
    assert.equal(large?.headers['content-encoding'], 'gzip');
    const text = gunzipSync(large?.body ?? new Uint8Array()).toString();
    assert.ok(text.startsWith(`{"cursor":null,"changes":[${change},`));
  });

  it('tells a problem by its code, with what a person can do', async () => {
    assert.deepEqual(await failureOf(problem(410, 'cursorExpired', { detail: 'Compare.' })), {
      type: 'problem',
      status: 410,
      code: 'cursorExpired',
      title: 'Title',
      detail: 'Compare.',
      retryAfterMs: undefined,
    });
  });

  it('hears how long to wait: from the document, in seconds, or as a date', async () => {
    const retryAfter = async (answer: Result<HttpAnswer, HttpFailure>) => {
      const error = await failureOf(answer);
      return error.type === 'problem' ? error.retryAfterMs : assert.fail(error.type);
    };
    assert.equal(await retryAfter(problem(429, 'tooManyRequests', { retryAfterSeconds: 7 })), 7000);
    assert.equal(await retryAfter(answered(503, '', { 'retry-after': '120' })), 120_000);
    assert.equal(await retryAfter(answered(503, '', { 'retry-after': '999999' })), 3_600_000);
    const date = 'Wed, 01 Jan 2025 00:00:30 GMT';
    const now = 'Wed, 01 Jan 2025 00:00:00 GMT';
    assert.equal(await retryAfter(answered(503, '', { 'retry-after': date, date: now })), 30_000);
    assert.equal(await retryAfter(answered(503, '', { 'retry-after': now, date })), 0);
    for (const nonsense of ['soon', '-1', '1e9', '']) {
      assert.equal(await retryAfter(answered(503, '', { 'retry-after': nonsense })), undefined, nonsense);
    }
  });

  it('takes the errors of a proxy, which know no documents, for what they are', async () => {
    for (const [status, code] of [
      [502, 'unavailable'],
      [429, 'unavailable'],
      [413, 'tooLarge'],
    ] as const) {
      const error = await failureOf(answered(status, '<html>'));
      assert.ok(error.type === 'problem' && error.code === code, `${status}`);
    }
  });

  it('refuses every answer that is not one of the protocol', async () => {
    const wrong: readonly Result<HttpAnswer, HttpFailure>[] = [
      answered(200, ''),
      answered(200, '<html>captive portal</html>'),
      answered(200, '[]'),
      answered(200, '{"changes":'),
      ok({ status: 200, headers: {}, body: new Uint8Array([0xff, 0xfe]) }),
      answered(302, '', { location: 'https://elsewhere.example' }),
      answered(404, '{}'),
      jsonAnswer(200, { ...page, cursor: '' }),
      jsonAnswer(200, { ...page, cursor: 'x'.repeat(10_000) }),
      jsonAnswer(200, { ...page, serverTime: '2025' }),
      jsonAnswer(200, { ...page, serverTime: -1 }),
      jsonAnswer(200, { ...page, hasMore: 'yes' }),
      jsonAnswer(200, { ...page, changes: Array.from({ length: 1001 }, () => ({})) }),
      jsonAnswer(200, { ...page, changes: [{ collection: 'other', itemId: 'x' }] }),
    ];
    for (const answer of wrong) {
      const error = await failureOf(answer);
      assert.equal(error.type, 'malformedAnswer', JSON.stringify(error));
    }
  });

  it('tells that an item is not there from other failures', async () => {
    const missing = transportTo(() => problem(404, 'notFound'));
    const gone = await missing.transport.item('x');
    assert.equal(gone.ok && gone.value.answer, null);
    const other = transportTo(() => problem(403, 'forbidden'));
    assert.ok(!(await other.transport.item('x')).ok);
  });

  it('reads a whole history, over as many pages as it takes', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const itemId = crypto.randomUUID();
    const payload = 'A'.repeat(1_200_000);
    let base: ChangeFields['base'];
    for (let version = 1; version <= 5; version++) {
      const change = laptop.session.change({ itemId, millis: testEpochMs + version, base, payload });
      await laptop.session.push([change]);
      base = { version, timestamp: String(change['timestamp']) };
    }
    laptop.http.sent.length = 0;
    const history = unwrap(await laptop.transport.versions(itemId));
    assert.deepEqual(
      history.map(({ version }) => version),
      [5, 4, 3, 2, 1],
    );
    assert.ok(laptop.http.sent.length > 1, 'it took more than one page');
  });

  it('gives a history up that does not end', async () => {
    const { transport, sent } = transportTo(() =>
      jsonAnswer(200, { versions: [], hasMore: true, serverTime: testEpochMs }),
    );
    const read = await transport.versions('x');
    assert.equal(read.ok ? 'read' : read.error.type, 'malformedAnswer');
    assert.equal(sent.length, 1);
  });

  it('passes the failures of the network on', async () => {
    const timeout: HttpFailure = { type: 'timeout', timeoutMs: 30_000 };
    assert.deepEqual(await failureOf({ ok: false, error: timeout }), timeout);
  });

  it('tells a server of another version from something that is no server', async () => {
    const speaking = (version: string, status = 200, text = '{}') =>
      failureOf(answered(status, text, { 'scratch-protocol': version }));
    assert.deepEqual(await speaking('2'), { type: 'otherVersion', server: 2 });
    assert.deepEqual(await speaking('0', 200, JSON.stringify(page)), { type: 'otherVersion', server: 0 });
    assert.deepEqual(await speaking('3', 426), { type: 'otherVersion', server: 3 });
    assert.equal((await speaking('1')).type, 'malformedAnswer');
    assert.equal((await speaking('two')).type, 'malformedAnswer');
    assert.equal((await speaking('2', 503)).type, 'problem', 'an error that is understood is told as such');
  });

  it('is content with what it understands of a newer server', async () => {
    const { transport } = transportTo(() =>
      jsonAnswer(200, { ...page, extra: 1 }, { 'scratch-protocol': '2' }),
    );
    assert.ok((await transport.pull(undefined, 10)).ok);
  });
});
