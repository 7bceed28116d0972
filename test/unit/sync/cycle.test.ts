import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { hourMs } from '../../../src/base/time';
import { maxBatchChanges } from '../../../src/protocol/limits';
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

  it('seals a batch while the one before is sent, and sends both again when that was not answered', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const ids = [];
    for (let number = 0; number < 2 * maxBatchChanges + 10; number++) {
      ids.push(await laptop.add(`Note ${number}`, 'a line\n'));
    }
    let pushes = 0;
    laptop.http.intercept = (request, send) =>
      request.method === 'POST' && ++pushes === 2 ? answerLost(request, send) : send();
    const cut = await laptop.cycle();
    assert.equal(cut.error?.type, 'unreachable');
    assert.equal(cut.report.pushed, maxBatchChanges);
    const last = ids.at(-1);
    assert.ok(last);
    await laptop.setBody(last, 'edited meanwhile\n');
    laptop.http.intercept = undefined;
    await laptop.sync();
    const [, lost, again] = laptop.pushes();
    assert.deepEqual(again?.changes, lost?.changes);
    const desktop = await account.device('desktop');
    assert.equal((await desktop.sync()).report.pulled, ids.length);
    assert.equal(await desktop.body(last), 'edited meanwhile\n');
    for (const id of ids) assert.equal((await laptop.item(id)).version, id === last ? 2 : 1);
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

  it('by another process knows the time of the server from the one before', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    await laptop.add('Shopping');
    await account.serverTime.advance(1);
    await laptop.sync();
    laptop.startAnew();
    await account.serverTime.advance(hourMs);
    const { report } = await laptop.sync();
    assert.equal(report.serverStepped, true);
    assert.equal(report.clockOffsetMs, 0);
    laptop.startAnew('another boot');
    const after = await laptop.sync();
    assert.equal(after.report.serverStepped, false);
    assert.equal(after.report.clockOffsetMs, hourMs);
  });
});
