import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { defined } from '../../../src/base/assert';
import { dayMs } from '../../../src/base/time';
import { readConflict } from '../../../src/store/conflicts';
import { writeState } from '../../../src/store/state';
import { keepClosedConflictDays, pruneLogs } from '../../../src/store/upkeep/hygiene';
import { reopenConflict } from '../../../src/sync/edits/resolveConflict';
import { createAccount, type SyncDevice } from '../../support/syncDevice';
import { readManifest } from '../../support/testDevice';

/** Two devices with one record of an automatic merge, closed for so many days. */
async function withClosedRecord(days: number) {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  const id = await laptop.add('Shopping', 'one\n\ntwo\n\nthree\n');
  for (const device of [laptop, desktop]) await device.sync();
  await laptop.setBody(id, 'ONE\n\ntwo\n\nthree\n');
  await desktop.setBody(id, 'one\n\ntwo\n\nTHREE\n');
  for (const device of [laptop, desktop, laptop]) await device.sync();
  const [record] = await laptop.conflicts();
  assert.equal(record?.conflict?.state, 'auto');
  for (const { time } of [laptop, desktop]) await time.advance(days * dayMs);
  await account.serverTime.advance(days * dayMs);
  for (const device of [laptop, desktop]) await device.sync();
  return { account, laptop, desktop, recordId: record.id, conflict: record.conflict };
}

const tidy = (device: SyncDevice) =>
  device.write(({ store }) => {
    writeState(store, 'device', { id: device.id, name: device.name });
    pruneLogs(store, device.time.now());
  });

/** How often the record was deleted on the server, and whether it is live there. */
async function onServer(device: SyncDevice, recordId: string) {
  const { items } = await readManifest(device.session);
  const { changeType, version } = defined(
    items.find(({ itemId }) => itemId === recordId),
    'nothing is pruned yet',
  );
  return { changeType, version };
}

describe('a conflict record that was closed long ago', () => {
  it('goes on the server too, once, and then on every device', async () => {
    const { account, laptop, desktop, recordId } = await withClosedRecord(keepClosedConflictDays + 1);
    for (const device of [laptop, desktop]) await tidy(device);
    for (const device of [laptop, desktop, laptop]) await device.sync();
    const { version } = await onServer(laptop, recordId);
    for (const device of [laptop, desktop]) {
      await tidy(device);
      const { report } = await device.sync();
      assert.equal(report.diverged, false);
      assert.equal(report.reconciled, false);
      assert.ok(await device.isOutboxEmpty());
      assert.equal(await device.read(store => readConflict(store, recordId)?.deleted), true);
    }
    assert.deepEqual(await onServer(laptop, recordId), { changeType: 'delete', version });
    const phone = await account.device('phone');
    await phone.sync();
    assert.deepEqual(await phone.conflicts(), []);
  });

  it('stays for its time', async () => {
    const { laptop, recordId } = await withClosedRecord(keepClosedConflictDays - 1);
    await tidy(laptop);
    await laptop.sync();
    assert.equal((await onServer(laptop, recordId)).changeType, 'upsert');
    assert.equal((await laptop.conflicts()).length, 1);
  });

  it('stays when it was opened again, whichever comes first', async () => {
    for (const reopensFirst of [true, false]) {
      const { laptop, desktop, conflict } = await withClosedRecord(keepClosedConflictDays + 1);
      await tidy(laptop);
      await desktop.write(context => reopenConflict(context, conflict, conflict.earlier));
      const order = reopensFirst ? [desktop, laptop] : [laptop, desktop];
      for (const device of [...order, ...order]) await device.sync();
      for (const device of [laptop, desktop]) {
        assert.equal((await device.openConflicts()).length, 1);
        await tidy(device);
        assert.equal((await device.sync()).report.diverged, false);
        assert.ok(await device.isOutboxEmpty());
      }
    }
  });

  it('stays when it was opened again, and the server is restored to its deletion', async () => {
    const { account, laptop, desktop, recordId, conflict } = await withClosedRecord(
      keepClosedConflictDays + 1,
    );
    await tidy(laptop);
    await laptop.sync();
    const backup = await account.backUp();
    await desktop.write(context => reopenConflict(context, conflict, conflict.earlier));
    for (const device of [desktop, laptop]) await device.sync();
    await account.restore(backup);
    for (const device of [desktop, laptop, desktop]) await device.sync();
    for (const device of [desktop, laptop]) {
      assert.deepEqual(
        (await device.openConflicts()).map(({ id }) => id),
        [recordId],
      );
      assert.ok(await device.isOutboxEmpty());
    }
    assert.equal((await onServer(laptop, recordId)).changeType, 'upsert');
  });

  it('stays when it was opened again here while its deletion was in flight', async () => {
    const { laptop, desktop, conflict } = await withClosedRecord(keepClosedConflictDays + 1);
    await tidy(laptop);
    laptop.http.intercept = async (request, send) => {
      if (request.method === 'POST') {
        laptop.http.intercept = undefined;
        await laptop.write(context => reopenConflict(context, conflict, conflict.earlier));
      }
      return send();
    };
    for (const device of [laptop, desktop, laptop]) await device.sync();
    for (const device of [laptop, desktop]) {
      assert.equal((await device.openConflicts()).length, 1);
      assert.equal((await device.sync()).report.diverged, false);
    }
  });
});
