import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { ok } from '../../../../src/base/result';
import { addKey } from '../../../../src/crypto/keyRing';
import { endOf } from '../../../../src/device/sync/cycleOutcome';
import { formatStamp, parseStamp } from '../../../../src/model/ids/stamp';
import { writeConflict } from '../../../../src/store/conflicts';
import { putWaitingRecordChange, refusals } from '../../../../src/store/outbox';
import { type Interceptor, jsonAnswer } from '../../../support/inProcessHttp';
import { createAccount } from '../../../support/syncDevice';
import { testEpochMs } from '../../../support/testServer';

/** Answers the first `times` pushes without asking the server. */
function answering(
  answer: (changes: readonly Record<string, unknown>[]) => unknown,
  times = Number.POSITIVE_INFINITY,
): Interceptor {
  let left = times;
  return async (request, send) => {
    if (request.method !== 'POST' || left-- <= 0) return send();
    const body: { changes: Record<string, unknown>[] } = JSON.parse(
      Buffer.from(request.body ?? []).toString(),
    );
    return jsonAnswer(200, answer(body.changes));
  };
}

const rejecting = (code: string, times?: number) =>
  answering(
    changes => ({
      results: changes.map(({ changeId }) => ({ changeId, status: 'rejected', code, detail: 'because' })),
      serverTime: testEpochMs,
    }),
    times,
  );

async function withEdit() {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const id = await laptop.add('Shopping', 'milk\n');
  return { account, laptop, id };
}

