import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { addKey, type KeyRing, removeKey } from '../../../../src/crypto/keyRing';
import type { ItemId } from '../../../../src/model/ids/ids';
import { trimClosedConflicts } from '../../../../src/store/conflicts';
import { countPendingItems } from '../../../../src/store/outbox';
import { readState } from '../../../../src/store/state';
import { listVersions } from '../../../../src/store/versions';
import { resolveConflict } from '../../../../src/sync/edits/resolveConflict';
import { unreachable } from '../../../support/inProcessHttp';
import { outliveTombstones } from '../../../support/pruning';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';
import { authKey } from '../../../support/testDevice';
import { testEpochMs } from '../../../support/testServer';

async function withItems(count: number) {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  const ids: ItemId[] = [];
  for (let index = 0; index < count; index++) ids.push(await laptop.add(`Item ${index}`, `body ${index}\n`));
  await laptop.sync();
  await desktop.sync();
  return { account, laptop, desktop, ids };
}

/** As the device's account does it, but for the derivation of keys. */
async function rotate(by: SyncDevice): Promise<KeyRing> {
  const ring = unwrap(addKey(by.ring, systemRandom, testEpochMs));
  const held = await by.session.call('GET', '/v1/accounts/me/keyring');
  const { version } = JSON.parse(await held.text());
  const put = await by.session.call('PUT', '/v1/accounts/me/keyring', {
    ...{ authKey, baseVersion: version, wrapped: 'd3JhcHBlZA', recoveryWrapped: 'cmVjb3Zlcnk' },
    retiredKeyIds: ring.keys.filter(key => key.retired).map(key => key.keyId),
  });
  assert.equal(put.status, 200);
  by.ring = ring;
  return ring;
}

/** The ids of the keys of the current versions on the server, tombstones left out. */
async function keysOnServer(device: SyncDevice): Promise<ReadonlySet<string>> {
  const page = unwrap(await device.transport.pull(undefined, 1000)).answer;
  assert.ok(!page.hasMore);
  return new Set(page.changes.filter(({ changeType }) => changeType === 'upsert').map(({ keyId }) => keyId));
}

const historyOf = (device: SyncDevice, id: ItemId) => device.read(store => listVersions(store, id));

async function assertConverged(devices: readonly SyncDevice[], ids: readonly ItemId[]): Promise<void> {
  for (let round = 0; round < 2; round++) for (const device of devices) await device.sync();
  for (const device of devices) {
    assert.ok(await device.isOutboxEmpty());
    const { report } = await device.sync();
    assert.deepEqual([report.requests, report.diverged, report.reconciled], [1, false, false]);
  }
  for (const id of ids) {
    const [first, ...others] = await Promise.all(devices.map(device => device.item(id)));
    for (const other of others) {
      assert.deepEqual(
        [other.content, other.lastModified, other.version],
        [first?.content, first?.lastModified, first?.version],
      );
    }
  }
}

/** Both have edited one line at once: an open record is on the server. */
async function withRecord(laptop: SyncDevice, desktop: SyncDevice, id: ItemId): Promise<void> {
  await laptop.setBody(id, 'laptop\n');
  await desktop.setBody(id, 'desktop\n');
  await laptop.sync();
  await desktop.sync();
  await laptop.sync();
  assert.equal((await laptop.openConflicts()).length, 1);
}

