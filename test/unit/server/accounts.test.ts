import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { dayMs } from '../../../src/base/time';
import { kdfSchema, keyringSchema, sessionAnswerSchema } from '../../../src/protocol/accounts';
import { problemSchema } from '../../../src/protocol/problem';
import { authKey, recoveryAuthKey, send, signIn, signUp, signUpBody } from '../../support/testDevice';
import { createManualClock, createTestServer, testEpochMs } from '../../support/testServer';

const newKey = Buffer.alloc(32, 9).toString('base64url');
const wrongKey = Buffer.alloc(32, 8).toString('base64url');
const deviceId = '00000000000000d1';
const bodyFor = (login: string, rest: object = {}) => ({
  ...signUpBody(login, systemRandom.uuid(), deviceId),
  ...rest,
});

async function outcome(response: Response): Promise<string> {
  if (response.ok) return String(response.status);
  const problem = problemSchema.parse(JSON.parse(await response.text()));
  assert.equal(problem.status, response.status);
  assert.equal(response.headers.get('Content-Type'), 'application/problem+json');
  return `${response.status} ${problem.code}`;
}

describe('signing up', () => {
  it('opens an account with its first device', async () => {
    const { app } = await createTestServer();
    const body = bodyFor('ada');
    const response = await send(app.fetch, 'POST', '/v1/accounts', body);
    assert.equal(response.status, 201);
    const session = sessionAnswerSchema.parse(await response.json());
    assert.equal(session.accountId, body.accountId);
    assert.deepEqual(session.keyring, { version: 1, ...body.keyring });
    assert.equal(session.serverTime, testEpochMs);
    assert.match(session.token, /^scratch_[\w-]{75}$/);
  });

  it('refuses a login or an account that exists', async () => {
    const { app } = await createTestServer();
    const body = bodyFor('ada');
    await send(app.fetch, 'POST', '/v1/accounts', body);
    assert.equal(
      await outcome(await send(app.fetch, 'POST', '/v1/accounts', bodyFor('ada'))),
      '409 loginTaken',
    );
    assert.equal(
      await outcome(await send(app.fetch, 'POST', '/v1/accounts', bodyFor('ADA'))),
      '409 loginTaken',
    );
    const sameAccount = { ...bodyFor('bob'), accountId: body.accountId };
    assert.equal(await outcome(await send(app.fetch, 'POST', '/v1/accounts', sameAccount)), '409 loginTaken');
  });

  it('needs an invite that is neither unknown, used nor expired', async () => {
    const clock = createManualClock(testEpochMs);
    const server = await createTestServer({ clock, limits: { signUp: 'invite' } });
    const post = async (login: string, invite?: string) =>
      outcome(
        await send(
          server.app.fetch,
          'POST',
          '/v1/accounts',
          bodyFor(login, invite === undefined ? {} : { invite }),
        ),
      );
    assert.equal(await post('ada'), '403 inviteRequired');
    assert.equal(await post('ada', 'AAAAA-AAAAA-AAAAA-AAAAA'), '403 inviteRequired');
    const invite = await server.createInvite();
    assert.ok(invite.ok);
    const { code } = invite.value;
    assert.match(code, /^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/);
    assert.equal(await post('ada', code.toLowerCase().replaceAll('-', ' ')), '201');
    assert.equal(await post('bob', code), '403 inviteRequired');
    const late = await server.createInvite(dayMs);
    assert.ok(late.ok);
    clock.advance(dayMs);
    assert.equal(await post('bob', late.value.code), '403 inviteRequired');
  });

  it('does not use an invite up when the login is taken', async () => {
    const server = await createTestServer({ limits: { signUp: 'invite' } });
    const [first, second] = [await server.createInvite(), await server.createInvite()];
    assert.ok(first.ok && second.ok);
    const post = async (login: string, invite: string) =>
      outcome(await send(server.app.fetch, 'POST', '/v1/accounts', bodyFor(login, { invite })));
    assert.equal(await post('ada', first.value.code), '201');
    assert.equal(await post('ada', second.value.code), '409 loginTaken');
    assert.equal(await post('bob', second.value.code), '201');
  });

  it('lets one of two in who use one invite at once', async () => {
    const server = await createTestServer({ limits: { signUp: 'invite' } });
    const invite = await server.createInvite();
    assert.ok(invite.ok);
    const { code } = invite.value;
    const outcomes = await Promise.all(
      ['ada', 'bob'].map(async login =>
        outcome(await send(server.app.fetch, 'POST', '/v1/accounts', bodyFor(login, { invite: code }))),
      ),
    );
    assert.deepEqual(outcomes.sort(), ['201', '403 inviteRequired']);
  });

  it('is not possible on a closed server', async () => {
    const { app } = await createTestServer({ limits: { signUp: 'closed' } });
    assert.equal(
      await outcome(await send(app.fetch, 'POST', '/v1/accounts', bodyFor('ada'))),
      '403 signUpClosed',
    );
  });
});

