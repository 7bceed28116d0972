import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { defined } from '../../../src/base/assert';
import { toBase64Url } from '../../../src/base/encoding';
import { ok, unwrap } from '../../../src/base/result';
import { dayMs } from '../../../src/base/time';
import { loadSession } from '../../../src/device/account/session';
import type { SignInJson } from '../../../src/device/device';
import { serverMigrations } from '../../../src/server/storage/schema';
import { readState, writeState } from '../../../src/store/state';
import { jsonAnswer } from '../../support/inProcessHttp';
import { MemorySecrets, openWindow, type TestWindow } from '../../support/memoryCore';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { baseUrl } from '../../support/testDevice';
import { createManualClock, createTestServer, testEpochMs } from '../../support/testServer';

const server = 'http://127.0.0.1:8787';
const password = 'correct horse battery staple';
const nextPassword = 'another horse';

async function openServer() {
  const { app } = await createTestServer();
  const fetch = (request: Request) => app.fetch(request);
  const device = (options: Partial<Parameters<typeof openWindow>[0]> = {}) =>
    openWindow({ fetch, ...options });
  return { fetch, device };
}

async function signUp(device: TestWindow, login = 'ada'): Promise<string> {
  const answer = await device.account.signUp({ server, login, password, deviceName: 'laptop' });
  return unwrap(answer).recoveryPhrase;
}

const signIn = (device: TestWindow, login = 'ada', secret = password, acceptOtherAccount = false) =>
  device.account.signIn({
    server,
    login,
    deviceName: 'desktop',
    secret: { password: secret },
    acceptOtherAccount,
  });

const syncNow = (device: TestWindow) => device.sync.now({ trigger: 'command' });

async function add(device: TestWindow, title: string, sensitive = false): Promise<string> {
  return unwrap(await device.items.create({ kind: 'note', title, body: `${title}\n`, sensitive })).id;
}

const codeOf = (result: { ok: boolean; error?: { code: string } }) => result.error?.code;

