import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Logger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { err } from '../../../src/base/result';
import { addressReader } from '../../../src/server/listen';
import { createRateLimits } from '../../../src/server/rateLimits';
import { serverMigrations } from '../../../src/server/storage/schema';
import { createToken, hashToken, parseToken } from '../../../src/server/tokens';
import type { Database, StorageError } from '../../../src/sqlite/database';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { authKey, recoveryAuthKey, send, signIn, signUp } from '../../support/testDevice';
import { createTestServer, testEpochMs } from '../../support/testServer';

const wrongKey = Buffer.alloc(32, 8).toString('base64url');
const guess = { login: 'ada', authKey: wrongKey, device: { deviceId: '00000000000000d1', name: 'x' } };

describe('rate limits', () => {
  it('hold back guesses at a login from one address, and say when to come back', async () => {
    const { app } = await createTestServer({
      rateLimits: createRateLimits(),
      addressOf: request => request.headers.get('X-Test-Address') ?? '192.0.2.1',
    });
    await signUp(app.fetch);
    for (let attempt = 0; attempt < 10; attempt++) {
      assert.equal((await send(app.fetch, 'POST', '/v1/devices', guess)).status, 401);
    }
    const refused = await send(app.fetch, 'POST', '/v1/devices', guess);
    assert.equal(refused.status, 429);
    const { code, retryAfterSeconds } = JSON.parse(await refused.text());
    assert.equal(code, 'tooManyRequests');
    assert.equal(String(retryAfterSeconds), refused.headers.get('Retry-After'));
    assert.ok(retryAfterSeconds > 0 && retryAfterSeconds <= 900);
    const owner = { ...guess, authKey };
    const elsewhere = { 'X-Test-Address': '192.0.2.2' };
    assert.equal((await send(app.fetch, 'POST', '/v1/devices', owner, elsewhere)).status, 201);
  });

  it('do not count honest sign-ins, sign-ups and proofs', async () => {
    const { app } = await createTestServer({ rateLimits: createRateLimits() });
    const device = await signUp(app.fetch);
    for (let count = 0; count < 40; count++) await signUp(app.fetch, `user${count}`);
    for (let count = 0; count < 30; count++) await signIn(app.fetch);
    for (let baseVersion = 1; baseVersion < 30; baseVersion++) {
      const ring = { authKey, baseVersion, wrapped: 'bmV3', recoveryWrapped: 'bmV3' };
      assert.equal((await device.call('PUT', '/v1/accounts/me/keyring', ring)).status, 200);
    }
  });

  it('hold back guesses at the key by someone who has a token', async () => {
    const { app } = await createTestServer({ rateLimits: createRateLimits() });
    const device = await signUp(app.fetch);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 21; attempt++) {
      statuses.push((await device.call('DELETE', '/v1/accounts/me', { authKey: wrongKey })).status);
    }
    assert.deepEqual([statuses[19], statuses[20]], [401, 429]);
  });

  it('count the addresses of one IPv6 network as one', async () => {
    const limits = createRateLimits();
    for (let attempt = 0; attempt < 30; attempt++) {
      const party = { address: `2001:db8:1:2::${attempt}`, subject: 'x' };
      assert.ok((await limits.take('signUp', party)).ok);
    }
    assert.ok(!(await limits.take('signUp', { address: '2001:db8:1:2:f::ffff', subject: 'x' })).ok);
    assert.ok((await limits.take('signUp', { address: '2001:db8:1:3::1', subject: 'x' })).ok);
    for (let attempt = 0; attempt < 30; attempt++)
      await limits.take('signUp', { address: `::${attempt}`, subject: 'x' });
    assert.ok(!(await limits.take('signUp', { address: '::ffff', subject: 'x' })).ok);
    for (const address of ['1::1', '2001:db8::1', '::ffff:192.0.2.1', '192.0.2.1']) {
      assert.ok((await limits.take('signUp', { address, subject: 'x' })).ok, address);
    }
  });
});

describe('the address of a client', () => {
  const request = new Request('http://server.test/', {
    headers: { 'X-Forwarded-For': '198.51.100.7, 192.0.2.9' },
  });
  const env = { incoming: { socket: { remoteAddress: '203.0.113.5' } } };

  it('is that of the connection, unless a proxy is trusted', () => {
    assert.equal(addressReader(false)(request, env), '203.0.113.5');
    assert.equal(addressReader(true)(request, env), '192.0.2.9');
    assert.equal(addressReader(true)(new Request('http://server.test/'), env), '203.0.113.5');
    assert.equal(addressReader(false)(request, undefined), 'unknown');
  });
});

describe('a token', () => {
  it('names account and device, and nothing else can be read as one', () => {
    const accountId = systemRandom.uuid();
    const token = createToken(systemRandom, accountId, '00000000000000d1');
    assert.deepEqual(parseToken(token), { accountId, deviceId: '00000000000000d1' });
    assert.notEqual(createToken(systemRandom, accountId, '00000000000000d1'), token);
    assert.match(hashToken(token), /^[0-9a-f]{64}$/);
    for (const text of ['', 'scratch_', token.slice(0, -1), `${token}A`, token.replace('scratch', 'other')]) {
      assert.equal(parseToken(text), undefined);
    }
  });
});

