import assert from 'node:assert/strict';
import { ok, unwrap } from '../../src/base/result';
import { dayMs, minuteMs, secondMs } from '../../src/base/time';
import { Payloads } from '../../src/store/payloads';
import { readState, writeState } from '../../src/store/state';
import { listUnopened } from '../../src/store/synced/unopened';
import { recomputeDigest } from '../../src/sync/reconcile/digest';
import { testCipher } from '../support/storeFixture';
import { Stage } from './stage';

/** Scenes of what goes wrong once in years: each has to heal without a person, and without losing anything. */
export const healingScenes: Readonly<Record<string, () => Promise<void>>> = {
  async 'a digest that differs is healed by comparing everything'() {
    const { stage, ids } = await synced(2, 6);
    const [lost] = ids;
    await forgetRow(stage, 1, lost);
    await stage.sync(1);
    assert.equal((await stage.item(1, lost))?.content.title, 'item 0');
    await stage.settleAndClose();
  },

  async 'a server that was restored from an older backup gets back what it lost'() {
    const { stage, ids } = await synced(3, 4);
    const [first, second, third] = ids;
    await stage.world.server.backUp();
    await stage.retitle(0, first, 'after the backup');
    await stage.remove(1, second);
    const late = await stage.create(2, 'born after the backup');
    await stage.syncAll();
    await stage.retitle(1, third, 'never synced before');
    await stage.world.take({ type: 'restore', atMs: 0, salt: 1 });
    await stage.syncAll(3);
    for (const number of [0, 1, 2]) {
      assert.equal((await stage.item(number, first))?.content.title, 'after the backup');
      assert.equal((await stage.item(number, second))?.deleted, true);
      assert.equal((await stage.item(number, third))?.content.title, 'never synced before');
      assert.equal((await stage.item(number, late))?.content.title, 'born after the backup');
      assert.deepEqual(await stage.records(number), []);
    }
    await stage.settleAndClose();
  },

  async 'what a device could not open yet when the server was restored is pushed again once it opens'() {
    const { stage } = await synced(2, 2);
    await stage.world.server.backUp();
    await stage.world.rotate(0);
    const late = await stage.create(0, 'sealed with the new key');
    await stage.sync(0);
    const syncLocked = async () => {
      await stage.world.take({ type: 'sync', atMs: 0, salt: 1, device: 1, window: 0, accept: true });
      await stage.pass(minuteMs);
    };
    await syncLocked();
    // The device that wrote it is gone for good, and the server is restored before the other one has the key.
    await stage.device(0).damage('all');
    await stage.world.take({ type: 'restore', atMs: 0, salt: 1 });
    await syncLocked();
    assert.equal(await stage.item(1, late), undefined);
    // The restored server does not know the newest tokens: the devices sign in again.
    await stage.world.take({ type: 'unlock', atMs: 0, salt: 1, device: 1 });
    for (const number of [1, 0]) await stage.sync(number);
    await stage.syncAll(3);
    for (const number of [0, 1]) {
      assert.equal((await stage.item(number, late))?.content.title, 'sealed with the new key');
      assert.equal((await stage.item(number, late))?.deleted, false);
    }
    await stage.settleAndClose();
  },

  async 'a server that was wiped is filled again by every device'() {
    const { stage, ids } = await synced(2, 3);
    const [first] = ids;
    await stage.retitle(1, first, 'not synced yet');
    await stage.world.take({ type: 'wipe', atMs: 0, salt: 1 });
    await stage.syncAll();
    for (const number of [0, 1]) {
      assert.equal((await stage.item(number, first))?.content.title, 'not synced yet');
      assert.equal(await liveItems(stage, number), 3);
      assert.deepEqual(await stage.records(number), []);
    }
    await stage.settleAndClose();
  },

  async 'a deletion gives way to who still has the item when a server was wiped, pushed or not'() {
    for (const isPushed of [true, false]) {
      const { stage, ids } = await synced(2, 3);
      const [first] = ids;
      await stage.remove(0, first);
      if (isPushed) await stage.sync(0);
      await stage.world.take({ type: 'wipe', atMs: 0, salt: 1 });
      for (const number of [1, 0, 1, 0]) assert.equal(await stage.sync(number), 'done');
      for (const number of [0, 1]) {
        assert.equal((await stage.item(number, first))?.deleted, false);
        assert.deepEqual(await stage.records(number), []);
      }
      await stage.settleAndClose();
    }
  },

  async 'an account that was deleted and made anew is united from every device'() {
    const { stage, ids } = await synced(2, 3);
    const [first] = ids;
    const mine = await stage.create(1, 'on one device alone');
    await stage.world.makeAccountAnew();
    await stage.retitle(0, first, 'edited since');
    await stage.syncAll();
    for (const number of [0, 1]) {
      assert.equal((await stage.item(number, first))?.content.title, 'edited since');
      assert.equal((await stage.item(number, mine))?.content.title, 'on one device alone');
      assert.equal(await liveItems(stage, number), 4);
    }
    await stage.settleAndClose();
  },

  async 'a cursor from another epoch costs a comparison and nothing else'() {
    const { stage, ids } = await synced(2, 3);
    const [first] = ids;
    await stage.retitle(1, first, 'not synced yet');
    const cursor = Buffer.from(`${'e'.repeat(16)}.2.0.${'f'.repeat(16)}`).toString('base64url');
    await inStore(stage, 1, store => writeState(store, 'cursor', cursor));
    stage.world.ledger.restored();
    await stage.sync(1);
    await stage.sync(0);
    for (const number of [0, 1]) {
      assert.equal((await stage.item(number, first))?.content.title, 'not synced yet');
      assert.equal(await liveItems(stage, number), 3);
      assert.deepEqual(await stage.records(number), []);
    }
    await stage.settleAndClose();
  },

  async 'tombstones that were pruned while a device was away delete there, and an edit made there survives'() {
    const { stage, ids } = await synced(2, 6);
    const [gone, edited] = ids;
    await stage.remove(0, gone);
    await stage.remove(0, edited);
    await stage.retitle(1, edited, 'edited while away');
    await passAndPrune(stage, 0);
    await stage.sync(1);
    assert.equal((await stage.item(1, gone))?.deleted, true);
    assert.equal((await stage.item(1, edited))?.deleted, false);
    const [record, ...others] = await stage.records(1);
    assert.deepEqual([record?.itemId, record?.state, others], [edited, 'open', []]);
    await stage.syncAll();
    assert.equal((await stage.item(0, edited))?.content.title, 'edited while away');
    await stage.settleAndClose();
  },

  async 'a replica that was damaged is rebuilt, in part or from nothing'() {
    for (const share of [0.5, 1]) {
      const { stage, ids } = await synced(2, 8);
      const [first] = ids;
      await stage.retitle(0, first, 'meanwhile');
      await stage.sync(0);
      await stage.world.take({ type: 'damage', device: 1, share, atMs: 0, salt: 1 });
      await stage.syncAll();
      assert.equal((await stage.item(1, first))?.content.title, 'meanwhile');
      assert.equal(await liveItems(stage, 1), 8);
      assert.deepEqual(await stage.records(1), []);
      await stage.settleAndClose();
    }
  },

  async 'what an edit has overlapped is not lost with the only record of it'() {
    for (const write of [1, 2, 3, 4]) {
      for (const tables of [['conflicts'], ['conflicts', 'changes']]) {
        const { stage, ids } = await synced(2, 1);
        const [id] = ids;
        await stage.rewrite(0, id, 'one\nof the first\nthree\n');
        await stage.sync(0);
        await stage.pass(secondMs);
        await stage.rewrite(1, id, 'one\nof the second\nthree\n');
        (await stage.device(1).window(0)).process.dieAtWrite(write, 'after');
        await stage.sync(1);
        await loseRecords(stage, 1, tables);
        await stage.syncAll(3);
        for (const number of [0, 1]) {
          const [record, ...others] = await stage.records(number);
          assert.deepEqual([record?.itemId, record?.state, others], [id, 'open', []]);
          assert.match(record?.earlier.content.body ?? '', /of the first/);
          assert.match(record?.later.content.body ?? '', /of the second/);
        }
        await stage.settleAndClose();
      }
    }
  },

  async 'a comparison that was interrupted goes on as what it has become when the server was restored meanwhile'() {
    const { stage, ids } = await synced(2, 6);
    const [gone] = ids;
    await stage.world.server.backUp();
    const late = await stage.create(0, 'born after the backup');
    await stage.syncAll();
    await stage.remove(0, gone);
    await passAndPrune(stage, 0);
    const { network } = stage.device(1);
    network.tamper((request, answer) =>
      request.url.includes('/v1/items') ? { ...answer, status: 503, body: new Uint8Array() } : answer,
    );
    await stage.sync(1);
    assert.equal(await stage.read(1, store => readState(store, 'reconcile')), 'cursorExpired');
    network.tamper(undefined);
    await stage.world.take({ type: 'restore', atMs: 0, salt: 1 });
    await stage.sync(1);
    await stage.sync(1);
    assert.equal((await stage.item(1, late))?.deleted, false, 'the server lost it; nobody deleted it');
    await stage.settleAndClose();
  },

  async 'a payload that was damaged on the way is asked for again'() {
    const { stage, ids } = await synced(2, 3);
    const [first] = ids;
    await stage.retitle(0, first, 'sent whole');
    await stage.sync(0);
    const { network } = stage.device(1);
    network.tamper((_, answer) => {
      const text = Buffer.from(answer.body)
        .toString('utf8')
        .replace(/("payload":"[^"]{60})..../g, '$1AAAA');
      return { ...answer, body: new TextEncoder().encode(text) };
    });
    await stage.sync(1);
    assert.equal((await stage.read(1, store => listUnopened(store, '', 10))).length, 1);
    network.tamper(undefined);
    await stage.sync(1);
    assert.equal((await stage.item(1, first))?.content.title, 'sent whole');
    await stage.settleAndClose();
  },
};

