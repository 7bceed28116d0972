import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { unwrap } from '../../../../src/base/result';
import { type Interceptor, jsonAnswer, unreachable } from '../../../support/inProcessHttp';
import { MemorySecrets, openWindow, type TestWindow } from '../../../support/memoryCore';
import { createTestServer } from '../../../support/testServer';
import { settle } from '../../../support/virtualTime';

const server = 'http://127.0.0.1:8787';
const codeOf = (result: { ok: boolean; error?: { code: string } }) => result.error?.code;
const stateOf = async (window: TestWindow) => unwrap(await window.sync.status()).state;
const syncNow = (window: TestWindow) => window.sync.now({ trigger: 'command' });
const pulls = (window: TestWindow) =>
  window.http.sent.filter(({ method, url }) => method === 'GET' && url.includes('/v1/changes')).length;

/** The server no longer knows the device. */
const revokedHere: Interceptor = async () =>
  jsonAnswer(401, { type: 'about:blank', title: 'No', status: 401, code: 'unauthorized' });

/** Two windows of one device that is signed in. */
async function twoWindows() {
  const { app } = await createTestServer();
  const fetch = (request: Request) => app.fetch(request);
  const secrets = new MemorySecrets();
  const lease = { owner: undefined };
  const first = await openWindow({ fetch, secrets, lease });
  unwrap(await first.account.signUp({ server, login: 'ada', password: 'pass word', deviceName: 'laptop' }));
  const second = await openWindow({ fetch, secrets, lease, database: first.database, time: first.time });
  return { first, second, lease };
}