describe('the derivation parameters', () => {
  it('are those of the account, and stable and false for a login that does not exist', async () => {
    const { app } = await createTestServer();
    await signUp(app.fetch);
    const get = async (login: string) =>
      kdfSchema.parse(await (await send(app.fetch, 'GET', `/v1/accounts/${login}/kdf`)).json());
    const real = signUpBody('ada', '', '').kdf;
    assert.deepEqual(await get('ada'), real);
    assert.deepEqual(await get('ADA'), real);
    const decoy = await get('nobody');
    assert.deepEqual(await get('nobody'), decoy);
    assert.notEqual((await get('somebody')).salt, decoy.salt);
    assert.deepEqual({ ...decoy, salt: '' }, { ...real, salt: '' });
    assert.equal(Buffer.from(decoy.salt, 'base64url').length, 16);
  });

  it('of a login that cannot exist are refused', async () => {
    const { app } = await createTestServer();
    for (const login of ['%20', '-x', 'a%2Fb', 'a'.repeat(65), '%00', '%E0%A4%A']) {
      const response = await send(app.fetch, 'GET', `/v1/accounts/${login}/kdf`);
      assert.ok([400, 404].includes(response.status), `${login}: ${response.status}`);
    }
  });
});

describe('signing in', () => {
  it('gives a new device a token of its own, by password key or recovery key', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    for (const proof of [{ authKey }, { recoveryAuthKey }]) {
      const body = { login: 'ada', ...proof, device: { deviceId, name: 'desktop' } };
      const response = await send(app.fetch, 'POST', '/v1/devices', body);
      assert.equal(response.status, 201);
      const session = sessionAnswerSchema.parse(await response.json());
      assert.equal(session.accountId, laptop.accountId);
      assert.notEqual(session.token, laptop.token);
    }
  });

  it('answers a wrong key and an unknown login alike', async () => {
    const { app } = await createTestServer();
    await signUp(app.fetch);
    const device = { deviceId, name: 'desktop' };
    const attempts = [
      { login: 'ada', authKey: wrongKey, device },
      { login: 'ada', authKey: recoveryAuthKey, device },
      { login: 'ada', recoveryAuthKey: authKey, device },
      { login: 'nobody', authKey, device },
      { login: 'nobody', recoveryAuthKey, device },
    ];
    const answers = await Promise.all(
      attempts.map(async body => (await send(app.fetch, 'POST', '/v1/devices', body)).text()),
    );
    assert.deepEqual(new Set(answers).size, 1);
    assert.match(answers[0] ?? '', /badCredentials/);
  });

  it('takes exactly one proof', async () => {
    const { app } = await createTestServer();
    await signUp(app.fetch);
    const device = { deviceId, name: 'desktop' };
    for (const body of [
      { login: 'ada', device },
      { login: 'ada', authKey, recoveryAuthKey, device },
    ]) {
      assert.equal(await outcome(await send(app.fetch, 'POST', '/v1/devices', body)), '400 malformed');
    }
  });

  it('on a device that had a token replaces that token', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const again = await signIn(app.fetch, 'ada', { deviceId: laptop.deviceId });
    assert.equal(await outcome(await laptop.call('GET', '/v1/changes')), '401 unauthorized');
    assert.equal(await outcome(await again.call('GET', '/v1/changes')), '200');
  });
});