/** Devices that all hold `count` items. */
async function synced(devices: number, count: number) {
  const stage = await Stage.open(devices);
  const first = await stage.create(0, 'item 0');
  const ids = [first, first, first] satisfies [unknown, unknown, unknown];
  for (let number = 1; number < count; number++) {
    const id = await stage.create(0, `item ${number}`);
    if (number < ids.length) ids[number] = id;
  }
  await stage.syncAll();
  return { stage, ids };
}

/** The other devices go on for so long that the server prunes what they all have seen. */
async function passAndPrune(stage: Stage, number: number): Promise<void> {
  for (let month = 0; month < 5; month++) {
    await stage.pass(30 * dayMs);
    await stage.create(number, `month ${month}`);
    for (let cycle = 0; cycle < 2; cycle++) {
      await stage.sync(number);
      await stage.pass(minuteMs);
    }
  }
  await stage.world.take({ type: 'prune', atMs: 0, salt: 1 });
}

async function inStore(
  stage: Stage,
  number: number,
  work: (store: Parameters<typeof recomputeDigest>[0]) => void,
): Promise<void> {
  const payloads = new Payloads(testCipher(), 'sensitive');
  unwrap(
    await stage.device(number).database.write(sql => {
      work({ sql, payloads });
      return ok();
    }),
  );
}

