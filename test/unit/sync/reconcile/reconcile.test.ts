import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ItemId } from '../../../../src/model/ids/ids';
import { accountIdSchema } from '../../../../src/protocol/scalars';
import { waitingItemChange } from '../../../../src/store/outbox';
import { writeState } from '../../../../src/store/state';
import { repairSalvaged } from '../../../../src/store/upkeep/salvage';
import { resolveConflict } from '../../../../src/sync/edits/resolveConflict';
import { answerLost, jsonAnswer, unreachable } from '../../../support/inProcessHttp';
import { outliveTombstones } from '../../../support/pruning';
import { itemId, note } from '../../../support/storeFixture';
import { createAccount, type SyncDevice, type TestAccount } from '../../../support/syncDevice';

async function twoDevices(): Promise<{ account: TestAccount; laptop: SyncDevice; desktop: SyncDevice }> {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  return { account, laptop, desktop };
}

async function assertConverged(devices: readonly SyncDevice[], ids: readonly ItemId[]): Promise<void> {
  for (let round = 0; round < 3; round++) for (const device of devices) await device.sync();
  for (const device of devices) {
    assert.ok(await device.isOutboxEmpty(), `the outbox of ${device.name} is empty`);
    const { report } = await device.sync();
    assert.equal(report.diverged, false, `${device.name} holds what the server holds`);
    assert.equal(report.reconciled, false, `${device.name} has nothing to compare`);
  }
  for (const id of ids) {
    const [first, ...others] = await Promise.all(devices.map(device => device.item(id)));
    for (const other of others) {
      assert.deepEqual(
        [other.content, other.deleted, other.lastModified, other.version],
        [first?.content, first?.deleted, first?.lastModified, first?.version],
      );
    }
  }
}

/** Two devices hold an item that the server, restored from before it, has lost. */
async function withLostBase() {
  const devices = await twoDevices();
  const { account, laptop, desktop } = devices;
  const backup = await account.backUp();
  const id = await laptop.add('Shopping', 'one\ntwo\nthree\n');
  await laptop.sync();
  await desktop.sync();
  await account.restore(backup);
  return { ...devices, id };
}

/** Everything is compared with the server, and nothing is pushed. */
async function compareOnly(device: SyncDevice): Promise<void> {
  let compared = false;
  device.http.intercept = async (request, send) => {
    compared ||= request.url.includes('/v1/items');
    return compared && request.url.includes('/v1/changes') ? unreachable() : send();
  };
  await device.cycle();
  device.http.intercept = undefined;
}

/** The device gives the server the item again, and then writes in its third line. */
async function bringBack(device: SyncDevice, id: ItemId): Promise<void> {
  await device.sync();
  await device.setBody(id, 'one\ntwo\nTHREE\n');
  await device.sync();
}

