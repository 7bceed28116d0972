import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { unwrap } from '../../../src/base/result';
import { systemClock, systemTimers } from '../../../src/base/time';
import type { Finding } from '../../../src/store/doctor/finding';
import { examineLocks } from '../../../src/store/doctor/lockRepair';
import { listItems, readItem } from '../../../src/store/items';
import type { OpenedStore } from '../../../src/store/openStore';
import { putWaitingItemChange, refuse, waitingItemChange } from '../../../src/store/outbox';
import { Payloads } from '../../../src/store/payloads';
import { searchItems } from '../../../src/store/search/searchItems';
import { readState, writeState } from '../../../src/store/state';
import { keepUnopened } from '../../../src/store/synced/unopened';
import type { StoreTransaction } from '../../../src/store/transaction';
import { putUnsettledSave } from '../../../src/store/unsettledSaves';
import { inStore, itemId, note, putItem, stampAt, testCipher } from '../../support/storeFixture';
import { StoreFolder } from '../../support/storeFolder';

describe('the doctor', () => {
  let folder: StoreFolder;
  let opened: OpenedStore;
  beforeEach(async () => {
    folder = new StoreFolder();
    opened = await folder.open();
    await inStore(opened.store, tx => {
      for (let number = 1; number <= 20; number++) {
        putItem(tx, itemId(number), note(`title ${number}`, `body of ${number}`), number);
        putChange(tx, number, number);
      }
    });
  });
  afterEach(() => folder.remove());

  const putChange = (tx: StoreTransaction, number: number, atMs: number) =>
    putWaitingItemChange(tx, {
      itemId: itemId(number),
      type: 'upsert',
      stamp: stampAt(atMs),
      rawMs: atMs,
      content: note(`title ${number}`, `body of ${number}`),
      base: { version: 0, stamp: undefined, deleted: false, content: undefined },
      ancestors: [],
    });
  let digest = 'right';
  const examine = async (mend = false) =>
    unwrap(
      await opened.maintenance.doctor({
        mend,
        digest: {
          current: tx => readState(tx, 'digest') ?? 'right',
          recompute: tx => {
            writeState(tx, 'digest', digest);
            return digest;
          },
        },
      }),
    );
  const troubles = (findings: readonly Finding[]) => findings.filter(finding => finding.level !== 'ok');
  const change = (work: (tx: StoreTransaction) => void) => inStore(opened.store, work);

  /** Finds the trouble, changes nothing before it is asked to, mends it, and finds nothing more. */
  const findsAndMends = async (check: string, pattern: RegExp) => {
    for (const mended of [false, false, true]) {
      const [found, ...others] = troubles(await examine(mended));
      assert.equal(found?.check, check);
      assert.match(found.found, pattern);
      assert.equal(found.mended, mended);
      assert.equal(typeof found.mend, 'string');
      assert.deepEqual(others, []);
    }
    assert.deepEqual(troubles(await examine()), []);
  };

  it('finds nothing wrong with a sound store, and says what it looked at', async () => {
    const findings = await examine();
    assert.deepEqual(troubles(findings), []);
    assert.deepEqual(
      findings.map(finding => finding.check),
      [
        'file',
        'items',
        'outbox',
        'digest',
        'history',
        'search',
        'encryption',
        'saves',
        'snapshots',
        'space',
        'leftovers',
      ],
    );
    for (const { found } of findings) assert.match(found, /^[A-Z0-9].*\.$/);
  });

  it('finds and mends an index that lacks an item, or has one too many', async () => {
    await change(tx => void tx.sql.run('UPDATE items SET deleted = 1 WHERE id = ?', [itemId(3)]));
    await change(
      tx => void tx.sql.run(`UPDATE changes SET change_type = 'delete' WHERE item_id = ?`, [itemId(3)]),
    );
    await findsAndMends('search', /differs from 1 item/);
    await change(tx => void tx.sql.run('UPDATE items SET deleted = 0 WHERE id = ?', [itemId(3)]));
    await findsAndMends('search', /differs from 1 item/);
    assert.equal((await inStore(opened.store, tx => searchItems(tx, 'body', 50))).length, 20);
  });

  it('finds and mends an index that does not know an item’s words', async () => {
    await change(
      tx => void tx.sql.run(`UPDATE items SET payload = json_set(payload, '$.title', 'other') WHERE rid = 5`),
    );
    await findsAndMends('search', /differs from 1 item/);
  });

  it('finds and sends edits that are in no outbox', async () => {
    await change(tx => void tx.sql.run('DELETE FROM changes WHERE item_id = ?', [itemId(4)]));
    await findsAndMends('outbox', /1 edit would never be pushed/);
    assert.equal(
      (await inStore(opened.store, tx => waitingItemChange(tx, itemId(4))))?.content?.title,
      'title 4',
    );
  });

  it('finds changes without an item, and makes the item anew', async () => {
    await change(tx => {
      putItem(tx, itemId(4), note(''), 100, true);
      tx.sql.run('DELETE FROM items WHERE id = ?', [itemId(4)]);
    });
    await findsAndMends('outbox', /1 item of the outbox cannot be found/);
    assert.equal((await inStore(opened.store, tx => readItem(tx, itemId(4))))?.content?.title, 'title 4');
    assert.equal((await inStore(opened.store, tx => searchItems(tx, '"title 4"', 5))).length, 1);
  });

  it('finds and computes a digest anew, and changes nothing before', async () => {
    digest = 'other';
    await findsAndMends('digest', /not that of the items/);
    digest = 'right';
  });

  it('finds former states that cannot be read', async () => {
    await change(tx => {
      putItem(tx, itemId(1), note('title 1', 'body of 1'), 50);
      putChange(tx, 1, 50);
      tx.sql.run(`UPDATE versions SET packed = 1, base_id = 77, payload = x'00'`);
    });
    await findsAndMends('history', /1 former state/);
  });

  it('finds traces of encrypted texts, and wipes them', async () => {
    await change(tx => {
      putItem(tx, itemId(7), note('title 7', 'body of 7', { sensitive: true }), 50);
      tx.sql.run('UPDATE changes SET timestamp = ? WHERE item_id = ?', [stampAt(50), itemId(7)]);
    });
    await findsAndMends('encryption', /Traces/);
    assert.deepEqual(folder.filesWith('body of 7'), []);
    opened.store.usePayloads(new Payloads(testCipher(), 'all'));
    opened.store.usePayloads(new Payloads(undefined, 'all'));
    assert.match(troubles(await examine(true))[0]?.found ?? '', /until this device is unlocked/);
  });

  it('finds texts that a setting which came since encrypts, and encrypts them', async () => {
    opened.store.usePayloads(new Payloads(testCipher(), 'all'));
    await findsAndMends('encryption', /as the setting/);
    assert.deepEqual(folder.filesWith('body of 7'), []);
  });

  it('says what waits for a person, a key or an update, and mends none of it', async () => {
    await change(tx => {
      const content = note('a');
      putUnsettledSave(tx, { itemId: itemId(1), base: content, saved: content }, 1);
      const version = {
        keyId: '00000000000000cc',
        version: 1,
        timestamp: stampAt(50),
        changeType: 'upsert' as const,
      };
      keepUnopened(tx, { ...version, itemId: itemId(50) }, 'keyMissing');
      keepUnopened(tx, { ...version, itemId: itemId(51) }, 'newerFormat');
      const waiting = waitingItemChange(tx, itemId(1));
      assert(waiting);
      refuse(tx, waiting, 'The item is larger than the server takes.');
    });
    const found = troubles(await examine(true));
    assert.deepEqual(
      found.map(({ check, mend }) => [check, mend]),
      [
        ['outbox', undefined],
        ['saves', undefined],
        ['versions', undefined],
        ['versions', undefined],
      ],
    );
    assert.match(found[0]?.found ?? '', /1 change cannot be pushed .* larger/);
    assert.match(found[1]?.found ?? '', /^Waiting to be merged: 1 save\./);
    assert.match(found[2]?.found ?? '', /^1 version from the server cannot be read yet.*Unlock/);
    assert.match(found[3]?.found ?? '', /Update/);
  });

  it('removes what a process that was killed has left, after a day', async () => {
    const part = join(folder.path, 'snapshots', 'x.db.part');
    mkdirSync(join(folder.path, 'snapshots'), { recursive: true });
    writeFileSync(part, '');
    utimesSync(part, folder.nowMs / 1000, folder.nowMs / 1000);
    assert.deepEqual(troubles(await examine(true)), []);
    utimesSync(part, folder.nowMs / 1000 - 100_000, folder.nowMs / 1000 - 100_000);
    await findsAndMends('leftovers', /1 file was left behind/);
  });

  it('finds an index of SQLite’s that disagrees with its table, and a page that makes no sense', async () => {
    await change(tx => {
      tx.sql.run('PRAGMA writable_schema = ON');
      tx.sql.run(
        `UPDATE sqlite_master SET sql = replace(sql, 'last_modified)', 'created_ms)') WHERE name = 'items_by_time'`,
      );
      tx.sql.run('PRAGMA writable_schema = OFF');
    });
    await folder.close();
    opened = await folder.open();
    await findsAndMends('file', /damaged/);
  });

  for (const [what, spoilt] of [
    ['no JSON', `replace(payload, '"title":', '"title" ')`],
    ['no content', `replace(payload, '"title":', '"titlf":')`],
  ] as const) {
    it(`names an item whose text is ${what} any more, which hides no other`, async () => {
      await inStore(opened.store, tx =>
        tx.sql.run(`UPDATE items SET payload = ${spoilt} WHERE id = ?`, [itemId(3)]),
      );
      const listed = await inStore(opened.store, tx => listItems(tx, { deleted: false }));
      assert.equal(listed.length, 20);
      assert.equal(listed.filter(({ content }) => content === undefined).length, 1);
      const [found, ...others] = troubles(await examine());
      assert.match(found?.found ?? '', /^1 item cannot be read any more \(00000000\)\./);
      assert.deepEqual(others, []);
    });
  }

  it('finds no lock to break in a folder that nobody else uses', async () => {
    const services = { clock: systemClock, timers: systemTimers, random: systemRandom, logger: silentLogger };
    const { findings, isStoreLocked } = unwrap(await examineLocks(folder.path, services, true));
    assert.deepEqual(
      findings.map(({ level }) => level),
      ['ok'],
    );
    assert.equal(isStoreLocked, false);
  });

  it('breaks a lock of which it cannot be told whether its owner lives, when it is asked to', async () => {
    await folder.close();
    leaveLock('store.db');
    const looked = unwrap(await examineLocks(folder.path, quickServices, false));
    assert.deepEqual([looked.findings[0]?.level, looked.findings[0]?.mended], ['error', false]);
    assert.match(looked.findings[0]?.found ?? '', /process 4242 on another machine/);
    assert.equal(looked.isStoreLocked, true);
    const mended = unwrap(await examineLocks(folder.path, quickServices, true));
    assert.deepEqual([mended.findings[0]?.mended, mended.isStoreLocked], [true, false]);
    opened = await folder.open();
    assert.deepEqual(troubles(await examine()), []);
  });

  it('breaks such a lock of the upkeep, of sync and of the account too', async () => {
    leaveLock('store.db-upkeep');
    leaveLock('sync');
    leaveLock('account');
    const { findings, isStoreLocked } = unwrap(await examineLocks(folder.path, quickServices, true));
    assert.deepEqual(
      findings.map(({ found, mended }) => [found.split(' is locked')[0], mended]),
      [
        ['The upkeep of the store', true],
        ['Sync', true],
        ['Signing in and out', true],
      ],
    );
    assert.equal(isStoreLocked, false);
  });

  it('leaves a lock alone that changes hands while it is looked at', async () => {
    await folder.close();
    const lock = leaveLock('store.db');
    const services = {
      ...quickServices,
      timers: {
        ...systemTimers,
        sleep: async () => {
          await systemTimers.sleep(5); // a later time of change
          renameSync(lock, `${lock}.elsewhere`);
          renameSync(`${lock}.elsewhere`, lock);
        },
      },
    };
    const { findings, isStoreLocked } = unwrap(await examineLocks(folder.path, services, true));
    assert.deepEqual([findings[0]?.level, isStoreLocked], ['ok', false]);
    assert(existsSync(lock));
  });

  const quickServices = {
    clock: systemClock,
    timers: { ...systemTimers, sleep: async () => undefined },
    random: systemRandom,
    logger: silentLogger,
  };
  const leaveLock = (name: string): string => {
    const lock = join(folder.path, 'locks', `${name}.lock`);
    mkdirSync(lock, { recursive: true });
    writeFileSync(join(lock, '4242.0.-.another machine.-.1.abcdef'), '');
    return lock;
  };
});