/** The row is gone, and the device does not know that it ever was. */
async function forgetRow(stage: Stage, number: number, id: string): Promise<void> {
  await inStore(stage, number, store => {
    store.sql.run('DELETE FROM items WHERE id = ?', [id]);
    recomputeDigest(store);
  });
  const device = stage.device(number);
  await device.database.read(sql => stage.world.ledger.replaced(device.name, sql));
}

/** A damage takes the conflict records, and what is to be sent of them. */
async function loseRecords(stage: Stage, number: number, tables: readonly string[]): Promise<void> {
  const { database } = stage.device(number);
  const rows = await database.read(tx => [
    ...tx.all('SELECT id FROM conflicts').map(row => ({ table: 'conflicts', id: row['id'] })),
    ...tx
      .all(`SELECT id FROM changes WHERE collection = 'conflict'`)
      .map(row => ({ table: 'changes', id: row['id'] })),
  ]);
  const lost = new Set(unwrap(rows).flatMap(({ table, id }) => (tables.includes(table) ? [String(id)] : [])));
  await stage.device(number).damage(id => lost.has(id));
}

async function liveItems(stage: Stage, number: number): Promise<number> {
  return stage.read(number, store =>
    Number(store.sql.get('SELECT count(*) AS count FROM items WHERE deleted = 0')?.['count']),
  );
}