describe('reconcile', () => {
  it('takes what moved on without a conflict, however many versions a device was away for', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'version 0\n');
    const gone = await laptop.add('Gone');
    await laptop.sync();
    await desktop.sync();
    for (let version = 1; version <= 20; version++) {
      await laptop.setBody(id, `version ${version}\n`);
      await laptop.sync();
    }
    await laptop.remove(gone);
    await laptop.sync();
    await outliveTombstones(account, [laptop], [desktop]);
    const { report } = await desktop.sync();
    assert.ok(report.reconciled, 'the device was away for too long');
    assert.equal(await desktop.body(id), 'version 20\n');
    assert.equal((await desktop.item(gone)).deleted, true, 'it is in Deleted items');
    assert.deepEqual(await desktop.conflicts(), []);
    await assertConverged([laptop, desktop], [id]);
  });

  it('keeps an unpushed edit of an item that was deleted and pruned, with a conflict that says so', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'milk\n');
    await laptop.sync();
    await desktop.sync();
    await desktop.setBody(id, 'milk\neggs\n');
    await laptop.remove(id);
    await laptop.sync();
    await outliveTombstones(account, [laptop], [desktop]);
    await desktop.sync();
    assert.equal((await desktop.item(id)).deleted, false);
    assert.equal((await desktop.openConflicts()).length, 1);
    await assertConverged([laptop, desktop], [id]);
    assert.equal(await laptop.body(id), 'milk\neggs\n');
    assert.equal((await laptop.openConflicts()).length, 1);
  });

  it('deletes what a device that was away brings back again, when the deletion here knew of it', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const phone = await account.device('phone');
    const id = await phone.add('Shopping', 'milk\n');
    phone.http.intercept = (request, send) =>
      request.method === 'POST' ? answerLost(request, send) : send();
    await phone.cycle(); // accepted, and never told so: it will be sent again
    phone.http.intercept = undefined;
    await laptop.sync();
    await desktop.sync();
    await laptop.remove(id);
    await laptop.sync();
    await outliveTombstones(account, [laptop], [desktop, phone]);
    await desktop.setBody(id, 'milk\neggs\n');
    await desktop.remove(id);
    await desktop.sync();
    await phone.sync();
    await assertConverged([phone, desktop, laptop], [id]);
    const { deleted, content } = await laptop.item(id);
    assert.deepEqual([deleted, content?.body], [true, 'milk\neggs\n']);
  });

  it('gives a server that was restored from a backup back what it lost, once, with its versions', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    const backup = await account.backUp();
    await laptop.setBody(id, 'two\n');
    const lost = await laptop.add('Lost', 'new\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.setBody(id, 'three\n');
    await laptop.sync(); // the desktop has not seen the third
    await account.restore(backup);
    await laptop.sync();
    await desktop.sync();
    await assertConverged([laptop, desktop], [id, lost]);
    assert.equal(await desktop.body(id), 'three\n');
    assert.deepEqual(await desktop.conflicts(), [], 'each side descends from the other');
  });

  it('deletes nothing that a restored server lacks, also when a repair has asked for the comparison', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const kept = await laptop.add('Kept', 'one\n');
    await laptop.sync();
    const backup = await account.backUp();
    const lost = await laptop.add('Lost', 'new\n');
    await laptop.sync();
    await account.restore(backup);
    await laptop.write(({ store }) => writeState(store, 'reconcile', 'digestMismatch'));
    await laptop.sync();
    assert.equal((await laptop.item(lost)).deleted, false);
    await desktop.sync();
    await assertConverged([laptop, desktop], [kept, lost]);
  });

  it('deletes nothing when the server is restored while everything is compared', async () => {
    const { account, laptop, desktop } = await twoDevices();
    await laptop.sync();
    const backup = await account.backUp();
    const lost = await laptop.add('Lost', 'new\n');
    await laptop.sync();
    await laptop.write(({ store }) => writeState(store, 'reconcile', 'digestMismatch'));
    laptop.http.intercept = async (request, send) => {
      if (new URL(request.url).pathname === '/v1/items') await account.restore(backup);
      return send();
    };
    await laptop.sync();
    laptop.http.intercept = undefined;
    assert.equal((await laptop.item(lost)).deleted, false);
    await desktop.sync();
    await assertConverged([laptop, desktop], [lost]);
  });

  it('deletes nothing that it had taken up before it was interrupted and the server restored', async () => {
    const { account, laptop, desktop } = await twoDevices();
    await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    await outliveTombstones(account, [laptop], [desktop]);
    const backup = await account.backUp(); // it still knows the cursor of the desktop
    const taken = itemId(1);
    await laptop.edit(taken, note('Taken first', 'new\n'));
    await laptop.sync();
    desktop.atOnce = { ...desktop.atOnce, fetchedPerTransaction: 1, fetchesAtOnce: 1 };
    desktop.http.intercept = async (request, send) =>
      request.url.includes('/v1/items/') && !request.url.endsWith(taken) ? unreachable() : send();
    await desktop.cycle();
    desktop.http.intercept = undefined;
    await account.restore(backup);
    for (let cycle = 0; cycle < 2; cycle++) {
      await desktop.sync();
      assert.equal((await desktop.item(taken)).deleted, false);
    }
    await assertConverged([laptop, desktop], [taken]);
  });

  it('reports what comparing everything has cost', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const backup = await account.backUp();
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await account.restore(backup);
    await desktop.add('Other', Buffer.from(crypto.getRandomValues(new Uint8Array(8000))).toString('hex'));
    await desktop.sync();
    laptop.http.intercept = async (_request, send) => {
      const answer = await send();
      await laptop.time.advance(5);
      return answer;
    };
    const { report } = await laptop.sync();
    assert.ok(report.reconciled);
    const gets = laptop.http.sent.filter(({ method }) => method === 'GET').length;
    assert.ok(report.pullMs >= 10 && report.pullMs <= 5 * gets, `${report.pullMs} ms for ${gets} requests`);
    assert.ok(report.bytesReceived > 8000, 'the item that was fetched is counted');
    assert.equal((await laptop.item(id)).version, 1);
  });

  it('lets the device that knows less come first after a restore', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    const backup = await account.backUp();
    for (const body of ['two\n', 'three\n']) {
      await laptop.setBody(id, body);
      await laptop.sync();
      if (body === 'two\n') await desktop.sync();
    }
    await account.restore(backup);
    await desktop.sync();
    await laptop.sync();
    await assertConverged([laptop, desktop], [id]);
    assert.equal(await desktop.body(id), 'three\n');
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('gives a server that was restored back what was made on its version, however many versions later', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'version 0\n');
    await laptop.sync();
    await desktop.sync();
    const backup = await account.backUp();
    for (let version = 1; version <= 20; version++) {
      const [writer, reader] = version % 2 === 0 ? [laptop, desktop] : [desktop, laptop];
      await writer.setBody(id, `version ${version}\n`);
      await writer.sync();
      await reader.sync();
    }
    await account.restore(backup);
    await desktop.setBody(id, 'version 21\n');
    await desktop.sync();
    assert.equal(await desktop.body(id), 'version 21\n');
    await assertConverged([laptop, desktop], [id]);
    assert.deepEqual(await laptop.conflicts(), []);
  });

  it('merges on the version that both sides were made on, also when the server has lost it for a while', async () => {
    const { laptop, desktop, id } = await withLostBase();
    await laptop.setBody(id, 'ONE\ntwo\nthree\n');
    await compareOnly(laptop);
    await bringBack(desktop, id);
    await laptop.sync();
    assert.equal(await laptop.body(id), 'ONE\ntwo\nTHREE\n');
    assert.deepEqual(await laptop.openConflicts(), []);
    await assertConverged([laptop, desktop], [id]);
  });

  it('merges on what was to be pushed again when a person wrote on', async () => {
    const { laptop, desktop, id } = await withLostBase();
    await compareOnly(laptop);
    await laptop.setBody(id, 'One\ntwo\nthree\n');
    await laptop.setBody(id, 'ONE\ntwo\nthree\n');
    await bringBack(desktop, id);
    await laptop.sync();
    assert.equal(await laptop.body(id), 'ONE\ntwo\nTHREE\n');
    assert.deepEqual(await laptop.openConflicts(), []);
    await assertConverged([laptop, desktop], [id]);
  });

  it('gives conflict records back to a server that lost them', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    const backup = await account.backUp();
    await laptop.setBody(id, 'laptop\n');
    await desktop.setBody(id, 'desktop\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.sync();
    const [open] = await laptop.openConflicts();
    assert.ok(open?.conflict);
    const { conflict } = open;
    await laptop.write(context => resolveConflict(context, conflict, { keep: 'earlier', as: 'keepLocal' }));
    await laptop.sync();
    await desktop.sync();
    await account.restore(backup);
    await laptop.sync();
    await assertConverged([laptop, desktop], [id]);
    for (const device of [laptop, desktop]) {
      const [record, ...others] = await device.conflicts();
      assert.equal(record?.conflict?.state, 'resolved');
      assert.deepEqual(others, []);
    }
  });

  it('makes a conflict record anew whose row a damage took, from what was sent of it', async () => {
    const { laptop, desktop } = await twoDevices();
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.setBody(id, 'laptop\n');
    await desktop.time.advance(100);
    await desktop.setBody(id, 'desktop\n');
    await laptop.sync();
    desktop.http.intercept = (request, send) =>
      request.method === 'POST'
        ? Promise.resolve({ ok: false, error: { type: 'timeout', timeoutMs: 1 } })
        : send();
    await desktop.cycle();
    desktop.http.intercept = undefined;
    assert.equal((await desktop.openConflicts()).length, 1);
    const accountId = accountIdSchema.parse(desktop.session.accountId);
    const account = { id: accountId, login: 'ada', server: 'https://scratch.example' };
    await desktop.write(({ store }) => writeState(store, 'account', account));
    await desktop.write(({ store }) => {
      store.sql.run('DELETE FROM conflicts');
      repairSalvaged(store.sql, { incompleteTables: [], wallMs: 0 });
    });
    await assertConverged([desktop, laptop], [id]);
    for (const device of [laptop, desktop]) {
      const [record, ...others] = await device.openConflicts();
      const { earlier, later } = record?.conflict ?? {};
      assert.deepEqual([earlier?.content.body, later?.content.body], ['laptop\n', 'desktop\n']);
      assert.deepEqual(others, []);
    }
  });

  it('lets an edit meet a version anew that it had met, when a damage took the record and the account', async () => {
    for (const isAccountLost of [false, true]) {
      const { laptop, desktop } = await twoDevices();
      const id = await laptop.add('Shopping', 'one\n');
      await laptop.sync();
      await desktop.sync();
      await laptop.setBody(id, 'of the laptop\n');
      await laptop.sync();
      await desktop.time.advance(1000);
      await desktop.setBody(id, 'of the desktop\n');
      desktop.http.intercept = async (request, send) => (request.method === 'POST' ? unreachable() : send());
      await desktop.cycle();
      desktop.http.intercept = undefined;
      assert.equal((await desktop.openConflicts()).length, 1);
      await desktop.write(({ store, wallMs }) => {
        if (!isAccountLost) {
          const accountId = accountIdSchema.parse(desktop.session.accountId);
          writeState(store, 'account', { id: accountId, login: 'ada', server: 'https://scratch.example' });
        }
        store.sql.run(`DELETE FROM changes WHERE collection = 'conflict'`);
        store.sql.run('DELETE FROM conflicts');
        repairSalvaged(store.sql, { incompleteTables: ['conflicts', 'changes'], wallMs });
      });
      await assertConverged([desktop, laptop], [id]);
      for (const device of [desktop, laptop]) {
        const [record, ...others] = await device.openConflicts();
        assert.deepEqual(others, []);
        assert.equal(record?.conflict?.earlier.content.body, 'of the laptop\n');
        assert.equal(record?.conflict?.later.content.body, 'of the desktop\n');
      }
    }
  });

  it('adds what it overwrote to what the guard has counted in the last day', async () => {
    const { laptop, desktop } = await twoDevices();
    const ids: ItemId[] = [];
    for (let index = 0; index < 30; index++) ids.push(await laptop.add(`Item ${index}`));
    await laptop.sync();
    await desktop.sync();
    const overwrite = async (some: readonly ItemId[]) => {
      for (const id of some) await laptop.setBody(id, 'overwritten\n');
      await laptop.sync();
    };
    await overwrite(ids.slice(0, 6));
    await desktop.write(({ store }) => writeState(store, 'reconcile', 'digestMismatch'));
    const { report } = await desktop.sync();
    assert.deepEqual([report.reconciled, report.pulled], [true, 6]);
    await overwrite(ids.slice(6, 12));
    assert.equal((await desktop.cycle()).error?.type, 'massChange', 'twelve of thirty in one day');
  });

  it('asks before it deletes an unusual share of the items that the server holds no more', async () => {
    const { account, laptop, desktop } = await twoDevices();
    const ids: ItemId[] = [];
    for (let index = 0; index < 12; index++) ids.push(await laptop.add(`Item ${index}`));
    await laptop.sync();
    await desktop.sync();
    void account;
    // The server says that the device was away for too long, and that it holds nothing.
    desktop.http.intercept = async (request, send) => {
      if (request.url.includes('/v1/changes')) {
        return jsonAnswer(410, { type: 'about:blank', title: 'Gone', status: 410, code: 'cursorExpired' });
      }
      if (!request.url.includes('/v1/items')) return send();
      return jsonAnswer(200, {
        items: [],
        hasMore: false,
        cursor: 'c',
        epoch: 'e',
        serverTime: account.serverTime.now(),
      });
    };
    const { error } = await desktop.cycle();
    assert.equal(error?.type, 'massChange');
    for (const id of ids) assert.equal((await desktop.item(id)).deleted, false);
    assert.equal(desktop.snapshots, 1);
    await desktop.cycle({ massChange: 'reject' });
    for (const id of ids) {
      assert.equal((await desktop.item(id)).deleted, false);
      assert.equal((await desktop.read(store => waitingItemChange(store, id)))?.type, 'upsert');
    }
  });

  it('gives a manifest up that moves on without end, before it fills the memory', async () => {
    const { account, laptop } = await twoDevices();
    const id = await laptop.add('Shopping');
    await laptop.sync();
    const { lastModified } = await laptop.item(id);
    let pages = 0;
    laptop.http.intercept = async (request, send) => {
      if (request.url.includes('/v1/changes')) {
        return jsonAnswer(410, { type: 'about:blank', title: 'Gone', status: 410, code: 'cursorExpired' });
      }
      if (!request.url.includes('/v1/items') || request.url.includes('/v1/items/')) return send();
      const page = String(++pages).padStart(12, '0');
      const item = {
        collection: 'item',
        version: 1,
        sequence: 1,
        changeType: 'upsert',
        timestamp: lastModified,
      };
      return jsonAnswer(200, {
        // What is held here already costs no request.
        items: [...new Array(99).fill(id), `ffffffff-0000-0000-0000-${page}`].map(itemId => ({
          ...item,
          itemId,
        })),
        hasMore: true,
        cursor: 'c',
        epoch: 'e',
        serverTime: account.serverTime.now(),
      });
    };
    laptop.atOnce = { ...laptop.atOnce, manifestEntries: 1000 };
    assert.equal((await laptop.cycle()).error?.type, 'malformedAnswer');
    assert.equal(pages, 11);
    assert.equal(await laptop.body(id), '');
  });

  it('gives a manifest up that does not move on', async () => {
    const { account, laptop } = await twoDevices();
    const id = await laptop.add('Shopping');
    await laptop.sync();
    const { lastModified } = await laptop.item(id);
    laptop.http.intercept = async (request, send) => {
      if (request.url.includes('/v1/changes')) {
        return jsonAnswer(410, { type: 'about:blank', title: 'Gone', status: 410, code: 'cursorExpired' });
      }
      if (!request.url.includes('/v1/items')) return send();
      const item = { collection: 'item', itemId: id, version: 1, sequence: 1, changeType: 'upsert' };
      return jsonAnswer(200, {
        items: [{ ...item, timestamp: lastModified }],
        hasMore: true,
        cursor: 'c',
        epoch: 'e',
        serverTime: account.serverTime.now(),
      });
    };
    assert.equal((await laptop.cycle()).error?.type, 'malformedAnswer');
    assert.ok(laptop.http.sent.length < 20, `${laptop.http.sent.length} requests`);
  });
});

describe('pull', () => {
  it('gives a cursor up that does not move on', async () => {
    const { account, laptop } = await twoDevices();
    laptop.http.intercept = async () =>
      jsonAnswer(200, { changes: [], cursor: 'c', hasMore: true, serverTime: account.serverTime.now() });
    assert.equal((await laptop.cycle()).error?.type, 'malformedAnswer');
    assert.ok(laptop.http.sent.length < 5, `${laptop.http.sent.length} requests`);
  });
});