describe('the key ring', () => {
  it('is replaced by compare-and-set', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const put = (baseVersion: number, wrapped: string) =>
      device.call('PUT', '/v1/accounts/me/keyring', {
        authKey,
        baseVersion,
        wrapped,
        recoveryWrapped: 'cmluZw',
      });
    const first = await put(1, 'b25l');
    assert.deepEqual(keyringSchema.parse(await first.json()), {
      version: 2,
      wrapped: 'b25l',
      recoveryWrapped: 'cmluZw',
    });
    assert.equal(await outcome(await put(1, 'dHdv')), '409 keyringChanged');
    const held = await device.call('GET', '/v1/accounts/me/keyring');
    assert.equal(keyringSchema.parse(await held.json()).wrapped, 'b25l');
  });

  it('keeps the fields that a newer device gives it, within a limit', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const ring = { authKey, wrapped: 'b25l', recoveryWrapped: 'cmluZw' };
    const put = (fields: object) => device.call('PUT', '/v1/accounts/me/keyring', { ...ring, ...fields });
    const held = async () => {
      const answer = await device.call('GET', '/v1/accounts/me/keyring');
      const { hint, authKey: proof } = keyringSchema.parse(await answer.json());
      return { hint, proof };
    };
    const answer = keyringSchema.parse(await (await put({ baseVersion: 1, hint: { a: [1] } })).json());
    assert.deepEqual(answer['hint'], { a: [1] });
    assert.deepEqual(await held(), { hint: { a: [1] }, proof: undefined });
    const body = { newRecoveryAuthKey: newKey, baseVersion: 2, recoveryWrapped: 'bmV3', authKey };
    await device.call('PUT', '/v1/accounts/me/recovery', body);
    assert.deepEqual((await held()).hint, { a: [1] });
    const session = await send(app.fetch, 'POST', '/v1/devices', {
      login: 'ada',
      authKey,
      device: { deviceId, name: 'x' },
    });
    assert.deepEqual(sessionAnswerSchema.parse(await session.json()).keyring['hint'], { a: [1] });
    const tooMuch = { baseVersion: 3, hint: 'x'.repeat(16 * 1024) };
    assert.equal(await outcome(await put(tooMuch)), '400 malformed');
  });

  it('can do without the keys that nothing is sealed with, which the server tells', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const keyId = '00000000000000bb';
    await device.push([device.change({ itemId: crypto.randomUUID(), millis: testEpochMs, keyId })]);
    const answer = await device.call('GET', '/v1/accounts/me/keys');
    assert.deepEqual(await answer.json(), { keyIds: [keyId], hasMore: false, serverTime: testEpochMs });
    assert.equal(await outcome(await send(app.fetch, 'GET', '/v1/accounts/me/keys')), '401 unauthorized');
  });

  it('changes hands only with the current authentication key', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const ring = { baseVersion: 1, wrapped: 'b25l', recoveryWrapped: 'cmluZw' };
    const put = async (path: string, body: object) => outcome(await device.call('PUT', path, body));
    assert.equal(await put('/v1/accounts/me/keyring', { authKey: wrongKey, ...ring }), '401 badCredentials');
    const recovery = { newRecoveryAuthKey: newKey, baseVersion: 1, recoveryWrapped: 'cmluZw' };
    assert.equal(
      await put('/v1/accounts/me/recovery', { authKey: recoveryAuthKey, ...recovery }),
      '401 badCredentials',
    );
    const password = { kdf: bodyFor('ada').kdf, newAuthKey: newKey, baseVersion: 1, wrapped: 'b25l' };
    assert.equal(
      await put('/v1/accounts/me/password', { authKey: wrongKey, ...password }),
      '401 badCredentials',
    );
    assert.equal(await put('/v1/accounts/me/password', password), '400 malformed');
    assert.equal(
      await outcome(await device.call('DELETE', '/v1/accounts/me', { authKey: wrongKey })),
      '401 badCredentials',
    );
    assert.equal(
      keyringSchema.parse(await (await device.call('GET', '/v1/accounts/me/keyring')).json()).version,
      1,
    );
  });

  it('is wrapped anew by a change of the password, also with the recovery phrase, and re-seals nothing', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const kdf = { ...bodyFor('ada').kdf, passes: 7 };
    const body = { recoveryAuthKey, kdf, newAuthKey: newKey, baseVersion: 1, wrapped: 'bmV3' };
    const response = await device.call('PUT', '/v1/accounts/me/password', body);
    assert.deepEqual(keyringSchema.parse(await response.json()), {
      version: 2,
      wrapped: 'bmV3',
      recoveryWrapped: 'cmVjb3Zlcnk',
    });
    const login = { login: 'ada', device: { deviceId, name: 'x' } };
    const signInWith = async (key: object) =>
      outcome(await send(app.fetch, 'POST', '/v1/devices', { ...login, ...key }));
    assert.equal(await signInWith({ authKey }), '401 badCredentials');
    assert.equal(await signInWith({ authKey: newKey }), '201');
    const parameters = await send(app.fetch, 'GET', '/v1/accounts/ada/kdf');
    assert.equal(kdfSchema.parse(await parameters.json()).passes, 7);
  });

  it('gets a new recovery phrase, which voids the old', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const body = { authKey, newRecoveryAuthKey: newKey, baseVersion: 1, recoveryWrapped: 'bmV3' };
    assert.equal(await outcome(await device.call('PUT', '/v1/accounts/me/recovery', body)), '200');
    const login = { login: 'ada', device: { deviceId, name: 'x' } };
    const signInWith = async (key: string) =>
      outcome(await send(app.fetch, 'POST', '/v1/devices', { ...login, recoveryAuthKey: key }));
    assert.equal(await signInWith(recoveryAuthKey), '401 badCredentials');
    assert.equal(await signInWith(newKey), '201');
  });

  it('and the recovery phrase can be replaced in one step, as a rotation does', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const body = {
      authKey,
      baseVersion: 1,
      wrapped: 'b25l',
      recoveryWrapped: 'cmluZw',
      recoveryAuthKey: newKey,
      retiredKeyIds: ['00000000000000aa'],
    };
    assert.equal(await outcome(await device.call('PUT', '/v1/accounts/me/keyring', body)), '200');
    const proof = { login: 'ada', recoveryAuthKey: newKey, device: { deviceId, name: 'x' } };
    assert.equal(await outcome(await send(app.fetch, 'POST', '/v1/devices', proof)), '201');
  });
});

