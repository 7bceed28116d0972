import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { createChangeId } from '../../../../src/model/ids/createId';
import { isConflictId } from '../../../../src/model/ids/ids';
import { maxBatchChanges } from '../../../../src/protocol/limits';
import { changesInFlight, putWaitingRecordChange, sendableChanges } from '../../../../src/store/outbox';
import { runCycle } from '../../../../src/sync/cycle';
import { defaultCycleLimits } from '../../../../src/sync/cycleLimits';
import { resolveConflict } from '../../../../src/sync/edits/resolveConflict';
import { type Interceptor, jsonAnswer, unreachable } from '../../../support/inProcessHttp';
import { stampAt } from '../../../support/storeFixture';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';

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

describe('what is to be sent', () => {
  it('is found behind any number of groups that are refused or held up', async () => {
    const device = await (await createAccount()).device('laptop');
    const behind = await device.add('Behind');
    const sendable = await device.write(({ store }) => {
      for (let number = 1; number <= maxBatchChanges; number++) {
        const groupId = createChangeId(systemRandom);
        for (const half of ['a', 'b']) {
          const conflictId = `${half}${String(number).padStart(31, '0')}`;
          assert(isConflictId(conflictId));
          putWaitingRecordChange(store, { conflictId, stamp: stampAt(number), groupId });
        }
      }
      store.sql.run(
        `UPDATE changes SET refused = 'too large' WHERE collection = 'conflict' AND (item_id LIKE 'a%1' OR item_id LIKE 'b%0')`,
      );
      store.sql.run(`INSERT INTO unopened(item_id, wire, reason, key_id)
        SELECT item_id, '{}', 'keyMissing', '' FROM changes WHERE refused IS NULL AND collection = 'conflict' AND item_id LIKE 'a%'`);
      store.sql.run(`UPDATE changes SET id = id + 10000 WHERE item_id = ?`, [behind]);
      return sendableChanges(store, maxBatchChanges).map(({ itemId }) => itemId);
    });
    assert.deepEqual(sendable, [behind]);
  });
});

describe('a push that is too large', () => {
  /** A server that takes no more than so many changes at once. */
  const taking = (maxChanges: number, device: SyncDevice): Interceptor => {
    return async (request, send) => {
      const size = request.method === 'POST' ? (device.pushes().at(-1)?.changes.length ?? 0) : 0;
      return size > maxChanges ? tooLarge : send();
    };
  };
  const tooLarge = jsonAnswer(413, {
    type: 'about:blank',
    title: 'Too large',
    status: 413,
    code: 'tooLarge',
  });

  /** Two open conflicts of one item, answered on the laptop and not pushed yet. */
  async function twoResolutions() {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'one\n');
    for (const device of [laptop, desktop]) await device.sync();
    for (const turn of ['first', 'second']) {
      await laptop.setBody(id, `${turn} of the laptop\n`);
      await desktop.setBody(id, `${turn} of the desktop\n`);
      for (const device of [laptop, desktop, laptop, desktop]) await device.sync();
    }
    const records = await laptop.openConflicts();
    assert.equal(records.length, 2);
    return { laptop, desktop, records };
  }

  it('lets several resolutions of one item follow each other', async () => {
    const { laptop, desktop, records } = await twoResolutions();
    for (const { conflict } of records) {
      assert(conflict);
      await laptop.write(context => resolveConflict(context, conflict, { keep: 'later', as: 'keepLocal' }));
    }
    laptop.http.intercept = taking(2, laptop);
    assert.equal((await laptop.sync()).report.refused, 0);
    assert.ok(await laptop.isOutboxEmpty());
    await desktop.sync();
    assert.deepEqual(await desktop.openConflicts(), []);
  });

  it('refuses of what it sends no more than the group that is too large', async () => {
    const { laptop, records } = await twoResolutions();
    await laptop.add('Small');
    const [record] = records;
    assert(record?.conflict);
    const { conflict } = record;
    await laptop.write(context => resolveConflict(context, conflict, { keep: 'later', as: 'keepLocal' }));
    laptop.http.intercept = taking(1, laptop);
    const { report } = await laptop.sync();
    assert.deepEqual([report.pushed, report.refused], [1, 2]);
  });
});
