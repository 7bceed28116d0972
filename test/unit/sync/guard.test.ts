import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ItemId } from '../../../src/model/ids/ids';
import { readState } from '../../../src/store/state';
import { createAccount, type SyncDevice } from '../../support/syncDevice';

async function withItems(count: number) {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  const ids: ItemId[] = [];
  for (let index = 0; index < count; index++) ids.push(await laptop.add(`Item ${index}`));
  await laptop.sync();
  await desktop.sync();
  return { account, laptop, desktop, ids };
}

async function removeAll(device: SyncDevice, ids: readonly ItemId[]): Promise<void> {
  for (const id of ids) await device.remove(id);
  await device.sync();
}

const liveOf = async (device: SyncDevice, ids: readonly ItemId[]) =>
  (await Promise.all(ids.map(id => device.item(id)))).filter(({ deleted }) => !deleted).length;

describe('the guard against mass changes', () => {
  it('holds the whole cycle, pushes included, until a person has answered', async () => {
    const { laptop, desktop, ids } = await withItems(20);
    await removeAll(laptop, ids);
    const mine = await desktop.add('Mine');
    const { error } = await desktop.cycle();
    assert.equal(error?.type, 'massChange');
    assert.ok(error?.type === 'massChange' && error.changed === 20 && error.total === 21);
    assert.equal(await liveOf(desktop, ids), 20);
    assert.equal((await desktop.item(mine)).version, 0);
    desktop.http.sent.length = 0;
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
    assert.deepEqual(desktop.http.sent, [], 'nothing is asked meanwhile');
    assert.equal(desktop.snapshots, 1);
    await desktop.sync({ massChange: 'accept' });
    assert.equal(await liveOf(desktop, ids), 0);
    assert.equal((await desktop.item(mine)).version, 1);
    assert.equal(await desktop.read(store => readState(store, 'guard')), undefined);
  });

  it('counts over a day, however the changes come', async () => {
    const { laptop, desktop, ids } = await withItems(30);
    await removeAll(laptop, ids.slice(0, 6));
    await desktop.sync();
    await removeAll(laptop, ids.slice(6, 12));
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
    assert.equal(await liveOf(desktop, ids), 24);
  });

  it('is rejected whole, with the pages that were not read yet', async () => {
    const { laptop, desktop, ids } = await withItems(450);
    await removeAll(laptop, ids);
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
    await desktop.sync({ massChange: 'reject' });
    assert.equal(await liveOf(desktop, ids), 450);
    await laptop.sync();
    assert.equal(await liveOf(laptop, ids), 450);
  });

  it('forgets after a day, also when the wall clock was years ahead for a while', async () => {
    const { account, laptop, desktop, ids } = await withItems(30);
    const year = 365 * 24 * 3_600_000;
    await removeAll(laptop, ids.slice(0, 6));
    desktop.time.jump(year);
    await desktop.sync();
    desktop.time.jump(-year);
    for (const { time } of [laptop, desktop]) await time.advance(25 * 3_600_000);
    await account.serverTime.advance(25 * 3_600_000);
    await removeAll(laptop, ids.slice(6, 12));
    await desktop.sync();
    assert.equal(await liveOf(desktop, ids), 18);
  });

  it('begins to count anew after a person has accepted', async () => {
    const { laptop, desktop, ids } = await withItems(30);
    await removeAll(laptop, ids.slice(0, 12));
    await desktop.sync({ massChange: 'accept' });
    await removeAll(laptop, ids.slice(12, 13));
    await desktop.sync();
    assert.equal(await liveOf(desktop, ids), 17);
  });

  it('lets few changes pass, and half of a small store not', async () => {
    const { laptop, desktop, ids } = await withItems(4);
    await removeAll(laptop, ids.slice(0, 1));
    await desktop.sync();
    await removeAll(laptop, ids.slice(1, 3));
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
  });

  it('asks before every item of a small store is overwritten at once, and lets edits one by one pass', async () => {
    const { laptop, desktop, ids } = await withItems(9);
    for (const id of ids) {
      await laptop.setBody(id, 'edited\n');
      await laptop.sync();
      await desktop.sync();
    }
    for (const id of ids) await laptop.setBody(id, 'overwritten\n');
    await laptop.sync();
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
  });

  it('does not count what this device did itself, what is equal, and what is new', async () => {
    const { laptop, desktop, ids } = await withItems(12);
    await removeAll(laptop, ids);
    await laptop.sync();
    const added: ItemId[] = [];
    for (let index = 0; index < 12; index++) added.push(await laptop.add(`New ${index}`));
    await laptop.sync();
    assert.equal((await desktop.cycle({ guardMaxChangedPercent: 100 })).error?.type, 'massChange');
    await desktop.sync({ massChange: 'accept' });
    assert.equal(await liveOf(desktop, added), 12);
  });
});