describe('after a rotation', () => {
  it('everything that the server holds is sealed with the new key, in batches', async () => {
    const { laptop, desktop, ids } = await withItems(250);
    const [id] = ids;
    assert(id);
    await withRecord(laptop, desktop, id);
    const { current } = await rotate(laptop);
    laptop.http.sent.length = 0;
    const { report } = await laptop.sync();
    assert.deepEqual([...(await keysOnServer(laptop))], [current]);
    assert.deepEqual([report.resealed, report.pushed, report.conflicts], [250, 0, 0]);
    assert.equal(laptop.pushes().length, 3, 'two batches of items, one of records');
    assert.ok(laptop.pushes().every(({ changes }) => changes.length <= 200));
    assert.equal(await laptop.read(countPendingItems), 0);
  });

  it('other devices take that for no edit: no record, no question, no state in the history', async () => {
    const { laptop, desktop, ids } = await withItems(30);
    const before = await Promise.all(ids.map(id => desktop.item(id)));
    const ring = await rotate(laptop);
    await laptop.sync();
    desktop.ring = ring;
    const { report } = await desktop.sync();
    assert.deepEqual([report.pulled, report.merged, report.resealed, desktop.snapshots], [0, 0, 0, 0]);
    assert.deepEqual(await desktop.conflicts(), []);
    for (const [index, id] of ids.entries()) {
      const held = await desktop.item(id);
      assert.equal(held.modifiedMs, before[index]?.modifiedMs, 'an open document is not read again');
      assert.equal((await historyOf(desktop, id)).length, 1);
    }
    await assertConverged([laptop, desktop], ids);
    assert.deepEqual([...(await keysOnServer(laptop))], [ring.current]);
  });

  it('counts edits that are not pushed yet as what waits, and not what is only sealed anew', async () => {
    const { laptop } = await withItems(3);
    await rotate(laptop);
    laptop.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
    await laptop.cycle();
    assert.ok(!(await laptop.isOutboxEmpty()));
    assert.equal(await laptop.read(countPendingItems), 0);
  });

  it('an edit that was made on what was then sealed anew is kept as it is, without a record', async () => {
    const { laptop, desktop, ids } = await withItems(2);
    const [id] = ids;
    assert(id);
    await desktop.setBody(id, 'edited\n');
    const ring = await rotate(laptop);
    await laptop.sync();
    desktop.ring = ring;
    await desktop.sync();
    await assertConverged([laptop, desktop], ids);
    assert.equal(await laptop.body(id), 'edited\n');
    assert.deepEqual([await laptop.conflicts(), await desktop.conflicts()], [[], []]);
    assert.deepEqual([...(await keysOnServer(laptop))], [ring.current]);
  });

  it('an edit that comes first wins over a seal that waits, without a record', async () => {
    const { laptop, desktop, ids } = await withItems(2);
    const [id] = ids;
    assert(id);
    const ring = await rotate(laptop);
    laptop.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
    await laptop.cycle();
    laptop.http.intercept = undefined;
    desktop.ring = ring;
    await desktop.setBody(id, 'edited\n');
    await desktop.sync();
    await laptop.sync();
    await assertConverged([laptop, desktop], ids);
    assert.equal(await laptop.body(id), 'edited\n');
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('an edit of what waits to be sealed anew goes out as an edit, and its history keeps what was before', async () => {
    const { laptop, desktop, ids } = await withItems(1);
    const [id] = ids;
    assert(id);
    desktop.ring = await rotate(laptop);
    let pulls = 0;
    laptop.http.intercept = async (request, send) =>
      request.method === 'GET' && ++pulls > 1 ? unreachable() : send();
    await laptop.cycle();
    laptop.http.intercept = undefined;
    await laptop.setBody(id, 'edited\n');
    assert.equal(await laptop.read(countPendingItems), 1);
    const { report } = await laptop.sync();
    assert.equal(report.pushed, 1);
    assert.deepEqual(
      (await historyOf(laptop, id)).map(({ content }) => content?.body),
      ['edited\n', 'body 0\n'],
    );
    await assertConverged([laptop, desktop], ids);
  });

  it('two devices that seal anew at once agree', async () => {
    const { laptop, desktop, ids } = await withItems(20);
    const [id] = ids;
    assert(id);
    await withRecord(laptop, desktop, id);
    desktop.ring = await rotate(laptop);
    for (const device of [laptop, desktop]) {
      device.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
      await device.cycle();
      device.http.intercept = undefined;
    }
    await assertConverged([laptop, desktop], ids);
    for (const device of [laptop, desktop]) assert.equal((await device.conflicts()).length, 1);
    assert.deepEqual([...(await keysOnServer(laptop))], [laptop.ring.current]);
  });

  it('goes on where it was interrupted, and a second rotation seals all once more', async () => {
    const { laptop, desktop, ids } = await withItems(220);
    await rotate(laptop);
    let pushes = 0;
    laptop.http.intercept = async (request, send) =>
      request.method === 'POST' && ++pushes > 1 ? unreachable() : send();
    assert.equal((await laptop.cycle()).report.resealed, 200);
    assert.equal(await laptop.read(store => readState(store, 'resealedWith')), undefined);
    laptop.http.intercept = undefined;
    assert.equal((await laptop.sync()).report.resealed, 20);
    desktop.ring = await rotate(laptop);
    assert.equal((await laptop.sync()).report.resealed, 220);
    await assertConverged([laptop, desktop], ids);
    assert.deepEqual([...(await keysOnServer(laptop))], [laptop.ring.current]);
  });

  it('what was frozen with the key before is sealed with the new one', async () => {
    const { laptop, desktop, ids } = await withItems(3);
    const [id] = ids;
    assert(id);
    await laptop.setBody(id, 'edited\n');
    laptop.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
    await laptop.cycle();
    laptop.http.intercept = undefined;
    desktop.ring = await rotate(laptop);
    await laptop.sync();
    await assertConverged([laptop, desktop], ids);
    assert.equal(await desktop.body(id), 'edited\n');
    assert.deepEqual([...(await keysOnServer(laptop))], [laptop.ring.current]);
  });

  it('records of which the texts were dropped here are sealed anew, too', async () => {
    const { laptop, desktop, ids } = await withItems(1);
    const [id] = ids;
    assert(id);
    await withRecord(laptop, desktop, id);
    const [open] = await laptop.openConflicts();
    assert.ok(open?.conflict);
    const { conflict } = open;
    await laptop.write(context => resolveConflict(context, conflict, { keep: 'later', as: 'keepLocal' }));
    await laptop.sync();
    await desktop.sync();
    const trimmed = await laptop.write(({ store }) =>
      trimClosedConflicts(store, { before: 'z', maxClosed: 0, limit: 10 }),
    );
    assert.equal(trimmed, 1);
    desktop.ring = await rotate(laptop);
    await laptop.sync();
    assert.deepEqual([...(await keysOnServer(laptop))], [laptop.ring.current]);
    await assertConverged([laptop, desktop], ids);
    assert.equal((await desktop.conflicts())[0]?.conflict?.state, 'resolved');
  });

  it('an idle cycle costs one request again, and writes nothing', async () => {
    const { laptop } = await withItems(3);
    await rotate(laptop);
    await laptop.sync();
    const writes = () => laptop.read(store => store.sql.get('SELECT total_changes() AS count')?.['count']);
    const before = await writes();
    const { report } = await laptop.sync();
    assert.deepEqual([report.requests, await writes()], [1, before]);
  });

  it('a server that was restored from before it is sealed anew', async () => {
    const { account, laptop, desktop, ids } = await withItems(5);
    const backup = await account.backUp();
    desktop.ring = await rotate(laptop);
    await laptop.sync();
    await desktop.sync();
    await account.restore(backup);
    await assertConverged([laptop, desktop], ids);
    assert.deepEqual([...(await keysOnServer(laptop))], [laptop.ring.current]);
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('an edit whose base a restored server had lost meets a seal of that base without a record', async () => {
    const account = await createAccount();
    const [laptop, desktop, phone] = [
      await account.device('laptop'),
      await account.device('desktop'),
      await account.device('phone'),
    ];
    const id = await laptop.add('Item', 'body\n');
    const backup = await account.backUp();
    for (const device of [laptop, desktop, phone]) await device.sync();
    await account.restore(backup);
    await laptop.setBody(id, 'edited\n');
    laptop.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
    await laptop.cycle();
    laptop.http.intercept = undefined;
    await phone.sync();
    laptop.ring = phone.ring = await rotate(desktop);
    await desktop.sync();
    await assertConverged([laptop, desktop, phone], [id]);
    assert.equal(await desktop.body(id), 'edited\n');
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('a server that was restored from before a key left the ring gets what is held here over it', async () => {
    const { account, laptop, desktop, ids } = await withItems(5);
    const [id, gone] = ids;
    assert(id && gone);
    await withRecord(laptop, desktop, id);
    const backup = await account.backUp();
    await rotate(laptop);
    await laptop.remove(gone);
    await laptop.sync();
    desktop.ring = laptop.ring;
    await desktop.sync();
    for (const device of [laptop, desktop]) {
      const retired = device.ring.keys.filter(key => key.retired);
      device.ring = retired.reduce((ring, { keyId }) => removeKey(ring, keyId), device.ring);
      assert.equal(device.ring.keys.length, 1);
    }
    await account.restore(backup);
    await assertConverged([laptop, desktop], ids);
    assert.deepEqual([...(await keysOnServer(laptop))], [laptop.ring.current]);
    assert.equal((await desktop.item(gone)).deleted, true);
    for (const device of [laptop, desktop]) assert.equal((await device.conflicts()).length, 1);
  });

  it('a seal that waited while its item was deleted and pruned brings nothing back', async () => {
    const { account, laptop, desktop, ids } = await withItems(3);
    const [id] = ids;
    assert(id);
    desktop.ring = await rotate(laptop);
    laptop.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
    await laptop.cycle();
    laptop.http.intercept = undefined;
    await desktop.remove(id);
    await desktop.sync();
    await outliveTombstones(account, [desktop], [laptop]);
    const { report } = await laptop.sync({ massChange: 'accept' });
    assert.ok(report.reconciled);
    assert.equal((await laptop.item(id)).deleted, true);
    assert.deepEqual(await laptop.conflicts(), []);
  });
});

describe('a version that the server calls a re-seal', () => {
  it('is merged like any other when its content is another', async () => {
    const { laptop, desktop, ids } = await withItems(1);
    const [id] = ids;
    assert(id);
    await laptop.setBody(id, 'laptop\n');
    await laptop.sync();
    await desktop.time.advance(1000);
    await desktop.setBody(id, 'desktop\n');
    callEverythingReseal(desktop);
    await desktop.sync();
    const [record] = await desktop.openConflicts();
    assert.deepEqual(
      [record?.conflict?.earlier.content.body, record?.conflict?.later.content.body],
      ['laptop\n', 'desktop\n'],
    );
  });

  it('counts for the guard when it overwrites', async () => {
    const { laptop, desktop, ids } = await withItems(20);
    for (const id of ids) await laptop.setBody(id, 'overwritten\n');
    await laptop.sync();
    callEverythingReseal(desktop);
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
  });
});

function callEverythingReseal(device: SyncDevice): void {
  device.http.intercept = async (request, send) => {
    const answer = await send();
    if (!answer.ok || request.method !== 'GET') return answer;
    const page = JSON.parse(new TextDecoder().decode(answer.value.body));
    for (const change of page.changes ?? []) if (change.collection === 'item') change.reseal = true;
    return { ok: true, value: { ...answer.value, body: new TextEncoder().encode(JSON.stringify(page)) } };
  };
}
