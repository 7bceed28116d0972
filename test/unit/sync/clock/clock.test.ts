import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { formatStamp, maxCounter, maxMillis, parseStamp, stampAfter } from '../../../../src/model/ids/stamp';
import { readState, writeState } from '../../../../src/store/state';
import { correctedTime, issueApart, issueStamp, observeStamp } from '../../../../src/sync/clock/clock';
import { desktop, inStore, laptop, openMemoryStore, stampAt } from '../../../support/storeFixture';

const now = 1_735_689_600_000;
const minute = 60_000;
const year = 365 * 24 * 60 * minute;

describe('the device clock', () => {
  it('stamps with the time, and counts within a millisecond', async () => {
    const store = await openMemoryStore();
    const stamps = await inStore(store, tx => [
      issueStamp(tx, now, laptop).stamp,
      issueStamp(tx, now, laptop).stamp,
      issueStamp(tx, now + 1, laptop).stamp,
    ]);
    assert.deepEqual(stamps.map(parseStamp), [
      { millis: now, counter: 0, deviceId: laptop },
      { millis: now, counter: 1, deviceId: laptop },
      { millis: now + 1, counter: 0, deviceId: laptop },
    ]);
  });

  it('tells the raw reading beside the corrected stamp', async () => {
    const store = await openMemoryStore();
    const issued = await inStore(store, tx => {
      writeState(tx, 'clockOffsetMs', -year);
      return issueStamp(tx, now + year, laptop);
    });
    assert.equal(parseStamp(issued.stamp).millis, now);
    assert.equal(issued.rawMs, now + year);
  });

  it('does not run backwards when the wall clock does', async () => {
    const store = await openMemoryStore();
    const first = await inStore(store, tx => issueStamp(tx, now, laptop).stamp);
    const second = await inStore(store, tx => issueStamp(tx, now - 10 * year, laptop).stamp);
    assert.ok(second > first);
    assert.equal(parseStamp(second).millis, now);
  });

  it('goes to the next millisecond when the counter is full', async () => {
    const store = await openMemoryStore();
    const stamp = await inStore(store, tx => {
      writeState(tx, 'clock', { millis: now, counter: maxCounter });
      return issueStamp(tx, now, laptop).stamp;
    });
    assert.deepEqual(parseStamp(stamp), { millis: now + 1, counter: 0, deviceId: laptop });
  });

  it('issues a stamp apart that no merge of the version before can have', async () => {
    const store = await openMemoryStore();
    await inStore(store, tx => {
      const first = issueStamp(tx, now, laptop).stamp;
      const apart = issueApart(tx, now, laptop, first);
      assert.ok(apart > first);
      assert.notEqual(apart, stampAfter(first, laptop));
      assert.equal(parseStamp(apart).counter, 0, 'a merge counts on from its parent');
      assert.ok(issueStamp(tx, now, laptop).stamp > apart);
      assert.equal(parseStamp(issueApart(tx, now, laptop, first)).counter, 0);
    });
  });

  it('stands above the version that is changed, without following one that is far ahead', async () => {
    const store = await openMemoryStore();
    const wild = stampAt(now + year, desktop);
    const [changed, next] = await inStore(store, tx => [
      issueStamp(tx, now, laptop, wild).stamp,
      issueStamp(tx, now, laptop).stamp,
    ]);
    assert.ok(changed && changed > wild);
    assert.equal(next && parseStamp(next).millis, now);
  });

  it('takes over what it receives, up to five minutes ahead', async () => {
    const store = await openMemoryStore();
    const stamp = await inStore(store, tx => {
      observeStamp(tx, now, stampAt(now + 5 * minute, desktop));
      observeStamp(tx, now, stampAt(now + 5 * minute + 1, desktop));
      observeStamp(tx, now, stampAt(now - minute, desktop));
      return issueStamp(tx, now, laptop).stamp;
    });
    assert.deepEqual(parseStamp(stamp), { millis: now + 5 * minute, counter: 1, deviceId: laptop });
  });

  it('holds a reading that a stamp can hold, whatever the machine says', async () => {
    const store = await openMemoryStore();
    const [early, late, after] = await inStore(store, tx => [
      issueStamp(tx, -year, laptop).stamp,
      issueStamp(tx, Number.MAX_SAFE_INTEGER, laptop).stamp,
      issueStamp(tx, Number.MAX_SAFE_INTEGER, laptop).stamp,
    ]);
    assert.equal(early && parseStamp(early).millis, 0);
    assert.ok(late && parseStamp(late).millis < maxMillis);
    assert.ok(after && late && after > late);
    assert.ok(await inStore(store, tx => correctedTime(tx, Number.NEGATIVE_INFINITY) === 0));
  });

  it('keeps its greatest reading in the store', async () => {
    const store = await openMemoryStore();
    const stamp = formatStamp({ millis: now, counter: 7, deviceId: desktop });
    await inStore(store, tx => observeStamp(tx, now, stamp));
    assert.deepEqual(await inStore(store, tx => readState(tx, 'clock')), { millis: now, counter: 7 });
  });
});
