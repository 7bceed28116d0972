import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { addKey, createKeyRing } from '../../../../src/crypto/keyRing';
import type { ItemId } from '../../../../src/model/ids/ids';
import { emptyDigest, toggleInDigest } from '../../../../src/protocol/digest';
import { keyIdSchema } from '../../../../src/protocol/scalars';
import { countLost } from '../../../../src/store/synced/lostVersions';
import { keepUnopened, listUnopened } from '../../../../src/store/synced/unopened';
import { damagedPayloads } from '../../../support/inProcessHttp';
import { itemId, stampAt } from '../../../support/storeFixture';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';
import { testEpochMs } from '../../../support/testServer';

/** More than any device opens, compares or reads at once. */
const manyVersions = 10_050;
const otherKeyId = keyIdSchema.parse('00000000000000cc');

describe('the versions that wait to be opened', () => {
  it('are no difference to the server, however many they are, and name the key that they wait for', async () => {
    const device = await (await createAccount()).device('laptop');
    await device.sync();
    let digest = emptyDigest;
    for (let number = 1; number <= manyVersions; number++) {
      digest = toggleInDigest(digest, itemId(number), 1, stampAt(number));
    }
    await keepMany(device, 'keyMissing', otherKeyId);
    tellDigest(device, digest);
    const { report, error } = await device.cycle();
    assert.deepEqual([report.reconciled, report.requests], [false, 1]);
    assert.deepEqual(error, { type: 'keyMissing', keyId: otherKeyId });
  });

  it('name the key that is missing behind many that none is missing for', async () => {
    const device = await (await createAccount()).device('laptop');
    await device.sync();
    await keepMany(device, 'keyMissing', device.ring.current);
    await device.write(({ store }) =>
      keepUnopened(store, sealed(manyVersions + 1, otherKeyId), 'keyMissing'),
    );
    tellDigest(device, undefined);
    assert.deepEqual((await device.cycle()).error, { type: 'keyMissing', keyId: otherKeyId });
  });

  it('are opened when their key comes, behind any number of others', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'milk\n');
    await laptop.sync();
    desktop.ring = createKeyRing(systemRandom, testEpochMs);
    assert.equal((await desktop.cycle()).error?.type, 'keyMissing');
    await keepMany(desktop, 'keyMissing', otherKeyId);
    desktop.ring = account.ring;
    tellDigest(desktop, undefined);
    await desktop.cycle();
    assert.equal(await desktop.body(id), 'milk\n');
  });

  it('are asked for again when their key shows that they were damaged on the way', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'milk\n');
    for (const device of [laptop, desktop]) await device.sync();
    laptop.ring = unwrap(addKey(laptop.ring, systemRandom, testEpochMs));
    await laptop.setBody(id, 'milk\neggs\n');
    await laptop.sync();
    desktop.http.intercept = damagedPayloads;
    assert.equal((await desktop.cycle()).error?.type, 'keyMissing');
    desktop.http.intercept = undefined;
    desktop.ring = laptop.ring;
    await desktop.sync();
    assert.equal(await desktop.body(id), 'milk\neggs\n');
  });

  it('are guarded against as ever when they open after the server has lost them', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const ids: ItemId[] = [];
    for (let number = 0; number < 4; number++) ids.push(await laptop.add(`Item ${number}`));
    for (const device of [laptop, desktop]) await device.sync();
    const backup = await account.backUp();
    for (const id of ids) await laptop.remove(id);
    await laptop.sync();
    desktop.ring = createKeyRing(systemRandom, testEpochMs);
    assert.equal((await desktop.cycle()).error?.type, 'keyMissing');
    await account.restore(backup);
    await desktop.cycle();
    desktop.ring = account.ring;
    assert.equal((await desktop.cycle()).error?.type, 'massChange');
    const live = async () => {
      const items = await Promise.all(ids.map(id => desktop.item(id)));
      return items.filter(({ deleted }) => !deleted).length;
    };
    assert.equal(await live(), 3);
    await desktop.sync({ massChange: 'accept' });
    assert.equal(await live(), 0);
  });

  it('are no ground for what a restored server has lost, whatever comes after them', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'milk\n');
    for (const device of [laptop, desktop]) await device.sync();
    const backup = await account.backUp();
    await desktop.setBody(id, 'milk\neggs\n');
    await desktop.sync();
    await account.restore(backup);
    await laptop.setBody(id, 'milk\nbread\n');
    await laptop.sync();
    desktop.ring = createKeyRing(systemRandom, testEpochMs);
    assert.equal((await desktop.cycle()).error?.type, 'keyMissing');
    await laptop.setBody(id, 'milk\nbread\nwine\n');
    await laptop.sync();
    desktop.ring = account.ring;
    for (const device of [desktop, laptop, desktop]) await device.sync();
    const conflicts = await desktop.conflicts();
    assert.equal(conflicts.length, 1);
    assert.equal(await laptop.body(id), await desktop.body(id));
    assert.ok(JSON.stringify(conflicts).includes('eggs'), 'what the server lost is in the record');
  });

  it('are marked as lost, every one, when a new epoch has none of them', async () => {
    const account = await createAccount();
    const device = await account.device('laptop');
    const backup = await account.backUp();
    await device.sync();
    await device.add('Shopping', 'milk\n');
    await device.sync();
    await keepMany(device, 'keyMissing', otherKeyId);
    await account.restore(backup);
    await device.cycle();
    assert.deepEqual(await device.read(store => [listUnopened(store, '', 1).length, countLost(store)]), [
      0,
      manyVersions,
    ]);
  });
});

const sealed = (number: number, keyId: string) => ({
  collection: 'item' as const,
  itemId: itemId(number),
  version: 1,
  sequence: number,
  changeType: 'upsert' as const,
  timestamp: stampAt(number),
  originDeviceId: stampAt(number).slice(-16),
  keyId,
  payload: 'c2VhbGVk',
});

async function keepMany(device: SyncDevice, reason: 'keyMissing', keyId: string): Promise<void> {
  await device.write(({ store }) => {
    for (let number = 1; number <= manyVersions; number++) keepUnopened(store, sealed(number, keyId), reason);
  });
}

/** The server's pages tell of this digest, or of none. */
function tellDigest(device: SyncDevice, digest: string | undefined): void {
  device.http.intercept = async ({ method, url }, send) => {
    const answer = await send();
    if (!answer.ok || method !== 'GET' || !url.includes('/changes?')) return answer;
    const page = JSON.parse(new TextDecoder().decode(answer.value.body));
    const body = new TextEncoder().encode(JSON.stringify({ ...page, digest }));
    return { ok: true, value: { ...answer.value, body } };
  };
}