describe('the log', () => {
  it('tells each request with its outcome, and never a secret', async () => {
    const lines: string[] = [];
    const line = (message: string, fields?: object) => lines.push(JSON.stringify({ message, ...fields }));
    const logger: Logger = { debug: line, info: line, warn: line, error: line };
    const server = await createTestServer({ logger, limits: { signUp: 'invite' } });
    const { fetch } = server.app;
    const invite = await server.createInvite();
    assert.ok(invite.ok);
    const device = await signUp(fetch, 'ada-the-first', { invite: invite.value.code });
    await signIn(fetch, 'ada-the-first');
    await send(fetch, 'POST', '/v1/devices', { ...guess, login: 'ada-the-first' });
    await send(fetch, 'POST', '/v1/devices', { ...guess, recoveryAuthKey });
    const change = device.change({ itemId: systemRandom.uuid(), millis: testEpochMs });
    await device.push([change]);
    await device.pull();
    await device.call('PUT', '/v1/accounts/me/keyring', { authKey, baseVersion: 1, wrapped: 'c2VjcmV0' });
    await server.prune();
    const log = lines.join('\n');
    for (const secret of [
      device.token,
      authKey,
      recoveryAuthKey,
      wrongKey,
      invite.value.code,
      'd3JhcHBlZA',
      'c2VjcmV0',
      String(change['payload']),
      'ada-the-first',
      'laptop',
    ]) {
      assert.ok(!log.includes(secret), `${secret} is in the log`);
    }
    const push = lines.find(text => text.includes('"accepted":1'));
    assert.match(push ?? '', /"route":"\/v1\/changes"/);
    assert.match(push ?? '', new RegExp(`"device":"${device.deviceId}"`));
    assert.match(log, /"code":"badCredentials"/);
  });
});

describe('probes and metrics', () => {
  it('need no token and tell what was done', async () => {
    const server = await createTestServer();
    const { fetch } = server.app;
    const device = await signUp(fetch);
    await device.push([device.change({ itemId: systemRandom.uuid(), millis: testEpochMs })]);
    await device.pull();
    assert.equal((await send(fetch, 'GET', '/healthz')).status, 200);
    assert.equal((await send(fetch, 'GET', '/readyz')).status, 200);
    const metrics = await (await send(fetch, 'GET', '/metrics')).text();
    assert.match(metrics, /scratch_changes_total\{answer="accepted"\} 1/);
    assert.match(metrics, /scratch_pulled_versions_total 1/);
    assert.match(metrics, /scratch_body_bytes_total\{direction="received"\} [1-9]/);
    assert.match(metrics, /scratch_body_bytes_total\{direction="sent"\} [1-9]/);
    assert.match(
      metrics,
      /scratch_request_duration_seconds_count\{method="POST",route="\/v1\/changes",status="200"\} 1/,
    );
    assert.ok(!metrics.includes(device.accountId));
    server.drain();
    assert.equal((await send(fetch, 'GET', '/healthz')).status, 200);
    assert.equal((await send(fetch, 'GET', '/readyz')).status, 503);
    assert.equal((await device.call('GET', '/v1/changes')).status, 503);
  });
});

describe('a store that fails', () => {
  it('is answered 503 with a time to come back, and the log says why', async () => {
    const inner = await openMemoryDatabase(serverMigrations);
    let failure: StorageError | undefined;
    const lines: string[] = [];
    const line = (message: string, fields?: object) => lines.push(JSON.stringify({ message, ...fields }));
    const database: Database = {
      read: async work => (failure === undefined ? inner.read(work) : err(failure)),
      write: async work => (failure === undefined ? inner.write(work) : err(failure)),
      onForeignCommit: listener => inner.onForeignCommit(listener),
      close: () => inner.close(),
    };
    const { app } = await createTestServer({
      database,
      logger: { debug: line, info: line, warn: line, error: line },
    });
    const device = await signUp(app.fetch);
    const change = device.change({ itemId: systemRandom.uuid(), millis: testEpochMs });
    const requests = [
      ['POST', '/v1/changes', { cursor: null, changes: [change] }],
      ['GET', '/v1/changes', undefined],
      ['GET', '/v1/items', undefined],
      ['GET', '/v1/events', undefined],
      ['POST', '/v1/devices', { ...guess, authKey }],
      ['GET', '/readyz', undefined],
    ] as const;
    for (const error of [
      { type: 'full' },
      { type: 'readOnly', path: 'server.db' },
      { type: 'busy', waitedMs: 5000, owner: 'process 7' },
      { type: 'damaged', detail: 'malformed' },
    ] satisfies StorageError[]) {
      failure = error;
      for (const [method, path, body] of requests) {
        const response = await device.call(method, path, body);
        assert.equal(response.status, 503, path);
        assert.equal(JSON.parse(await response.text()).code, 'unavailable');
        assert.ok(Number(response.headers.get('Retry-After')) > 0);
      }
      assert.ok(lines.some(text => text.includes(`"storageError":"${error.type}"`)));
    }
    failure = undefined;
    assert.equal((await device.push([change])).results[0]?.status, 'accepted');
  });

  it('in an unforeseen way is answered 500, and the server goes on', async () => {
    const inner = await openMemoryDatabase(serverMigrations);
    let isBroken = false;
    const database: Database = {
      read: async work => (isBroken ? Promise.reject(new Error('a bug')) : inner.read(work)),
      write: work => inner.write(work),
      onForeignCommit: listener => inner.onForeignCommit(listener),
      close: () => inner.close(),
    };
    const { app } = await createTestServer({ database });
    const device = await signUp(app.fetch);
    isBroken = true;
    const response = await device.call('GET', '/v1/changes');
    assert.equal(response.status, 500);
    assert.ok(!(await response.text()).includes('a bug'));
    isBroken = false;
    assert.deepEqual((await device.pull()).changes, []);
  });
});
