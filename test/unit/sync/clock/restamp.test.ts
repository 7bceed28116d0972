import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseStamp, stampAfter } from '../../../../src/model/ids/stamp';
import { maxStampAheadMs } from '../../../../src/protocol/limits';
import { readItem } from '../../../../src/store/items';
import { putWaitingItemChange, waitingItemChange } from '../../../../src/store/outbox';
import { writeState } from '../../../../src/store/state';
import { issueStamp } from '../../../../src/sync/clock/clock';
import { restampNeverSent } from '../../../../src/sync/clock/restamp';
import { resolveConflict } from '../../../../src/sync/edits/resolveConflict';
import { createAccount } from '../../../support/syncDevice';
import { testEpochMs } from '../../../support/testServer';

const minute = 60_000;
const tenYears = 10 * 365 * 24 * 60 * minute;

describe('a wrong clock', () => {
  for (const { name, aheadMs } of [
    { name: 'ten years ahead', aheadMs: tenYears },
    { name: 'at 1970', aheadMs: -testEpochMs },
    { name: 'an hour behind', aheadMs: -60 * minute },
  ]) {
    it(`${name} neither wins nor loses by it`, async () => {
      const account = await createAccount();
      const laptop = await account.device('laptop', { aheadMs });
      const desktop = await account.device('desktop');
      const first = await laptop.add('First', 'laptop\n');
      const second = await laptop.add('Second', 'laptop\n');
      await laptop.sync();
      const millis = parseStamp((await laptop.item(first)).lastModified).millis;
      assert.ok(Math.abs(millis - testEpochMs) < maxStampAheadMs, String(millis));
      assert.ok((await laptop.item(first)).lastModified < (await laptop.item(second)).lastModified);
      await desktop.sync();
      assert.equal(await desktop.body(first), 'laptop\n');
    });
  }

  it('orders edits of two devices by true time once it is known', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop', { aheadMs: tenYears });
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.setBody(id, 'earlier\n');
    for (const { time } of [laptop, desktop]) await time.advance(minute);
    await account.serverTime.advance(minute);
    await desktop.setBody(id, 'later\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.sync();
    assert.equal(await laptop.body(id), 'later\n');
    assert.equal(await desktop.body(id), 'later\n');
  });

  it('set right gives no change the stamp that a former state of it was sent with', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await laptop.write(context => {
      const held = readItem(context.store, id);
      assert(held?.content && held.syncedStamp);
      const sent = stampAfter(held.syncedStamp, context.device.id);
      putWaitingItemChange(context.store, {
        itemId: id,
        type: 'upsert',
        stamp: issueStamp(context.store, context.wallMs, context.device.id).stamp,
        rawMs: context.wallMs,
        content: { ...held.content, body: 'two\n' },
        base: { version: held.version, stamp: held.syncedStamp, deleted: false, content: held.content },
        ancestors: [sent, held.syncedStamp],
      });
      writeState(context.store, 'clockOffsetMs', -60 * minute);
      restampNeverSent(context, -60 * minute);
      const corrected = waitingItemChange(context.store, id)?.stamp;
      assert.ok(corrected && corrected > sent, `${corrected} is above ${sent}`);
    });
  });

  it('that jumped ahead and back between two cycles does not stop the device from pushing', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const id = await laptop.add('Before');
    await laptop.sync();
    laptop.time.jump(tenYears);
    await laptop.setBody(id, 'during\n');
    const other = await laptop.add('During');
    laptop.time.jump(-tenYears);
    await laptop.sync();
    assert.ok(await laptop.isOutboxEmpty(), 'everything was accepted');
    const after = await laptop.add('After');
    for (const each of [id, other, after]) {
      const millis = parseStamp((await laptop.item(each)).lastModified).millis;
      assert.ok(millis < testEpochMs + maxStampAheadMs, `${new Date(millis).toISOString()}`);
    }
  });

  it('does not pull other changes ahead with one whose base is far ahead', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    // The server's clock was a year ahead for a while, so a version that is far ahead was accepted.
    const year = tenYears / 10;
    account.serverTime.jump(year);
    const wild = await desktop.add('Wild', 'one\n');
    await desktop.sync();
    account.serverTime.jump(-year);
    await laptop.sync();
    laptop.time.jump(tenYears);
    await laptop.setBody(wild, 'two\n');
    const sound = await laptop.add('Sound');
    await laptop.sync();
    const { lastModified } = await laptop.item(sound);
    assert.ok(parseStamp(lastModified).millis < testEpochMs + maxStampAheadMs, lastModified);
    assert.ok(await laptop.isOutboxEmpty());
  });

  it('moves the stamp of a resolution and of its record together', async () => {
    const account = await createAccount();
    const laptop = await account.device('laptop');
    const desktop = await account.device('desktop');
    const id = await laptop.add('Shopping', 'one\n');
    await laptop.sync();
    await desktop.sync();
    await laptop.setBody(id, 'laptop\n');
    await desktop.setBody(id, 'desktop\n');
    await laptop.sync();
    await desktop.sync();
    const [open] = await desktop.openConflicts();
    assert.ok(open?.conflict);
    const { conflict } = open;
    desktop.time.jump(-tenYears / 2);
    await desktop.write(context => resolveConflict(context, conflict, { keep: 'earlier', as: 'keepLocal' }));
    await desktop.sync();
    const [resolved] = await desktop.conflicts();
    assert.equal(resolved?.conflict?.state, 'resolved');
    assert.equal(resolved?.stamp, (await desktop.item(id)).lastModified);
  });
});