describe('accounts', () => {
  it('signs up on one device and in on another, and syncs', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const desktop = await device();
    const id = await add(laptop, 'Shopping');
    const phrase = await signUp(laptop);
    assert.equal(phrase.split(' ').length, 24);
    assert.ok((await syncNow(laptop)).ok);
    assert.ok((await signIn(desktop)).ok);
    assert.ok((await syncNow(desktop)).ok);
    assert.equal(unwrap(await desktop.items.get(id)).title, 'Shopping');
    const status = unwrap(await desktop.sync.status());
    assert.equal(status.login, 'ada');
    assert.equal(status.state, 'idle');
  });

  it('refuses a wrong password and a login that does not exist in the same words', async () => {
    const { device } = await openServer();
    await signUp(await device());
    const wrong = await signIn(await device(), 'ada', 'wrong');
    const unknown = await signIn(await device(), 'eve', 'wrong');
    assert.equal(codeOf(wrong), 'badCredentials');
    assert.deepEqual(wrong, unknown);
  });

  it('keeps no password, phrase, token or key in the log or in an error', async () => {
    const { device } = await openServer();
    const lines: string[] = [];
    const laptop = await device();
    const phrase = await signUp(laptop);
    const note = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields)}`);
    Object.assign(laptop.core, { logger: { debug: note, info: note, warn: note, error: note } });
    laptop.http.intercept = async () => ({
      ok: false,
      error: { type: 'unreachable', code: 'ECONNREFUSED', detail: 'x' },
    });
    const { token, ring } = defined(await loadSession(laptop.secrets), 'the session');
    const keys = ring.keys.flatMap(({ key }) => [toBase64Url(key), Buffer.from(key).toString('base64')]);
    const answers = [
      await syncNow(laptop),
      await laptop.account.changePassword(password, nextPassword),
      await laptop.account.signOut(),
    ];
    const told = `${lines.join('\n')}${JSON.stringify(answers)}`;
    assert.match(told, /the server was not told of the sign-out/, 'the log is looked at');
    for (const secret of [password, phrase, token, ...keys, 'Bearer']) {
      assert.notEqual(secret, '');
      assert.ok(!told.includes(secret), 'nothing secret is told');
    }
  });

  it('takes back that a device was enrolled when it could not open the ring', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const phrase = await signUp(laptop);
    const listed = async () => unwrap(await laptop.account.devices()).length;
    const desktop = await device();
    const damageRing = (damaged: boolean) => {
      desktop.http.intercept = async (request, send) => {
        const answer = await send();
        if (!damaged || !answer.ok || !request.url.endsWith('/devices')) return answer;
        const session = JSON.parse(new TextDecoder().decode(answer.value.body));
        const ring = { ...session.keyring, wrapped: 'AAAA', recoveryWrapped: 'AAAA' };
        return jsonAnswer(answer.value.status, { ...session, keyring: ring });
      };
    };
    const recover = () =>
      desktop.account.signIn({
        server,
        login: 'ada',
        deviceName: 'desktop',
        secret: { recoveryPhrase: phrase, newPassword: nextPassword },
      });
    damageRing(true);
    assert.equal(codeOf(await signIn(desktop)), 'server');
    assert.equal(await listed(), 1);
    assert.equal(codeOf(await recover()), 'server');
    assert.equal(await listed(), 1);
    damageRing(false);
    assert.ok((await signIn(desktop)).ok);
    assert.equal(await listed(), 2);
  });

  it('names the secret that the server let in and that opens no ring', async () => {
    const { device } = await openServer();
    const phrase = await signUp(await device());
    const desktop = await device();
    desktop.http.intercept = async (request, send) => {
      const answer = await send();
      if (!answer.ok || !request.url.endsWith('/devices')) return answer;
      const session = JSON.parse(new TextDecoder().decode(answer.value.body));
      const { wrapped, recoveryWrapped } = session.keyring;
      const keyring = { ...session.keyring, wrapped: recoveryWrapped, recoveryWrapped: wrapped };
      return jsonAnswer(answer.value.status, { ...session, keyring });
    };
    const messageFor = async (secret: SignInJson['secret']) => {
      const answer = await desktop.account.signIn({ server, login: 'ada', deviceName: 'desktop', secret });
      assert.equal(codeOf(answer), 'badCredentials');
      return answer.ok ? '' : answer.error.message;
    };
    assert.match(await messageFor({ password }), /let this password in.*or the recovery phrase\.$/);
    const byPhrase = await messageFor({ recoveryPhrase: phrase, newPassword: password });
    assert.match(byPhrase, /let this recovery phrase in.*or the password\.$/);
  });

  it('tells a ring that it cannot read from a wrong password', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    laptop.http.intercept = async (request, send) => {
      const answer = await send();
      if (!answer.ok || !request.url.endsWith('/keyring')) return answer;
      const ring = JSON.parse(new TextDecoder().decode(answer.value.body));
      return jsonAnswer(answer.value.status, { ...ring, wrapped: 'AAAA' });
    };
    const unread = await laptop.account.rotateKey(password);
    assert.equal(codeOf(unread), 'server');
    assert.match(unread.ok ? '' : unread.error.message, /by a newer version/);
  });

  it('refuses a server that asks for a derivation that is too weak', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    const desktop = await device();
    const { intercept } = desktop.http;
    desktop.http.intercept = async (request, send) => {
      const answer = await send();
      if (!answer.ok || !request.url.endsWith('/kdf')) return answer;
      const kdf = JSON.parse(Buffer.from(answer.value.body).toString());
      const body = new TextEncoder().encode(JSON.stringify({ ...kdf, memoryKib: 1 }));
      return { ok: true, value: { ...answer.value, body } };
    };
    assert.equal(codeOf(await signIn(desktop)), 'refused');
    assert.ok(!desktop.http.sent.some(({ method }) => method === 'POST'), 'nothing was sent');
    desktop.http.intercept = intercept;
  });

  it('signs out: the token ends, items stay', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const id = await add(laptop, 'Shopping');
    await signUp(laptop);
    await syncNow(laptop);
    assert.ok((await laptop.account.signOut()).ok);
    assert.equal(laptop.secrets.kept.get('session'), undefined);
    assert.equal(codeOf(await syncNow(laptop)), 'notSignedIn');
    assert.equal(unwrap(await laptop.items.get(id)).title, 'Shopping');
    assert.equal(unwrap(await laptop.sync.status()).state, 'signedOut');
    assert.ok((await signIn(laptop)).ok, 'the same account again, without a question');
    assert.ok((await syncNow(laptop)).ok);
  });

  it('is locked when the secret storage is gone, and the password unlocks', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    const plain = await add(laptop, 'Plain');
    const secret = await add(laptop, 'Secret', true);
    await syncNow(laptop);
    const again = await device({ database: laptop.database, secrets: new MemorySecrets() });
    assert.equal(unwrap(await again.sync.status()).state, 'locked');
    assert.equal(unwrap(await again.items.get(plain)).title, 'Plain');
    assert.equal(codeOf(await again.items.get(secret)), 'locked');
    assert.equal(codeOf(await syncNow(again)), 'locked');
    const refused = await again.account.unlock('wrong');
    assert.ok(!refused.ok);
    assert.equal(refused.error.code, 'badCredentials');
    assert.match(refused.error.message, /^The password is wrong, or .* no longer has the account/);
    assert.ok((await again.account.unlock(password)).ok);
    assert.equal(unwrap(await again.items.get(secret)).body, 'Secret\n');
    assert.ok((await syncNow(again)).ok);
  });

  it('recognises another account, sends nothing to it unasked, and unites when told to', async () => {
    const { device, fetch } = await openServer();
    const laptop = await device();
    const mine = await add(laptop, 'Of ada');
    await signUp(laptop);
    await syncNow(laptop);
    const other = await device();
    const theirs = await add(other, 'Of bob');
    await signUp(other, 'bob');
    await syncNow(other);
    await laptop.account.signOut();
    assert.equal(codeOf(await signIn(laptop, 'bob')), 'otherAccount');
    assert.equal(unwrap(await laptop.sync.status()).state, 'signedOut');
    const devices = unwrap(await other.account.devices());
    assert.equal(devices.length, 1, 'the device is not enrolled');
    assert.ok((await signIn(laptop, 'bob', password, true)).ok);
    await syncNow(laptop);
    await syncNow(other);
    for (const device of [laptop, other]) {
      for (const id of [mine, theirs]) assert.ok((await device.items.get(id)).ok);
    }
    void fetch;
  });

  it('leaves what was emptied, and what was pushed ahead of a cursor, with the account that it was of', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const gone = await add(laptop, 'Gone');
    await signUp(laptop);
    await syncNow(laptop);
    unwrap(await laptop.items.delete(gone));
    await syncNow(laptop);
    assert.equal(unwrap(await laptop.items.emptyDeleted()), 1);
    assert.equal(codeOf(await laptop.items.get(gone)), 'unknownItem');
    unwrap(await laptop.store.write(tx => ok(writeState(tx, 'pushedAhead', true))));
    await signUp(await device(), 'bob');
    await laptop.account.signOut();
    unwrap(await signIn(laptop, 'bob', password, true));
    const left = await laptop.store.read(tx => [
      readState(tx, 'pushedAhead'),
      tx.sql.all('SELECT id FROM items'),
    ]);
    assert.deepEqual(unwrap(left), [undefined, []]);
  });

  it('leaves deletions of one account out of another', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const gone = await add(laptop, 'Gone');
    await signUp(laptop);
    await syncNow(laptop);
    unwrap(await laptop.items.delete(gone));
    await signUp(await device(), 'bob');
    await laptop.account.signOut();
    unwrap(await signIn(laptop, 'bob', password, true));
    assert.equal(unwrap(await laptop.sync.status()).pending, 0, 'the deletion does not wait any more');
    laptop.http.sent.length = 0;
    const report = unwrap(await syncNow(laptop));
    assert.equal(report.pushed, 0);
    assert.deepEqual(
      laptop.http.sent.map(({ method }) => method),
      ['GET'],
      'the other account hears nothing of it',
    );
  });

  it('never throws the copy of a local key away that it cannot replace', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    const secret = await add(laptop, 'Secret', true);
    await signUp(await device(), 'bob');
    const locked = await device({ database: laptop.database, secrets: new MemorySecrets() });
    await locked.account.signOut();
    assert.equal(codeOf(await signIn(locked, 'bob', password, true)), 'locked');
    assert.ok((await signIn(locked)).ok, 'the first account brings it back');
    assert.equal(unwrap(await locked.items.get(secret)).body, 'Secret\n');
  });

  it('makes a new local key when nothing was encrypted with the one that is lost', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await add(laptop, 'Plain');
    const again = await device({ database: laptop.database, secrets: new MemorySecrets() });
    await signUp(again);
    assert.ok((await syncNow(again)).ok);
    assert.ok(await add(again, 'Secret', true));
  });

  it('signs in with the recovery phrase and sets a new password', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const id = await add(laptop, 'Shopping');
    const recoveryPhrase = await signUp(laptop);
    await syncNow(laptop);
    const desktop = await device();
    const recover = (phrase: string) =>
      desktop.account.signIn({
        server,
        login: 'ada',
        deviceName: 'desktop',
        secret: { recoveryPhrase: phrase, newPassword: nextPassword },
      });
    assert.equal(codeOf(await recover('not a phrase')), 'badCredentials');
    assert.ok((await recover(recoveryPhrase)).ok);
    await syncNow(desktop);
    assert.ok((await desktop.items.get(id)).ok);
    assert.equal(codeOf(await signIn(await device())), 'badCredentials');
    assert.ok((await signIn(await device(), 'ada', nextPassword)).ok);
  });

  it('changes the password without sealing anything anew', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await add(laptop, 'Shopping');
    await signUp(laptop);
    await syncNow(laptop);
    assert.equal(codeOf(await laptop.account.changePassword('wrong', nextPassword)), 'badCredentials');
    assert.ok((await laptop.account.changePassword(password, nextPassword)).ok);
    assert.equal(unwrap(await syncNow(laptop)).pushed, 0);
    assert.equal(codeOf(await signIn(await device())), 'badCredentials');
    assert.ok((await signIn(await device(), 'ada', nextPassword)).ok);
  });

  it('issues a new phrase, which voids the old', async () => {
    const { device } = await openServer();
    const laptop = await device();
    const first = await signUp(laptop);
    const second = unwrap(await laptop.account.newRecoveryPhrase(password)).recoveryPhrase;
    const recover = async (recoveryPhrase: string) =>
      (await device()).account.signIn({
        server,
        login: 'ada',
        deviceName: 'desktop',
        secret: { recoveryPhrase, newPassword: nextPassword },
      });
    const voided = await recover(first);
    assert.equal(codeOf(voided), 'badCredentials');
    assert.match(voided.ok ? '' : voided.error.message, /recovery phrase is wrong/);
    const malformed = await recover('abandon abandon');
    assert.match(malformed.ok ? '' : malformed.error.message, /this one has 2\.$/);
    assert.ok((await recover(second)).ok);
  });

  it('takes a retired key out of the ring when nothing on the server is sealed with it any more', async () => {
    const serverTime = createManualClock(testEpochMs);
    const { app, prune } = await createTestServer({ clock: serverTime });
    const open = () => openWindow({ fetch: request => app.fetch(request) });
    const laptop = await open();
    const id = await add(laptop, 'Shopping');
    await signUp(laptop);
    await syncNow(laptop);
    const keys = async () =>
      defined(await loadSession(laptop.secrets), 'it is signed in').ring.keys.map(({ keyId }) => keyId);
    const [oldest] = await keys();
    unwrap(await laptop.account.rotateKey(password));
    unwrap(await syncNow(laptop));
    unwrap(await laptop.account.newRecoveryPhrase(password));
    assert.deepEqual([(await keys()).length, (await keys())[0]], [2, oldest], 'the history has it still');
    for (let months = 0; months < 4; months++) {
      serverTime.advance(30 * dayMs);
      await laptop.time.advance(30 * dayMs);
      await add(laptop, `Month ${months}`);
      for (let time = 0; time < 2; time++) unwrap(await syncNow(laptop));
    }
    unwrap(await prune());
    unwrap(await laptop.account.newRecoveryPhrase(password));
    assert.deepEqual([(await keys()).length, (await keys())[0] === oldest], [1, false]);
    const desktop = await open();
    unwrap(await signIn(desktop));
    unwrap(await syncNow(desktop));
    assert.equal(unwrap(await desktop.items.get(id)).title, 'Shopping');
  });

  it('gives the fields of a ring back that a newer version has put there', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    laptop.http.intercept = async ({ method, url }, ask) => {
      const answer = await ask();
      if (!answer.ok || method !== 'GET' || !url.endsWith('/keyring')) return answer;
      const keyring = JSON.parse(new TextDecoder().decode(answer.value.body));
      return jsonAnswer(200, { ...keyring, hint: 'newer', authKey: 'not to be sent' });
    };
    unwrap(await laptop.account.rotateKey(password));
    const put = laptop.http.sent.find(({ method, url }) => method === 'PUT' && url.endsWith('/keyring'));
    const sent = Buffer.from(put?.body ?? []);
    const isZipped = put?.headers['content-encoding'] === 'gzip';
    const body = JSON.parse((isZipped ? gunzipSync(sent) : sent).toString('utf8'));
    assert.equal(body.hint, 'newer');
    assert.notEqual(body.authKey, 'not to be sent');
  });

  it('gives its newer ring to a server that was restored from before a rotation', async () => {
    const database = await openMemoryDatabase(serverMigrations);
    let { app } = await createTestServer({ database });
    const open = (options: Partial<Parameters<typeof openWindow>[0]> = {}) =>
      openWindow({ fetch: request => app.fetch(request), ...options });
    const laptop = await open();
    await signUp(laptop);
    const id = await add(laptop, 'Shopping');
    await syncNow(laptop);
    const backup = await database.copy();
    unwrap(await laptop.account.rotateKey(password));
    unwrap(await syncNow(laptop));
    app = (await createTestServer({ database: backup })).app;
    unwrap(await syncNow(laptop));

    const desktop = await open();
    unwrap(await signIn(desktop));
    assert.equal(codeOf(await syncNow(desktop)), 'keyMissing');
    unwrap(await laptop.account.unlock(password));
    const refused = await laptop.account.changePassword(password, nextPassword);
    assert.match(refused.ok ? '' : refused.error.message, /Issue a new recovery phrase/);
    const { recoveryPhrase } = unwrap(await laptop.account.newRecoveryPhrase(password));
    unwrap(await desktop.account.unlock(password));
    unwrap(await syncNow(desktop));
    assert.equal(unwrap(await desktop.items.get(id)).title, 'Shopping');
    const secret = { recoveryPhrase, newPassword: nextPassword };
    const tablet = await open();
    unwrap(await tablet.account.signIn({ server, login: 'ada', deviceName: 'tablet', secret }));
    unwrap(await syncNow(tablet));
    assert.equal(unwrap(await tablet.items.get(id)).title, 'Shopping');
  });

  it('rotates the key: another device says that one is missing, and the password fetches it', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    await syncNow(laptop);
    const desktop = await device();
    unwrap(await signIn(desktop));
    await syncNow(desktop);
    unwrap(await laptop.account.rotateKey(password));
    const id = await add(laptop, 'Under the new key');
    assert.ok((await syncNow(laptop)).ok);
    const missing = await syncNow(desktop);
    assert.equal(codeOf(missing), 'keyMissing');
    assert.equal(unwrap(await desktop.sync.status()).state, 'attention');
    const waiting = await add(desktop, 'Waiting');
    assert.equal(codeOf(await syncNow(desktop)), 'keyMissing');
    assert.ok((await desktop.account.unlock(password)).ok);
    assert.ok((await syncNow(desktop)).ok);
    assert.ok((await desktop.items.get(id)).ok);
    await syncNow(laptop);
    assert.ok((await laptop.items.get(waiting)).ok);
  });

  it('ends another device by its id and the password', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await signUp(laptop);
    const desktop = await device();
    unwrap(await signIn(desktop));
    const { deviceId } = desktop.core;
    const wrong = await laptop.account.revoke(deviceId, 'wrong');
    assert.equal(codeOf(wrong), 'badCredentials');
    assert.match(wrong.ok ? '' : wrong.error.message, /^The password is wrong/, 'no login was asked for');
    assert.equal(codeOf(await laptop.account.revoke('ffffffffffffffff', password)), 'unknownDevice');
    assert.equal(codeOf(await laptop.account.revoke('', password)), 'unknownDevice');
    assert.ok((await laptop.account.revoke(deviceId.slice(0, 8), password)).ok);
    assert.equal(codeOf(await syncNow(desktop)), 'badCredentials');
  });

  it('does not let a cycle of the account before write after another was entered', async () => {
    const { device } = await openServer();
    const laptop = await device();
    await add(laptop, 'Shopping');
    await signUp(laptop);
    await signUp(await device(), 'bob');
    let entered = false;
    laptop.http.intercept = async (request, send) => {
      const answer = await send();
      if (!entered && request.url.includes('/v1/changes')) {
        entered = true;
        laptop.http.intercept = undefined;
        await laptop.account.signOut();
        unwrap(await signIn(laptop, 'bob', password, true));
      }
      return answer;
    };
    assert.equal(codeOf(await syncNow(laptop)), 'busy');
    const cursor = unwrap(await laptop.store.read(store => readState(store, 'cursor')));
    assert.equal(cursor, undefined, 'the cursor of the other account was not kept');
    assert.ok((await syncNow(laptop)).ok);
  });

  it('takes plain HTTP for this machine alone, and no address with a password', async () => {
    const { device } = await openServer();
    const laptop = await device();
    for (const address of [baseUrl, 'ftp://x', 'https://a:b@example.com', 'nonsense', 'https://x/?a=1']) {
      const answer = await laptop.account.signUp({
        server: address,
        login: 'ada',
        password,
        deviceName: 'x',
      });
      assert.equal(codeOf(answer), 'badInput', address);
    }
    assert.deepEqual(laptop.http.sent, []);
  });

  it('says what is wrong with a login, a password or a device name before anything is sent', async () => {
    const { device } = await openServer();
    const laptop = await device();
    for (const wrong of [
      { login: 'Ä' },
      { password: '' },
      { password: 'sevenly' },
      { deviceName: ' ' },
      { deviceName: 'x'.repeat(101) },
    ]) {
      const answer = await laptop.account.signUp({
        server,
        login: 'ada',
        password,
        deviceName: 'x',
        ...wrong,
      });
      assert.equal(codeOf(answer), 'badInput', JSON.stringify(wrong));
    }
    assert.deepEqual(laptop.http.sent, []);
  });
});