describe('deleting an account', () => {
  it('ends all its devices, and the login can be taken anew', async () => {
    const server = await createTestServer();
    const device = await signUp(server.app.fetch);
    await device.push([device.change({ itemId: systemRandom.uuid(), millis: testEpochMs })]);
    assert.equal((await device.call('DELETE', '/v1/accounts/me', { authKey })).status, 204);
    assert.equal(await outcome(await device.call('GET', '/v1/changes')), '401 unauthorized');
    const anew = await signUp(server.app.fetch);
    assert.deepEqual((await anew.pull()).changes, []);
    assert.deepEqual(await server.storage.checkConsistency(), { ok: true, value: [] });
  });
});

describe('devices', () => {
  it('are listed, without their tokens', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    await signIn(app.fetch, 'ada', { deviceId });
    const { devices } = JSON.parse(await (await laptop.call('GET', '/v1/devices')).text());
    const common = { createdAt: testEpochMs, lastSeenAt: testEpochMs };
    const expected = [
      { deviceId: laptop.deviceId, name: 'laptop', ...common, current: true },
      { deviceId, name: 'desktop', ...common, current: false },
    ];
    const byId = (left: { deviceId: string }, right: { deviceId: string }) =>
      left.deviceId < right.deviceId ? -1 : 1;
    assert.deepEqual(devices.sort(byId), expected.sort(byId));
  });

  it('note when they were last seen, at most once an hour', async () => {
    const clock = createManualClock(testEpochMs);
    const { app } = await createTestServer({ clock });
    const laptop = await signUp(app.fetch);
    const lastSeen = async () => {
      const { devices } = JSON.parse(await (await laptop.call('GET', '/v1/devices')).text());
      return devices[0].lastSeenAt - testEpochMs;
    };
    clock.advance(3_599_999);
    assert.equal(await lastSeen(), 0);
    clock.advance(1);
    assert.equal(await lastSeen(), 3_600_000);
  });

  it('may revoke themselves by their token alone', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    assert.equal((await laptop.call('DELETE', `/v1/devices/${laptop.deviceId}`)).status, 204);
    assert.equal(await outcome(await laptop.call('GET', '/v1/devices')), '401 unauthorized');
  });

  it('revoke another with the authentication key only', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const path = `/v1/devices/${desktop.deviceId}`;
    assert.equal(await outcome(await laptop.call('DELETE', path)), '400 malformed');
    assert.equal(
      await outcome(await laptop.call('DELETE', path, { authKey: wrongKey })),
      '401 badCredentials',
    );
    assert.equal(await outcome(await desktop.call('GET', '/v1/changes')), '200');
    assert.equal((await laptop.call('DELETE', path, { authKey })).status, 204);
    assert.equal(await outcome(await desktop.call('GET', '/v1/changes')), '401 unauthorized');
    assert.equal(await outcome(await laptop.call('DELETE', path, { authKey })), '404 notFound');
  });

  it('cannot touch those of another account', async () => {
    const { app } = await createTestServer();
    const ada = await signUp(app.fetch, 'ada');
    const bob = await signUp(app.fetch, 'bob');
    const path = `/v1/devices/${bob.deviceId}`;
    assert.equal(await outcome(await ada.call('DELETE', path, { authKey })), '404 notFound');
    assert.equal(await outcome(await bob.call('GET', '/v1/devices')), '200');
  });
});
