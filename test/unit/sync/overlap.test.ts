import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { countItems } from '../../../src/store/items';
import { countPendingItems } from '../../../src/store/outbox';
import type { Interceptor } from '../../support/inProcessHttp';
import { createAccount, type SyncDevice } from '../../support/syncDevice';

/** Turns of the event loop; what does not happen meanwhile waits for the request that is held. */
const maxTurns = 1000;

/**
 * Holds each request of a method until `isDone` says so of its number; fails when that never comes. Counts those that
 * left before it was.
 */
function holding(
  method: 'GET' | 'POST',
  isDone: (request: number) => Promise<boolean>,
): {
  readonly intercept: Interceptor;
  readonly counted: { held: number; early: number; mostAtOnce: number };
} {
  const counted = { held: 0, early: 0, mostAtOnce: 0 };
  let open = 0;
  const intercept: Interceptor = async (request, send) => {
    counted.mostAtOnce = Math.max(counted.mostAtOnce, ++open);
    if (request.method === method) {
      const number = counted.held++;
      let turns = 0;
      while (!(await isDone(number))) {
        if (turns === 0) counted.early++;
        assert.ok(++turns < maxTurns, `request ${number} keeps the work before it from being done`);
        await nextTurn();
      }
    }
    const answer = await send();
    open--;
    return answer;
  };
  return { intercept, counted };
}

describe('what is done while the server is at a request', () => {
  const notes = 6;
  const atOnce = 2;

  async function filled(): Promise<{ readonly laptop: SyncDevice; readonly desktop: SyncDevice }> {
    const account = await createAccount();
    const [laptop, desktop] = [await account.device('laptop'), await account.device('desktop')];
    for (const device of [laptop, desktop])
      device.atOnce = { ...device.atOnce, batchChanges: atOnce, pageChanges: atOnce };
    for (let number = 0; number < notes; number++) await laptop.add(`Note ${number}`);
    return { laptop, desktop };
  }

  it('is to settle the answers to the batch before, one request at a time', async () => {
    const { laptop } = await filled();
    const { intercept, counted } = holding(
      'POST',
      async batch => (await laptop.read(countPendingItems)) === notes - batch * atOnce,
    );
    laptop.http.intercept = intercept;
    const { report } = await laptop.sync();
    assert.equal(report.pushed, notes);
    assert.deepEqual(counted, { held: notes / atOnce, early: notes / atOnce - 1, mostAtOnce: 1 });
  });

  it('is to apply the page before, one request at a time', async () => {
    const { laptop, desktop } = await filled();
    await laptop.sync();
    const { intercept, counted } = holding(
      'GET',
      async page => (await desktop.read(countItems)).live >= page * atOnce,
    );
    desktop.http.intercept = intercept;
    const { report } = await desktop.sync();
    assert.equal(report.pulled, notes);
    assert.equal(counted.mostAtOnce, 1);
    assert.equal(counted.early, notes / atOnce - 1);
  });
});
