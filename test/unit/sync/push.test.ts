import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { createChangeId } from '../../../src/model/ids/createId';
import { maxBatchChanges } from '../../../src/protocol/limits';
import { changesInFlight } from '../../../src/store/outbox';
import { runCycle } from '../../../src/sync/cycle';
import { defaultCycleLimits } from '../../../src/sync/cycleLimits';
import { type Interceptor, jsonAnswer, unreachable } from '../../support/inProcessHttp';
import { createAccount, type SyncDevice } from '../../support/syncDevice';

const tooMany = jsonAnswer(429, {
  type: 'about:blank',
  title: 'Pull first',
  status: 429,
  code: 'tooManyRequests',
});

/** A server that remembers so many answers, and takes no more before the device has acknowledged some. */
function remembering(maxAnswers: number): Interceptor {
  let remembered = 0;
  return async (request, send) => {
    if (request.method === 'GET' && request.url.includes('since=')) remembered = 0;
    if (request.method !== 'POST') return send();
    if (remembered + maxBatchChanges > maxAnswers) return tooMany;
    remembered += maxBatchChanges;
    return send();
  };
}

async function addMany(device: SyncDevice, count: number): Promise<void> {
  for (let number = 0; number < count; number++) await device.add(`Note ${number}`);
}

describe('pushing more than a server remembers', () => {
  it('acknowledges what was answered, and goes on', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    await addMany(laptop, 3 * maxBatchChanges + 1);
    laptop.http.intercept = remembering(maxBatchChanges);
    const { report } = await laptop.sync();
    assert.equal(report.pushed, 3 * maxBatchChanges + 1);
    assert.ok(await laptop.isOutboxEmpty());
    const desktop = await account.device('desktop');
    assert.equal((await desktop.sync()).report.pulled, 3 * maxBatchChanges + 1);
  });

  it('recovers when that is met by what is sent again', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    await laptop.add('Before');
    await laptop.sync();
    const id = await laptop.add('Shopping');
    laptop.http.intercept = async (request, send) => (request.method === 'POST' ? tooMany : send());
    const held = await laptop.cycle();
    assert.equal(held.error?.type, 'problem', 'it is not asked without end');
    assert.equal(laptop.http.sent.filter(({ method }) => method === 'POST').length, 3);
    let isFull = true;
    laptop.http.intercept = async (request, send) => {
      if (request.method === 'GET') isFull = false;
      return isFull ? tooMany : send();
    };
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 1);
  });
});

describe('sending again what was not answered', () => {
  it('takes no more at once than one push, and cuts no group', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const atOnce = { ...defaultCycleLimits, batchBytes: 40_000 };
    const bodies = Array.from({ length: 6 }, (_, number) => noise(9000 + number));
    for (const body of bodies) await laptop.add('Large', body);
    let pushes = 0;
    laptop.http.intercept = (asked, send) =>
      asked.method === 'POST' && ++pushes === 1 ? unreachable() : send();
    assert.equal((await runCycle({ ...laptop.dependencies(), atOnce })).error?.type, 'unreachable');
    const inFlight = await laptop.read(store => changesInFlight(store, 100));
    assert.equal(inFlight.length, 6, 'two batches are in flight');
    // As when the pairs of two resolutions are in flight: the second of one lies behind the other.
    await laptop.write(({ store }) => {
      const [a, b, c] = [1, 2, 3].map(() => createChangeId(systemRandom));
      const groups = [a, b, c, c, b, a];
      for (const [index, { itemId }] of inFlight.entries()) {
        store.sql.run('UPDATE changes SET group_id = ? WHERE item_id = ?', [groups[index] ?? null, itemId]);
      }
    });
    assert.equal((await runCycle({ ...laptop.dependencies(), atOnce })).error, undefined);
    const sent = laptop.pushes().map(({ changes }) => changes.map(({ changeId }) => changeId));
    const ids = inFlight.map(({ flight }) => flight?.changeId);
    assert.deepEqual(sent.slice(1), [
      [ids[0], ids[5]],
      [ids[1], ids[4]],
      [ids[2], ids[3]],
    ]);
    assert.ok(await laptop.isOutboxEmpty());
  });
});

/** A text that does not get smaller. */
function noise(bytes: number): string {
  return Buffer.from(systemRandom.bytes(bytes)).toString('base64');
}