describe('the state of a device', () => {
  it('goes from signed out to idle, offline and back', async () => {
    const { app } = await createTestServer();
    const window = await openWindow({ fetch: request => app.fetch(request) });
    assert.equal(await stateOf(window), 'signedOut');
    assert.equal(codeOf(await syncNow(window)), 'notSignedIn');
    assert.equal(await stateOf(window), 'signedOut');
    unwrap(
      await window.account.signUp({ server, login: 'ada', password: 'pass word', deviceName: 'laptop' }),
    );
    unwrap(await window.items.create({ kind: 'note', title: 'One' }));
    assert.equal(unwrap(await window.sync.status()).pending, 1);
    window.http.intercept = unreachable;
    assert.equal(codeOf(await syncNow(window)), 'unreachable');
    const offline = unwrap(await window.sync.status());
    assert.equal(offline.state, 'offline');
    assert.match(offline.attention ?? '', /Nothing is lost/);
    window.http.intercept = undefined;
    assert.equal(unwrap(await syncNow(window)).pushed, 1);
    const idle = unwrap(await window.sync.status());
    assert.equal(idle.state, 'idle');
    assert.equal(idle.pending, 0);
    assert.equal(idle.attention, undefined);
    assert.ok(idle.lastSync);
  });

  it('asks for attention when the device was revoked', async () => {
    const { first } = await twoWindows();
    first.http.intercept = revokedHere;
    assert.equal(codeOf(await syncNow(first)), 'badCredentials');
    assert.equal(await stateOf(first), 'attention');
  });

  it('is the same in every window and after a restart, whichever synced last', async () => {
    const { first, second, lease } = await twoWindows();
    const { secrets, database, time } = first;
    const reopened = () => openWindow({ fetch: () => new Response(), secrets, lease, database, time });
    unwrap(await syncNow(first));
    assert.equal(await stateOf(await reopened()), 'idle');
    first.http.intercept = unreachable;
    assert.equal(codeOf(await syncNow(first)), 'unreachable');
    const offline = unwrap(await (await reopened()).sync.status());
    assert.deepEqual([offline.state, offline.attentionCode], ['offline', 'unreachable']);
    assert.match(offline.attention ?? '', /cannot be reached/);
    first.http.intercept = revokedHere;
    assert.equal(codeOf(await syncNow(first)), 'badCredentials');
    const revoked = unwrap(await (await reopened()).sync.status());
    assert.deepEqual([revoked.state, revoked.attentionCode], ['attention', 'badCredentials']);
    unwrap(await syncNow(second));
    assert.equal(await stateOf(await reopened()), 'idle');
    assert.equal(await stateOf(first), 'idle');
  });

  it('writes nothing when a cycle ends like the one before', async () => {
    const { first } = await twoWindows();
    first.http.intercept = unreachable;
    await syncNow(first);
    const written: string[] = [];
    const write = first.store.write.bind(first.store);
    Object.assign(first.store, {
      write: (...args: Parameters<typeof write>) => {
        written.push('write');
        return write(...args);
      },
    });
    await syncNow(first);
    assert.deepEqual(written, []);
  });

  it('says which side to update when the server speaks another version, and keeps what waits', async () => {
    const { first } = await twoWindows();
    unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    for (const [version, next] of [
      ['0', /older version.*Update the server\./],
      ['2', /newer version.*Update Scratch Sync on this device\./],
    ] as const) {
      first.http.intercept = async () => ({
        ok: true,
        value: { status: 200, headers: { 'scratch-protocol': version }, body: new Uint8Array() },
      });
      const answer = await syncNow(first);
      assert.match(answer.ok ? '' : answer.error.message, next);
      const status = unwrap(await first.sync.status());
      assert.equal(status.state, 'attention');
      assert.match(status.attention ?? '', /Nothing is lost/);
      assert.equal(status.pending, 1);
    }
    first.http.intercept = undefined;
    assert.equal(unwrap(await syncNow(first)).pushed, 1);
  });

  it('says which item the server does not take', async () => {
    const { first } = await twoWindows();
    const body = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64');
    unwrap(await first.items.create({ kind: 'note', title: 'Large', body }));
    first.http.intercept = async (request, send) =>
      request.method === 'POST'
        ? { ok: true, value: { status: 413, headers: {}, body: new Uint8Array() } }
        : send();
    const report = unwrap(await syncNow(first));
    assert.equal(report.refused, 1);
    assert.match(report.notice ?? '', /“Large” \([0-9a-f]{8}\) is not synced: /);
    const [logged] = unwrap(await first.sync.log(1));
    assert.match(logged?.notice ?? '', /The item [0-9a-f]{8} is not synced: /);
    assert.equal(logged?.refused, 1);
    const status = unwrap(await first.sync.status());
    assert.equal(status.state, 'attention');
    assert.match(status.attention ?? '', /not synced/);
    first.http.intercept = undefined;
    const taken = unwrap(await syncNow(first));
    assert.deepEqual([taken.refused, taken.notice], [undefined, undefined]);
    assert.equal(await stateOf(first), 'idle', 'a person asked again, and it was taken');
  });
});

describe('a sync that leaves a sensitive item out', () => {
  it('does not tell its title', async () => {
    const { first } = await twoWindows();
    const body = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64');
    unwrap(await first.items.create({ kind: 'note', title: 'Secret', body, sensitive: true }));
    first.http.intercept = async (request, send) =>
      request.method === 'POST'
        ? { ok: true, value: { status: 413, headers: {}, body: new Uint8Array() } }
        : send();
    const report = unwrap(await syncNow(first));
    assert.match(report.notice ?? '', /^The item [0-9a-f]{8} is not synced/);
  });
});

describe('pausing', () => {
  it('holds for every window of the device, and so does going on', async () => {
    const { first, second } = await twoWindows();
    for (const window of [first, second]) unwrap(await window.sync.start());
    await first.time.advance(1000);
    unwrap(await first.sync.pause());
    assert.equal(codeOf(await syncNow(second)), 'paused');
    assert.equal(await stateOf(second), 'paused');
    const before = pulls(second);
    unwrap(await second.items.create({ kind: 'note', title: 'One' }));
    await second.time.advance(10_000);
    assert.equal(pulls(second), before, 'the other window does not sync either');
    unwrap(await first.sync.resume());
    await second.time.advance(2000);
    unwrap(await second.items.create({ kind: 'note', title: 'Two' }));
    await second.time.advance(2000);
    assert.ok(pulls(second) > before, 'the other window goes on');
    for (const window of [first, second]) await window.control.stop();
  });
});

