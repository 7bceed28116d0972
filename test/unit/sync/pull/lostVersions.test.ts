import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { hourMs } from '../../../../src/base/time';
import { addKey } from '../../../../src/crypto/keyRing';
import { countLost } from '../../../../src/store/synced/lostVersions';
import { listUnopened } from '../../../../src/store/synced/unopened';
import { damagedPayloads, type Interceptor } from '../../../support/inProcessHttp';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';
import { testEpochMs } from '../../../support/testServer';

/** Three devices with one item. The laptop rotates the key, and is gone for good after what it writes then. */
async function threeDevices() {
  const account = await createAccount();
  const [laptop, desktop, phone] = [
    await account.device('laptop'),
    await account.device('desktop'),
    await account.device('phone'),
  ];
  const id = await laptop.add('Shopping', 'milk\n');
  for (const device of [laptop, desktop, phone]) await device.sync();
  const newRing = unwrap(addKey(laptop.ring, systemRandom, testEpochMs));
  return { account, laptop, desktop, phone, id, newRing };
}

/** The device pulls what it has no key for. */
async function pullLocked(device: SyncDevice): Promise<void> {
  assert.equal((await device.cycle()).error?.type, 'keyMissing');
}

/** What the laptop writes with the new key is pulled by the desktop, which has no key for it, and lost by the server. */
async function loseBread(
  { account, laptop, desktop, id, newRing }: Awaited<ReturnType<typeof threeDevices>>,
  onTheWay?: Interceptor,
): Promise<void> {
  const backup = await account.backUp();
  laptop.ring = newRing;
  await laptop.setBody(id, 'milk\nbread\n');
  await laptop.sync();
  desktop.http.intercept = onTheWay;
  await pullLocked(desktop);
  desktop.http.intercept = undefined;
  await account.restore(backup);
  await desktop.cycle();
}

/** The texts that the item and its conflict records hold. */
async function textsOf(device: SyncDevice): Promise<string> {
  const items = await device.read(store => store.sql.all('SELECT payload FROM items'));
  return JSON.stringify([items, await device.conflicts()]);
}

const lostBy = (device: SyncDevice) => device.read(countLost);

describe('what a restored server has lost before it could be opened', () => {
  it('is kept beside the older version that the server has then, and pushed again', async () => {
    const { account, laptop, desktop, phone, id, newRing } = await threeDevices();
    const backup = await account.backUp();
    await desktop.setBody(id, 'milk\neggs\n');
    for (const device of [desktop, laptop]) await device.sync();
    laptop.ring = newRing;
    await laptop.setBody(id, 'milk\neggs\nbread\n');
    await laptop.sync();
    await pullLocked(desktop);
    await account.restore(backup);
    await desktop.cycle();
    desktop.ring = phone.ring = newRing;
    for (const device of [desktop, phone, desktop]) await device.sync();
    for (const device of [desktop, phone]) {
      assert.equal(await device.body(id), 'milk\neggs\nbread\n');
      assert.deepEqual(await device.conflicts(), []);
    }
    assert.equal(await lostBy(desktop), 0);
  });

  it('meets what comes after, whether that opens at once or not', async () => {
    for (const opens of [true, false]) {
      const stage = await threeDevices();
      const { desktop, phone, id, newRing } = stage;
      await loseBread(stage);
      if (!opens) phone.ring = newRing;
      await phone.setBody(id, 'milk\nwine\n');
      await phone.sync();
      await desktop.cycle();
      assert.equal(await lostBy(desktop), 1);
      desktop.ring = phone.ring = newRing;
      for (const device of [desktop, phone, desktop]) await device.sync();
      for (const device of [desktop, phone]) {
        assert.match(await textsOf(device), /bread/);
        assert.match(await textsOf(device), /wine/);
        assert.equal((await device.conflicts()).length, 1);
      }
      assert.equal(await lostBy(desktop), 0);
    }
  });

  it('changes nothing when its author has given it back meanwhile', async () => {
    const stage = await threeDevices();
    const { laptop, desktop, phone, id, newRing } = stage;
    await loseBread(stage);
    await laptop.sync();
    await laptop.setBody(id, 'milk\nbread\nwine\n');
    await laptop.sync();
    desktop.ring = phone.ring = newRing;
    for (const device of [desktop, phone, laptop, desktop]) await device.sync();
    for (const device of [desktop, phone, laptop]) {
      assert.equal(await device.body(id), 'milk\nbread\nwine\n');
      assert.deepEqual(await device.conflicts(), []);
      assert.ok(await device.isOutboxEmpty());
    }
    assert.equal(await lostBy(desktop), 0);
  });

  it('holds no edit up', async () => {
    const stage = await threeDevices();
    const { desktop, id } = stage;
    await loseBread(stage);
    await desktop.setBody(id, 'milk\nwine\n');
    await desktop.cycle();
    assert.ok(await desktop.isOutboxEmpty());
    assert.equal(await lostBy(desktop), 1);
  });

  it('is forgotten when its key shows that it was damaged on the way', async () => {
    const stage = await threeDevices();
    const { desktop, id, newRing } = stage;
    await loseBread(stage, damagedPayloads);
    assert.equal(await lostBy(desktop), 1);
    desktop.ring = newRing;
    await desktop.sync();
    assert.equal(await lostBy(desktop), 0);
    assert.equal(await desktop.body(id), 'milk\n');
  });

  it('is forgotten when it was damaged on the way, and holds no edit up', async () => {
    const { account, laptop, desktop, id } = await threeDevices();
    const backup = await account.backUp();
    await laptop.setBody(id, 'milk\nbread\n');
    await laptop.sync();
    desktop.http.intercept = damagedPayloads;
    await desktop.cycle();
    desktop.http.intercept = undefined;
    const kept = await desktop.read(store => listUnopened(store, '', 10));
    assert.deepEqual(
      kept.map(({ reason }) => reason),
      ['unsound'],
    );
    await account.restore(backup);
    await desktop.sync();
    await desktop.setBody(id, 'milk\nwine\n');
    await desktop.time.advance(hourMs);
    await desktop.sync();
    assert.ok(await desktop.isOutboxEmpty());
    assert.equal(await lostBy(desktop), 0);
  });
});
