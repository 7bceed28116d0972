import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { maxBatchChanges } from '../../../src/protocol/limits';
import { type Interceptor, jsonAnswer } from '../../support/inProcessHttp';
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