describe('one cycle at a time', () => {
  it('waits for another window, and says so when that takes too long', async () => {
    const { first, lease } = await twoWindows();
    Object.assign(lease, { owner: {} });
    const answer = syncNow(first);
    await first.time.advance(20_000);
    assert.equal(codeOf(await answer), 'busy');
    const waited = syncNow(first);
    await first.time.advance(3000);
    Object.assign(lease, { owner: undefined });
    await first.time.advance(1000);
    assert.ok((await waited).ok);
    assert.equal(lease.owner, undefined, 'it is given back');
  });

  it('survives a cycle that breaks off unexpectedly', async () => {
    const { first, lease } = await twoWindows();
    unwrap(await first.sync.start());
    await first.time.advance(1000);
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      first.http.intercept = async () => {
        throw new Error('a bug');
      };
      unwrap(await first.items.create({ kind: 'note', title: 'One' }));
      await first.time.advance(1500);
      assert.equal(lease.owner, undefined);
      first.http.intercept = undefined;
      await first.time.advance(5000);
      assert.equal(unwrap(await first.sync.status()).pending, 0, 'the next cycle goes on');
      assert.deepEqual(unhandled, []);
    } finally {
      process.off('unhandledRejection', note);
      await first.control.stop();
    }
  });

  it('is no failure to show when another window has taken it over', async () => {
    const { first, second } = await twoWindows();
    first.http.intercept = async (_request, send) => {
      first.http.intercept = undefined;
      const answer = await send();
      // This window slept meanwhile, and lost the lease.
      await second.store.write(tx => {
        tx.sql.run("INSERT OR REPLACE INTO meta(key, value) VALUES ('fence', '99')");
        return { ok: true, value: undefined };
      });
      return answer;
    };
    unwrap(await second.items.create({ kind: 'note', title: 'One' }));
    assert.equal(codeOf(await syncNow(first)), 'busy');
    assert.equal(await stateOf(first), 'idle');
    assert.ok((await syncNow(first)).ok);
  });

  it('counts what syncing does and costs, idle cycles in memory alone', async () => {
    const { first, second } = await twoWindows();
    unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    unwrap(await syncNow(first));
    unwrap(await syncNow(first));
    first.http.intercept = unreachable;
    await syncNow(first);
    await syncNow(first);
    const { counters } = unwrap(await first.sync.status());
    assert.deepEqual(counters.cycles, { succeeded: 2, failed: 2 });
    assert.deepEqual([counters.pulls.count, counters.pushes.count], [4, 1]);
    assert.deepEqual(counters.conflictsResolved, { automatically: 0, byPerson: 0 });
    const answers = await Promise.all(first.http.sent.map(request => request.body?.length ?? 0));
    assert.ok(counters.bytesSent > 0 && counters.bytesSent <= answers.reduce((sum, each) => sum + each, 0));
    const stored = unwrap(await second.sync.status()).counters;
    assert.deepEqual(stored.cycles, { succeeded: 2, failed: 1 }, 'the second failure said nothing new');
    assert.ok(stored.bytesReceived > 0 && stored.bytesReceived <= counters.bytesReceived);
  });

  it('logs of each cycle why, what, how long each phase took, and the bytes each way', async () => {
    const { first } = await twoWindows();
    unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    first.http.intercept = async (_request, send) => {
      const answer = await send();
      await first.time.advance(7);
      return answer;
    };
    unwrap(await syncNow(first));
    const [entry] = unwrap(await first.sync.log(1));
    const {
      bytesSent = 0,
      bytesReceived = 0,
      cursor: _cursor,
      at: _at,
      clockOffsetMs,
      ...rest
    } = entry ?? {};
    assert.equal(clockOffsetMs, unwrap(await first.sync.status()).clockOffsetMs);
    assert.deepEqual(rest, {
      ...{ trigger: 'command', pushed: 1, pulled: 0, merged: 0, conflicts: 0 },
      ...{ durationMs: 14, pullMs: 7, mergeMs: 0, pushMs: 7 },
    });
    assert.ok(bytesSent > 100 && bytesReceived > 100, `${bytesSent} sent, ${bytesReceived} received`);
  });

  it('tells how long half of the requests took at most, and 95 % of them, in every window', async () => {
    const { first, second } = await twoWindows();
    const none = unwrap(await second.sync.status()).counters;
    assert.deepEqual([none.pulls.p50Ms, none.pushes.p95Ms], [null, null]);
    unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    first.http.intercept = async ({ method }, send) => {
      const answer = await send();
      await first.time.advance(method === 'POST' ? 2000 : 7);
      return answer;
    };
    unwrap(await syncNow(first));
    for (const window of [first, second]) {
      const { pulls, pushes } = unwrap(await window.sync.status()).counters;
      assert.deepEqual(pulls, { count: 1, totalMs: 7, p50Ms: 8, p95Ms: 10 }, 'between 5 and 10 ms');
      assert.deepEqual(pushes, { count: 1, totalMs: 2000, p50Ms: 1750, p95Ms: 2425 }, 'between 1 and 2.5 s');
    }
  });

  it('logs how far the clock of this machine is off', async () => {
    const { first } = await twoWindows();
    first.time.jump(-3_600_000);
    unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    unwrap(await syncNow(first));
    assert.equal(unwrap(await first.sync.log(1))[0]?.clockOffsetMs, 3_600_000);
  });

  it('logs what it did, and a failure once', async () => {
    const { first } = await twoWindows();
    unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    unwrap(await syncNow(first));
    unwrap(await syncNow(first));
    first.http.intercept = unreachable;
    await syncNow(first);
    await syncNow(first);
    const [failed, done, ...others] = unwrap(await first.sync.log(10));
    assert.match(failed?.error ?? '', /cannot be reached/);
    assert.equal(done?.pushed, 1);
    assert.equal(done.trigger, 'command');
    assert.deepEqual(others, []);
    assert.ok(!JSON.stringify([failed, done]).includes('One'));
  });
});

