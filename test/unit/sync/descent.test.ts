import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { resolveConflict } from '../../../src/sync/edits/resolveConflict';
import { answerLost } from '../../support/inProcessHttp';
import { createAccount, type SyncDevice } from '../../support/syncDevice';

/** Two devices with an open conflict of one item that both know. */
async function withOpenConflict() {
  const account = await createAccount();
  const laptop = await account.device('laptop');
  const desktop = await account.device('desktop');
  const id = await laptop.add('Shopping', 'one\n');
  await laptop.sync();
  await desktop.sync();
  await laptop.setBody(id, 'laptop\n');
  await desktop.time.advance(100);
  await desktop.setBody(id, 'desktop\n');
  await laptop.sync();
  await desktop.sync();
  await laptop.sync();
  return { account, laptop, desktop, id };
}

async function resolve(device: SyncDevice, keep: 'earlier' | 'later'): Promise<void> {
  const [open] = await device.openConflicts();
  const conflict = open?.conflict;
  assert.ok(conflict);
  await device.write(context => resolveConflict(context, conflict, { keep, as: 'keepLocal' }));
  await device.time.advance(1);
}

describe('versions that descend from each other', () => {
  it('are no conflict, also when the server has forgotten that it accepted one', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await laptop.setBody(id, 'two\n');
    laptop.http.intercept = (request, send) =>
      request.method === 'POST' ? answerLost(request, send) : send();
    await laptop.cycle();
    laptop.http.intercept = undefined;
    await laptop.setBody(id, 'three\n');
    await laptop.signInAgain(request => account.server.app.fetch(request));
    await laptop.sync();
    assert.equal(await laptop.body(id), 'three\n');
    assert.equal((await laptop.item(id)).version, 3);
    assert.deepEqual(await laptop.conflicts(), []);
  });
});

describe('a version that was made on a change whose answer was lost', () => {
  it('is taken as it is', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await laptop.setBody(id, 'two\n');
    laptop.http.intercept = (request, send) =>
      request.method === 'POST' ? answerLost(request, send) : send();
    await laptop.cycle();
    laptop.http.intercept = undefined;
    await desktop.sync();
    await desktop.setBody(id, 'three\n');
    await desktop.sync();
    await laptop.signInAgain(request => account.server.app.fetch(request));
    await laptop.sync();
    assert.equal(await laptop.body(id), 'three\n');
    assert.deepEqual(await laptop.conflicts(), []);
  });
});

describe('two resolutions of one record', () => {
  it('the later one wins in the item and in the record, and no new record arises', async () => {
    const { laptop, desktop, id } = await withOpenConflict();
    await resolve(laptop, 'later');
    await desktop.time.advance(1000);
    await resolve(desktop, 'earlier');
    await laptop.sync();
    await desktop.sync();
    await laptop.sync();
    for (const device of [laptop, desktop]) {
      assert.equal(await device.body(id), 'laptop\n');
      const [record, ...others] = await device.conflicts();
      assert.equal(record?.conflict?.state, 'resolved');
      assert.equal(record.stamp, (await device.item(id)).lastModified);
      assert.deepEqual(others, []);
    }
  });

  it('do not take away what was written after one of them', async () => {
    const { laptop, desktop, id } = await withOpenConflict();
    await resolve(desktop, 'earlier');
    await desktop.setBody(id, 'laptop\nand a thought\n');
    await laptop.time.advance(2000);
    await resolve(laptop, 'later');
    await laptop.sync();
    await desktop.sync();
    await laptop.sync();
    assert.equal(await laptop.body(id), await desktop.body(id));
    const kept = [
      await desktop.body(id),
      ...(await desktop.conflicts()).flatMap(({ conflict }) => [
        conflict?.earlier.content.body,
        conflict?.later.content.body,
      ]),
    ];
    assert.ok(
      kept.some(body => body?.includes('and a thought')),
      'the thought is current, or in a record',
    );
  });

  it('merge when the later one was made on an older text, which it must not bring back', async () => {
    const { laptop, desktop, id } = await withOpenConflict();
    await laptop.setBody(id, 'desktop\nand a thought\n');
    await laptop.sync();
    await resolve(laptop, 'later');
    await desktop.time.advance(2000);
    await resolve(desktop, 'later');
    await laptop.sync();
    await desktop.sync();
    await laptop.sync();
    for (const device of [laptop, desktop]) {
      assert.equal(await device.body(id), 'desktop\nand a thought\n');
      assert.deepEqual(await device.openConflicts(), []);
    }
  });

  it('of two conflicts of one item travel together', async () => {
    const { laptop, desktop, id } = await withOpenConflict();
    await laptop.setBody(id, 'laptop again\n');
    await desktop.setBody(id, 'desktop again\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.sync();
    assert.equal((await laptop.openConflicts()).length, 2);
    await resolve(laptop, 'later');
    await resolve(laptop, 'later');
    await laptop.sync();
    const groups = new Set(
      laptop
        .pushes()
        .at(-1)
        ?.changes.map(change => change['group']),
    );
    assert.equal(laptop.pushes().at(-1)?.changes.length, 3);
    assert.equal(groups.size, 1);
    await desktop.sync();
    assert.deepEqual(await desktop.openConflicts(), []);
  });
});
