import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { unwrap } from '../../../src/base/result';
import { loadSession } from '../../../src/device/account/session';
import { storeMigrations } from '../../../src/store/schema';
import { readState } from '../../../src/store/state';
import { MemorySecrets, openWindow, type TestWindow } from '../../support/memoryCore';
import { type MemoryDatabase, openMemoryDatabase } from '../../support/memoryDatabase';
import { memoryLock } from '../../support/memoryLock';
import { createTestServer } from '../../support/testServer';
import { settle } from '../../support/virtualTime';

const server = 'http://127.0.0.1:8787';
const password = 'correct horse battery staple';

/** Two windows of one device; to the first of them, the answer to a sign-in may come late. */
async function openWindows() {
  const { app } = await createTestServer();
  const delays = { turns: 0 };
  const fetch = async (request: Request) => app.fetch(request);
  const slowFetch = async (request: Request) => {
    const answer = await app.fetch(request);
    const turns = request.url.endsWith('/v1/devices') ? delays.turns : 0;
    for (let turn = 0; turn < turns; turn++) await settle();
    return answer;
  };
  const database = await openMemoryDatabase(storeMigrations);
  const secrets = new HookedSecrets();
  const accountLock = memoryLock();
  const open = (file: MemoryDatabase, from = fetch) =>
    openWindow({ fetch: from, database: file, secrets, accountLock });
  const windows = { first: await open(database, slowFetch), second: await open(database) };
  return { ...windows, open, database, secrets, delays };
}

/** Tells of each step, so that another window may do something just then. */
class HookedSecrets extends MemorySecrets {
  afterGet: () => Promise<unknown> = async () => undefined;
  beforeSet: () => Promise<unknown> = async () => undefined;
  afterSet: () => Promise<unknown> = async () => undefined;

  override async get(name: 'session' | 'localKey') {
    if (name === 'session') {
      const hook = this.afterGet;
      this.afterGet = async () => undefined;
      await hook();
    }
    return super.get(name);
  }

  override async set(name: 'session' | 'localKey', value: string) {
    if (name === 'session') await this.beforeSet();
    await super.set(name, value);
    if (name === 'session') await this.afterSet();
  }
}

const signUp = (window: TestWindow, login: string) =>
  window.account.signUp({ server, login, password, deviceName: 'laptop' });
const signIn = (window: TestWindow) =>
  window.account.signIn({ server, login: 'ada', deviceName: 'laptop', secret: { password } });
const stateOf = async (window: TestWindow) => unwrap(await window.sync.status()).state;

describe('accounts, in two windows of a device', () => {
  it('signs up in one of the windows that do so at once', async () => {
    const { first, second, secrets } = await openWindows();
    const answers = await Promise.all([signUp(first, 'ada'), signUp(second, 'bob')]);
    assert.deepEqual(
      answers.map(answer => (answer.ok ? 'signed up' : answer.error.code)),
      ['signed up', 'alreadySignedIn'],
    );
    const account = unwrap(await second.store.read(tx => readState(tx, 'account')));
    assert.equal(account?.login, 'ada');
    assert.equal((await loadSession(secrets))?.accountId, account?.id);
  });

  it('keeps the token that the server gave last, when both sign in', async () => {
    const { first, second, delays } = await openWindows();
    unwrap(await signUp(first, 'ada'));
    unwrap(await first.account.signOut());
    delays.turns = 50;
    const answers = await Promise.all([signIn(first), signIn(second)]);
    for (const answer of answers) unwrap(answer);
    assert.ok((await second.sync.now({ trigger: 'command' })).ok);
  });

  it('says at no moment of a sign-in that the other window is locked', async () => {
    const { first, second, secrets } = await openWindows();
    const states: string[] = [];
    const look = async () => states.push(await stateOf(second));
    secrets.beforeSet = look;
    secrets.afterSet = look;
    unwrap(await signUp(first, 'ada'));
    await look();
    assert.deepEqual(states, ['signedOut', 'signedOut', 'idle']);
  });

  it('nor while the other window signs out', async () => {
    const { first, second, secrets } = await openWindows();
    unwrap(await signUp(first, 'ada'));
    secrets.afterGet = () => first.account.signOut();
    assert.equal(await stateOf(second), 'signedOut');
  });

  it('is signed out after an end in the middle of a sign-in, and signs in again', async () => {
    const { first, open, database, secrets } = await openWindows();
    unwrap(await signUp(first, 'ada'));
    unwrap(await first.account.signOut());
    let ended: Promise<MemoryDatabase> | undefined;
    secrets.afterSet = async () => {
      ended = database.copy();
    };
    unwrap(await signIn(first));
    assert.ok(ended);
    const again = await open(await ended);
    assert.equal(await stateOf(again), 'signedOut');
    unwrap(await signIn(again));
    assert.equal(await stateOf(again), 'idle');
  });

  it('is locked, and sends nothing, with a session that is not of its account', async () => {
    const { first, second, secrets } = await openWindows();
    unwrap(await signUp(first, 'ada'));
    const session = secrets.kept.get('session') ?? '';
    unwrap(await first.account.signOut());
    unwrap(
      await first.account.signUp({
        server,
        login: 'bob',
        password,
        deviceName: 'laptop',
        acceptOtherAccount: true,
      }),
    );
    secrets.kept.set('session', session);
    const requests = second.http.sent.length;
    assert.equal(await stateOf(second), 'locked');
    assert.equal((await second.sync.now({ trigger: 'command' })).ok, false);
    assert.equal(second.http.sent.length, requests);
    unwrap(await second.account.unlock(password));
    assert.equal(await stateOf(second), 'idle');
  });
});