describe('stopping in the middle of a cycle', () => {
  it('waits for no answer, and what was sent is sent again, byte for byte, at the next start', async () => {
    const { app } = await createTestServer();
    let isSilent = false;
    const fetch = async (request: Request) => {
      const answer = await app.fetch(request.clone());
      if (!isSilent || request.method !== 'POST') return answer;
      return new Promise<Response>((_, reject) => {
        request.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    const secrets = new MemorySecrets();
    const first = await openWindow({ fetch, secrets });
    unwrap(await first.account.signUp({ server, login: 'ada', password: 'pass word', deviceName: 'laptop' }));
    const { id } = unwrap(await first.items.create({ kind: 'note', title: 'One' }));
    isSilent = true;
    const cut = syncNow(first);
    const pushes = (window: TestWindow) =>
      window.http.sent.filter(({ url, method }) => method === 'POST' && url.endsWith('/changes'));
    while (pushes(first).length === 0) await settle();
    const beforeMs = first.time.monotonic();
    await first.control.stop();
    assert.equal(codeOf(await cut), 'busy');
    assert.equal(first.time.monotonic(), beforeMs, 'no time had to pass');
    assert.equal(first.time.waiting, 0);
    isSilent = false;
    const second = await openWindow({ fetch, secrets, database: first.database, time: first.time });
    assert.equal(unwrap(await syncNow(second)).pushed, 1);
    assert.deepEqual(pushes(second)[0]?.body, pushes(first)[0]?.body);
    assert.equal(unwrap(await second.items.get(id)).version, 1);
  });
});
