import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ok, unwrap } from '../../../src/base/result';
import { secondMs } from '../../../src/base/time';
import { writeState } from '../../../src/store/state';
import { leaseTermMs } from '../../../src/store/synced/lease';
import { MemorySecrets, openWindow, type SharedLease, type TestWindow } from '../../support/memoryCore';
import { createTestServer } from '../../support/testServer';
import { settle } from '../../support/virtualTime';

const server = 'http://127.0.0.1:8787';
const syncNow = (window: TestWindow) => window.sync.now({ trigger: 'command' });

/** Lets time pass, second by second, until there is an answer. */
async function answerOf<T>(window: TestWindow, asked: Promise<T>, limitMs: number): Promise<T> {
  let answered = false;
  const heard = () => {
    answered = true;
  };
  asked.then(heard, heard);
  for (let passedMs = 0; !answered; passedMs += secondMs) {
    assert.ok(passedMs < limitMs, 'it takes too long');
    await window.time.advance(secondMs);
  }
  return asked;
}

describe('the lease of a cycle', () => {
  it('is kept while a slow server answers one item after the other, so that windows do not take it from each other', async () => {
    const { app } = await createTestServer();
    const fetch = (request: Request) => app.fetch(request);
    const secrets = new MemorySecrets();
    const lease: SharedLease = { owner: undefined };
    const first = await openWindow({ fetch, secrets, lease });
    const { database, time } = first;
    unwrap(await first.account.signUp({ server, login: 'ada', password: 'pass word', deviceName: 'laptop' }));
    for (let index = 0; index < 120; index++) {
      unwrap(await first.items.create({ kind: 'note', title: `Note ${index}` }));
    }
    unwrap(await syncNow(first));
    // As after a repair: nothing is known of what the server holds.
    unwrap(
      await first.store.write<void, never>(store => {
        store.sql.run('UPDATE items SET version = 0, synced_stamp = NULL');
        return ok(writeState(store, 'reconcile', 'newEpoch'));
      }),
    );
    const second = await openWindow({ fetch, secrets, lease, database, time });
    const roundMs = leaseTermMs / 6;
    for (const { http } of [first, second]) {
      http.intercept = async (request, send) => {
        if (request.url.includes('/v1/items/')) await time.sleep(roundMs);
        return send();
      };
    }
    let tries = 0;
    const othersTry = async () => {
      while (lease.owner === undefined) await settle();
      for (;;) {
        const other = await syncNow(second);
        if (other.ok) return;
        assert.equal(other.error.code, 'busy');
        tries++;
      }
    };
    const both = Promise.all([syncNow(first), othersTry()]);
    const [synced] = await answerOf(first, both, 10 * leaseTermMs);
    unwrap(synced);
    assert.ok(tries > 5, 'the other window tried again and again');
    assert.equal(first.http.sent.filter(({ url }) => url.includes('/v1/items/')).length, 120);
    assert.equal(second.http.sent.filter(({ url }) => url.includes('/v1/items/')).length, 0);
  });
});
