import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { runCycle } from '../../../src/sync/cycle';
import { answerLost, unreachable } from '../../support/inProcessHttp';
import { createAccount } from '../../support/syncDevice';

describe('sync cycle', () => {
  it('brings an item to another device', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'milk\n');
    const pushed = await laptop.sync();
    assert.equal(pushed.report.pushed, 1);
    const pulled = await desktop.sync();
    assert.equal(pulled.report.pulled, 1);
    assert.equal(await desktop.body(id), 'milk\n');
    assert.equal((await desktop.item(id)).lastModified, (await laptop.item(id)).lastModified);
    assert.ok(await laptop.isOutboxEmpty());
  });

  it('is one request and no write when nothing happened', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    await laptop.add('Shopping', 'milk\n');
    await laptop.sync();
    await laptop.sync();
    laptop.http.sent.length = 0;
    let writes = 0;
    const { store } = laptop;
    const watched = {
      ...laptop.dependencies(),
      store: {
        ...store,
        write: async <T, E>(work: Parameters<typeof store.write<T, E>>[0]) => {
          writes++;
          return store.write(work);
        },
      },
    };
    const { error, report } = await runCycle(watched);
    assert.equal(error, undefined);
    assert.equal(report.requests, 1);
    assert.equal(laptop.http.sent.length, 1);
    assert.equal(writes, 0);
  });

  it('sends again, byte for byte and under the same id, what was not answered', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const id = await laptop.add('Shopping', 'milk\n');
    laptop.http.intercept = (request, send) =>
      request.method === 'POST' ? answerLost(request, send) : send();
    assert.equal((await laptop.cycle()).error?.type, 'unreachable');
    await laptop.setBody(id, 'milk\neggs\n');
    laptop.http.intercept = undefined;
    await laptop.sync();
    const [first, second, third] = laptop.pushes();
    assert.deepEqual(second?.changes, first?.changes);
    assert.equal(third?.changes[0]?.['baseVersion'], 1);
    assert.equal((await laptop.item(id)).version, 2);
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('keeps everything for later when the server cannot be reached', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const id = await laptop.add('Shopping', 'milk\n');
    laptop.http.intercept = unreachable;
    assert.equal((await laptop.cycle()).error?.type, 'unreachable');
    assert.equal(await laptop.body(id), 'milk\n');
    laptop.http.intercept = undefined;
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 1);
  });
});