describe('answers of a push', () => {
  it('a deferred change is sent again under a new id', async () => {
    const { laptop, id } = await withEdit();
    laptop.http.intercept = rejecting('deferred', 1);
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 1);
    const [first, second] = laptop.pushes();
    assert.notEqual(first?.changes[0]?.['changeId'], second?.changes[0]?.['changeId']);
  });

  it('a change sealed with a key that was retired asks for the password and waits', async () => {
    const { laptop } = await withEdit();
    laptop.http.intercept = rejecting('keyRetired');
    const { error } = await laptop.cycle();
    assert.deepEqual(error, { type: 'keyMissing', keyId: laptop.ring.current });
    assert.deepEqual(await laptop.read(store => refusals(store, 1)), []);
    laptop.http.intercept = undefined;
    await laptop.sync();
    assert.ok(await laptop.isOutboxEmpty());
  });

  it('a change in flight under a key that this device has retired itself is sealed anew', async () => {
    const { laptop, id } = await withEdit();
    laptop.http.intercept = async (request, send) =>
      request.method === 'POST' ? { ok: false, error: { type: 'timeout', timeoutMs: 1 } } : send();
    await laptop.cycle();
    const retired = laptop.ring.current;
    const rotated = addKey(laptop.ring, systemRandom, testEpochMs);
    assert.ok(rotated.ok);
    laptop.ring = rotated.value;
    laptop.http.intercept = answering(
      changes => ({
        results: changes.map(({ changeId }) => ({
          changeId,
          status: 'rejected',
          code: 'keyRetired',
          detail: '',
        })),
        serverTime: testEpochMs,
      }),
      1,
    );
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 1);
    const keys = laptop.pushes().map(push => push.changes[0]?.['keyId']);
    assert.deepEqual(keys, [retired, retired, rotated.value.current]);
  });

  it('a malformed change is refused in words, and does not hold up others', async () => {
    const { laptop } = await withEdit();
    laptop.http.intercept = rejecting('malformed', 1);
    const { report } = await laptop.sync();
    assert.equal(report.refused, 1);
    const other = await laptop.add('Other');
    await laptop.sync();
    assert.equal((await laptop.item(other)).version, 1);
    assert.deepEqual(
      (await laptop.read(store => refusals(store, 5))).map(({ reason }) => reason),
      ['because'],
    );
  });

  it('a change that a newer server rejects in words of its own is tried again', async () => {
    const { laptop, id } = await withEdit();
    laptop.http.intercept = rejecting('tooNew', 1);
    const { report } = await laptop.sync();
    assert.equal(report.refused, 0);
    assert.equal((await laptop.item(id)).version, 1);
  });

  it('a change that a newer server goes on rejecting waits, with a bounded number of requests', async () => {
    const { laptop, id } = await withEdit();
    laptop.http.intercept = rejecting('tooNew');
    const outcome = await laptop.sync();
    assert.equal(outcome.unfinished, true);
    assert.ok(outcome.report.requests < 100);
    laptop.http.intercept = undefined;
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 1);
  });

  it('a refused change is sent again once it is edited', async () => {
    const { laptop, id } = await withEdit();
    laptop.http.intercept = rejecting('quotaExceeded', 1);
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 0);
    await laptop.setBody(id, 'less\n');
    await laptop.sync();
    assert.equal((await laptop.item(id)).version, 1);
  });

  it('a missing answer leaves the change in flight', async () => {
    const { laptop, id } = await withEdit();
    laptop.http.intercept = answering(() => ({ results: [], serverTime: testEpochMs }), 1);
    assert.equal((await laptop.cycle()).error?.type, 'malformedAnswer');
    laptop.http.intercept = undefined;
    await laptop.sync();
    const [first, second] = laptop.pushes();
    assert.deepEqual(second?.changes, first?.changes);
    assert.equal((await laptop.item(id)).version, 1);
  });

  it('an answer that quotes another item is refused', async () => {
    const { account, laptop, id } = await withEdit();
    const desktop = await account.device('desktop');
    const other = await desktop.add('Other', 'foreign\n');
    await desktop.sync();
    const quoted = await desktop.transport.item(other);
    assert.ok(quoted.ok && quoted.value.answer);
    const current = quoted.value.answer;
    laptop.http.intercept = answering(
      changes => ({
        results: changes.map(({ changeId }) => ({ changeId, status: 'conflict', current })),
        serverTime: testEpochMs,
      }),
      1,
    );
    assert.equal((await laptop.cycle()).error?.type, 'malformedAnswer');
    assert.equal(await laptop.body(id), 'milk\n');
  });

  it('a state of a record that was stamped anew below the one that it was to replace gives way to it', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'milk\n');
    for (const device of [laptop, desktop]) await device.sync();
    await laptop.setBody(id, 'milk\neggs\n');
    await desktop.setBody(id, 'milk\nbread\n');
    for (const device of [laptop, desktop, laptop]) await device.sync();
    const [record] = await desktop.conflicts();
    assert(record?.conflict);
    const { conflict } = record;
    const millis = parseStamp(conflict.stamp).millis - 1;
    const stamp = formatStamp({ millis, counter: 0, deviceId: desktop.id });
    await desktop.write(({ store }) => {
      writeConflict(store, { ...conflict, stamp });
      putWaitingRecordChange(store, { conflictId: conflict.id, stamp });
    });
    await desktop.sync();
    assert.ok(await desktop.isOutboxEmpty());
    assert.equal((await desktop.conflicts())[0]?.stamp, conflict.stamp);
  });

  it('a server that refuses every stamp is given up until the next cycle', async () => {
    const { laptop } = await withEdit();
    laptop.http.intercept = rejecting('stampAhead');
    const outcome = await laptop.cycle();
    assert.equal(outcome.error, undefined);
    assert.deepEqual(endOf(outcome), { type: 'unfinished', sent: false }, 'as the schedule hears it');
    assert.ok(laptop.pushes().length <= 60, `${laptop.pushes().length} pushes`);
  });

  it('a request that is too large as a whole is halved, and one change that is too large is refused', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const ids: string[] = [];
    for (const title of ['A', 'B', 'C', 'D', 'Large']) ids.push(await laptop.add(title));
    const large = ids.at(-1);
    laptop.http.intercept = async (request, send) => {
      if (request.method !== 'POST') return send();
      const [push] = laptop.pushes().slice(-1);
      const tooLarge =
        (push?.changes.length ?? 0) > 2 || push?.changes.some(change => change['itemId'] === large);
      // As a proxy says it, without a problem document.
      return tooLarge ? ok({ status: 413, headers: {}, body: new Uint8Array() }) : send();
    };
    const { report } = await laptop.sync();
    assert.equal(report.refused, 1);
    assert.equal(report.pushed, 4);
    const [refused] = await laptop.read(store => refusals(store, 5));
    assert.match(refused?.reason ?? '', /larger than what the server takes: shorten it/);
  });
});
