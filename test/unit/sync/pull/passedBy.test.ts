import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ItemId } from '../../../../src/model/ids/ids';
import { readState, writeState } from '../../../../src/store/state';
import { unreachable } from '../../../support/inProcessHttp';
import { note } from '../../../support/storeFixture';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';

const backedUp = 'milk\n\neggs\n';

/** Two devices hold an item, of which the server has a backup; the laptop writes something else in between. */
async function withBackup() {
  const account = await createAccount();
  const [laptop, desktop, phone] = [
    await account.device('laptop'),
    await account.device('desktop'),
    await account.device('phone'),
  ];
  const id = await laptop.add('Shopping', backedUp);
  for (const device of [laptop, desktop, phone]) await device.sync();
  return { account, laptop, desktop, phone, id, backup: await account.backUp() };
}

/** The device's edit is accepted, and the device hears of nothing that comes after that. */
async function pushAhead(device: SyncDevice, other: SyncDevice): Promise<void> {
  await other.add('Pushed in between');
  device.http.intercept = async (request, send) => {
    if (request.method === 'POST') await other.sync();
    const isAhead = await device.read(store => readState(store, 'pushedAhead'));
    return isAhead ? unreachable() : send();
  };
  await device.cycle();
  device.http.intercept = undefined;
  assert.equal(await device.read(store => readState(store, 'pushedAhead')), true);
}

/** The server is restored, and has more versions of the item then than what it has lost. */
async function goAnotherWay(
  { account, phone, id, backup }: Awaited<ReturnType<typeof withBackup>>,
  titles: readonly string[],
): Promise<void> {
  await account.restore(backup);
  for (const title of titles) {
    await phone.edit(id, note(title, backedUp));
    await phone.sync();
  }
}

async function assertUnited(devices: readonly SyncDevice[], id: ItemId, body: string) {
  for (let round = 0; round < 2; round++) for (const device of devices) await device.sync();
  for (const device of devices) {
    assert.equal(await device.body(id), body);
    assert.equal((await device.item(id)).content?.title, 'Third title');
    assert.equal((await device.conflicts()).length, 1);
  }
}

describe('a version of a server that was restored and has gone on, which a device does not know yet', () => {
  it('meets what the device had pushed ahead of its cursor', async () => {
    const stage = await withBackup();
    const { laptop, desktop, phone, id } = stage;
    await desktop.setBody(id, 'milk\nbread\n\neggs\n');
    await pushAhead(desktop, laptop);
    await goAnotherWay(stage, ['Second title', 'Third title']);
    await assertUnited([desktop, phone], id, 'milk\nbread\n\neggs\n');
  });

  it('meets what was written on what the device had pushed ahead, on what they have in common', async () => {
    const stage = await withBackup();
    const { laptop, desktop, phone, id } = stage;
    await desktop.setBody(id, 'milk\nbread\n\neggs\n');
    await pushAhead(desktop, laptop);
    await desktop.setBody(id, 'milk\nbread\n\neggs\nwine\n');
    await goAnotherWay(stage, ['Second title', 'Third title']);
    await assertUnited([desktop, phone], id, 'milk\nbread\n\neggs\nwine\n');
  });

  it('meets what the device holds when all is compared as in the same epoch', async () => {
    const stage = await withBackup();
    const { desktop, phone, id } = stage;
    await desktop.setBody(id, 'milk\nbread\n\neggs\n');
    await desktop.sync();
    await desktop.write(({ store }) => writeState(store, 'reconcile', 'digestMismatch'));
    let isRestored = false;
    desktop.http.intercept = async (request, send) => {
      if (new URL(request.url).pathname === '/v1/items' && !isRestored) {
        isRestored = true;
        await goAnotherWay(stage, ['Second title', 'Third title']);
      }
      return send();
    };
    await desktop.sync();
    await assertUnited([desktop, phone], id, 'milk\nbread\n\neggs\n');
  });

  it('is taken as it is when it was made on what is held, however many versions lie between', async () => {
    const { laptop, desktop, id } = await withBackup();
    for (let count = 0; count < 40; count++) {
      await laptop.setBody(id, `version ${count}\n`);
      await laptop.sync();
      if (count % 18 === 0) await desktop.sync();
    }
    await desktop.sync();
    assert.equal(await desktop.body(id), 'version 39\n');
    assert.deepEqual(await desktop.conflicts(), []);
  });
});
