import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, unwrap } from '../../../../src/base/result';
import { dayMs } from '../../../../src/base/time';
import type { Migration } from '../../../../src/sqlite/database';
import { StorageFailure } from '../../../../src/sqlite/storageErrors';
import { scrub } from '../../../../src/store/atRest/scrub';
import { removeItem } from '../../../../src/store/items';
import type { OpenedStore } from '../../../../src/store/openStore';
import { Payloads } from '../../../../src/store/payloads';
import { storeMigrations } from '../../../../src/store/schema';
import {
  keepSnapshotDays,
  maxDailySnapshotBytes,
  outdatedSnapshots,
  type Snapshot,
  type SnapshotReason,
} from '../../../../src/store/snapshots/snapshotFiles';
import { inStore, itemId, note, putItem, testCipher } from '../../../support/storeFixture';
import { StoreFolder } from '../../../support/storeFolder';

describe('snapshots', () => {
  let folder: StoreFolder;
  let opened: OpenedStore;
  beforeEach(async () => {
    folder = new StoreFolder();
    opened = await folder.open();
  });
  afterEach(() => folder.remove());

  it('are listed newest first, with why, when, how many items and how large', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one'), 1));
    const first = unwrap(await snapshots.take('command'));
    const second = unwrap(await snapshots.take('rollback'));
    assert.deepEqual(unwrap(snapshots.list()), [second, first]);
    assert.equal(first.id, '20260102T030405678Z');
    assert.equal(second.id, '20260102T030405679Z');
    assert.equal(first.items, 1);
    assert.equal(first.bytes, statSync(first.path).size);
  });

  it('tell what setting the store back takes, in both directions', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => {
      putItem(tx, itemId(1), note('same'), 1);
      putItem(tx, itemId(2), note('before'), 2);
      putItem(tx, itemId(3), note('deleted since'), 3);
      putItem(tx, itemId(4), note('restored since'), 4, true);
      putItem(tx, itemId(5), note('secret', 'one', { sensitive: true }), 5);
      putItem(tx, itemId(6), note('gone since'), 6);
      putItem(tx, itemId(7), note('deleted all the time'), 7, true);
    });
    const { id } = unwrap(await snapshots.take('command'));
    await inStore(opened.store, tx => {
      putItem(tx, itemId(1), note('same'), 11);
      putItem(tx, itemId(2), note('after'), 12);
      putItem(tx, itemId(3), note('deleted since'), 13, true);
      putItem(tx, itemId(4), note('restored since'), 14);
      putItem(tx, itemId(5), note('secret', 'two', { sensitive: true }), 15);
      removeItem(tx, itemId(6));
      putItem(tx, itemId(8), note('new'), 18);
    });
    const reader = unwrap(await snapshots.open(id));
    const differing = unwrap(await reader.differences());
    assert.deepEqual(
      unwrap(await reader.edits(differing)).map(edit => [
        edit.itemId,
        edit.content?.title,
        edit.content?.body,
        edit.deleted,
      ]),
      [
        [itemId(2), 'before', '', false],
        [itemId(3), 'deleted since', '', false],
        [itemId(4), 'restored since', '', true],
        [itemId(5), 'secret', 'one', false],
        [itemId(6), 'gone since', '', false],
        [itemId(8), 'new', '', true],
      ],
    );
    await reader.close();
    const undo = unwrap(await snapshots.take('rollback'));
    const same = unwrap(await snapshots.open(undo.id));
    assert.deepEqual(unwrap(await same.differences()), []);
    await same.close();
  });

  it('are compared item by item in stores of many', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => {
      for (let number = 0; number < 1300; number += 2) putItem(tx, itemId(number), note(`${number}`), 1);
    });
    const { id } = unwrap(await snapshots.take('command'));
    await inStore(opened.store, tx => {
      for (let number = 1; number < 1300; number += 2) putItem(tx, itemId(number), note(`${number}`), 2);
      putItem(tx, itemId(1200), note('changed'), 2);
    });
    const reader = unwrap(await snapshots.open(id));
    const differing = unwrap(await reader.differences());
    const expected = [itemId(1200), ...Array.from({ length: 650 }, (_, index) => itemId(2 * index + 1))];
    assert.deepEqual([...differing].sort(), expected.sort());
    await reader.close();
  });

  it('of the day are taken when something has changed', async () => {
    const { snapshots } = opened.maintenance;
    assert.equal(unwrap(await snapshots.takeDaily()), undefined);
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one'), 1));
    assert.equal(unwrap(await snapshots.takeDaily()), undefined);
    folder.nowMs += dayMs;
    assert.equal(unwrap(await snapshots.takeDaily())?.reason, 'daily');
    assert.equal(unwrap(await snapshots.takeDaily()), undefined);
    folder.nowMs += dayMs;
    assert.equal(unwrap(await snapshots.takeDaily()), undefined);
    folder.nowMs += dayMs;
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('two'), 2));
    assert.equal(unwrap(await snapshots.takeDaily())?.items, 1);
    assert.equal(unwrap(snapshots.list()).length, 2);
  });

  it('that do not exist are said to be unknown', async () => {
    assert.deepEqual(await opened.maintenance.snapshots.open('20250101T000000000Z'), {
      ok: false,
      error: { type: 'unknownSnapshot' },
    });
  });

  it('are not let go of while they are compared, and are not made anew when another process has', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one'), 1));
    const taken = unwrap(await snapshots.take('rollback'));
    const reader = unwrap(await snapshots.open(taken.id));
    for (let more = 0; more < 5; more++) unwrap(await snapshots.take('rollback'));
    assert.deepEqual(unwrap(await reader.differences()), []);
    rmSync(taken.path);
    assert.deepEqual(await reader.differences(), { ok: false, error: { type: 'io', code: 'ENOENT' } });
    assert.equal(existsSync(taken.path), false);
    await reader.close();
  });

  it('that are damaged are set aside, not recovered, when something is to be encrypted in them', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one', 'word '.repeat(3000)), 1));
    const taken = unwrap(await snapshots.take('command'));
    truncateSync(taken.path, taken.bytes - 4096);
    const cut = readFileSync(taken.path);
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one', '', { sensitive: true }), 2));
    unwrap(await opened.maintenance.applyAtRest());
    assert.deepEqual(unwrap(snapshots.list()), []);
    assert.deepEqual(readFileSync(`${taken.path}.damaged`), cut);
  });

  it('leave other files of their folder alone, and nothing behind', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one'), 1));
    const { id } = unwrap(await snapshots.take('command'));
    const reader = unwrap(await snapshots.open(id));
    await reader.close();
    assert.deepEqual(
      readdirSync(join(folder.path, 'snapshots')).filter(name => name !== 'locks'),
      [`${id}.command.1.db`],
    );
  });

  it('hold no clear text of an item that became sensitive, and neither does the store', async () => {
    const { snapshots } = opened.maintenance;
    const secret = 'correct-horse-battery';
    await inStore(opened.store, tx => {
      for (let number = 1; number <= 30; number++) {
        const text = number % 3 === 0 ? `the ${secret} of ${number} staple${number}` : `other text ${number}`;
        putItem(tx, itemId(number), note(`title ${number}`, text.repeat(number)), number);
        putItem(tx, itemId(number), note(`title ${number}`, `${text} ${text}`), 100 + number);
      }
    });
    unwrap(await snapshots.take('command'));
    unwrap(await snapshots.take('daily'));
    await inStore(opened.store, tx => {
      for (let number = 3; number <= 30; number += 3) {
        const content = note(`title ${number}`, `the ${secret}`, { sensitive: true });
        putItem(tx, itemId(number), content, 200 + number);
      }
    });
    unwrap(await opened.maintenance.applyAtRest());
    assert.deepEqual(folder.filesWith(/horse|battery|staple\d/), []);
    const [snapshot] = unwrap(snapshots.list());
    assert(snapshot);
    const reader = unwrap(await snapshots.open(snapshot.id));
    const [edit] = unwrap(await reader.edits([itemId(3)]));
    assert.match(edit?.content?.body ?? '', /correct-horse-battery of 3/);
    await reader.close();
  });

  const secret = /hunter\d|horse/;
  const text = (number: number) => (number % 3 === 0 ? `hunter${number} correct-horse ` : `other ${number} `);
  const writeInClear = () =>
    inStore(opened.store, tx => {
      for (let number = 1; number <= 30; number++) {
        putItem(tx, itemId(number), note(`title ${number}`, text(number).repeat(number)), number);
        putItem(tx, itemId(number), note(`title ${number}`, text(number).repeat(2)), 100 + number);
      }
    });
  const makeSensitive = () =>
    inStore(opened.store, tx => {
      for (let number = 3; number <= 30; number += 3)
        putItem(tx, itemId(number), note('title', 'x', { sensitive: true }), 200 + number);
    });

  it('hold no clear text either that were taken before it was wiped from the store', async () => {
    await writeInClear();
    await makeSensitive();
    unwrap(await opened.maintenance.snapshots.take('massChange'));
    unwrap(await opened.maintenance.applyAtRest());
    assert.deepEqual(folder.filesWith(secret), []);
  });

  it('are wiped by the next try when the disk failed after their rows were encrypted', async () => {
    const { snapshots } = opened.maintenance;
    await writeInClear();
    unwrap(await snapshots.take('command'));
    await makeSensitive();
    let failing = true;
    const tryToScrub = () =>
      scrub({
        store: opened.store,
        database: { wipeUnused: async () => ok(0) },
        snapshots: {
          listSettled: () => snapshots.listSettled(),
          setAside: snapshot => snapshots.setAside(snapshot),
          openStore: async snapshot => {
            const inside = await snapshots.openStore(snapshot);
            if (!inside.ok || !failing) return inside;
            let writes = 0;
            const write: typeof inside.value.store.write = async work =>
              ++writes > 1 ? err({ type: 'full' }) : inside.value.store.write(work);
            return ok({ ...inside.value, store: { ...inside.value.store, write } });
          },
        },
      });
    assert.deepEqual(await tryToScrub(), err({ type: 'full' }));
    failing = false;
    unwrap(await tryToScrub());
    assert.deepEqual(
      folder.filesWith(secret).filter(name => name.startsWith('snapshots')),
      [],
    );
  });

  it('hold nothing in clear under the policy “all”, not even of items that are gone', async () => {
    await inStore(opened.store, tx => {
      putItem(tx, itemId(1), note('title', 'hunter1'), 1);
      putItem(tx, itemId(2), note('title', 'hunter2'), 1);
    });
    unwrap(await opened.maintenance.snapshots.take('command'));
    await inStore(opened.store, tx => {
      removeItem(tx, itemId(1));
      removeItem(tx, itemId(2));
    });
    opened.store.usePayloads(new Payloads(testCipher(), 'all'));
    unwrap(await opened.maintenance.applyAtRest());
    assert.deepEqual(folder.filesWith(/hunter\d/), []);
  });

  it('that a killed process has begun are removed when something is to be encrypted', async () => {
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('title', 'hunter1'), 1));
    const { path } = unwrap(await opened.maintenance.snapshots.take('command'));
    renameSync(path, `${path}.part`);
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('title', '', { sensitive: true }), 2));
    unwrap(await opened.maintenance.applyAtRest());
    assert.deepEqual(folder.filesWith(/hunter\d/), []);
    assert.deepEqual(
      readdirSync(join(folder.path, 'snapshots')).filter(name => name.endsWith('.part')),
      [],
    );
  });

  it('are taken before a migration, which a window of the older version then does not undo', async () => {
    await inStore(opened.store, tx => {
      putItem(tx, itemId(1), note('one'), 1);
      putItem(tx, itemId(2), note('two'), 2);
    });
    const next: Migration = {
      version: storeMigrations.length + 1,
      up: tx => {
        tx.run('CREATE TABLE later(id INTEGER PRIMARY KEY)');
        tx.run('DELETE FROM items WHERE id = ?', [itemId(2)]);
      },
    };
    const migrated = await folder.open({ migrations: [...storeMigrations, next] });
    const refused = await opened.store.write(tx => ok(putItem(tx, itemId(3), note('three'), 3)));
    assert.deepEqual(refused, {
      ok: false,
      error: { type: 'newerSchema', found: next.version, known: storeMigrations.length },
    });
    const [snapshot, ...others] = unwrap(migrated.maintenance.snapshots.list());
    assert.deepEqual([snapshot?.reason, snapshot?.items, others], ['migration', 1, []]);
    const reader = unwrap(await migrated.maintenance.snapshots.open(snapshot?.id ?? ''));
    await reader.close();
  });

  it('are taken once before a migration that fails again and again', async () => {
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one'), 1));
    await folder.close();
    let isFailing = true;
    const next: Migration = {
      version: storeMigrations.length + 1,
      up: () => {
        if (isFailing) throw new StorageFailure({ type: 'full' }, 'the disk is full');
      },
    };
    for (let attempt = 0; attempt < 4; attempt++) {
      folder.nowMs += 2000;
      await assert.rejects(folder.open({ migrations: [...storeMigrations, next] }));
    }
    const copies = () => readdirSync(join(folder.path, 'snapshots')).filter(name => name !== 'locks');
    assert.equal(copies().length, 1);
    isFailing = false;
    const migrated = await folder.open({ migrations: [...storeMigrations, next] });
    const [snapshot, ...others] = unwrap(migrated.maintenance.snapshots.list());
    assert.deepEqual([snapshot?.reason, snapshot?.items, others], ['migration', 1, []]);
    assert.equal(copies().length, 1);
  });

  it('go with everything that was written beside them', async () => {
    const { snapshots } = opened.maintenance;
    await inStore(opened.store, tx => putItem(tx, itemId(1), note('one'), 1));
    const first = unwrap(await snapshots.take('rollback'));
    const inside = unwrap(await snapshots.openStore(first));
    await inStore(inside.store, tx => putItem(tx, itemId(1), note('two'), 2));
    await inside.store.close();
    for (let taken = 0; taken < 5; taken++) {
      folder.nowMs += dayMs;
      unwrap(await snapshots.take('rollback'));
    }
    const names = readdirSync(join(folder.path, 'snapshots'), { recursive: true }).map(String);
    assert.deepEqual(
      names.filter(name => name.includes(first.id)),
      [],
    );
    assert.equal(unwrap(snapshots.list()).length, 5);
  });

  it('are kept by count for each reason, by age, and by size for daily ones', () => {
    const { nowMs } = folder;
    const snapshot = (daysAgo: number, reason: SnapshotReason, bytes = 1): Snapshot => {
      const atMs = nowMs - daysAgo * dayMs;
      return { id: new Date(atMs).toISOString(), atMs, reason, items: 1, bytes, path: '' };
    };
    const outdated = (...held: readonly Snapshot[]) =>
      outdatedSnapshots(held, nowMs).map(({ atMs }) => Math.round((nowMs - atMs) / dayMs));
    const daily = Array.from({ length: 10 }, (_, days) => snapshot(days, 'daily'));
    assert.deepEqual(outdated(...daily), [7, 8, 9]);
    assert.deepEqual(outdated(...daily, snapshot(50, 'command'), snapshot(95, 'massChange')), [7, 8, 9, 95]);
    const old = [1, 2, 3, 4, 5].map(days => snapshot(keepSnapshotDays + days, 'command'));
    assert.deepEqual(outdated(...old), [94, 95]);
    const large = daily.map(each => ({ ...each, bytes: maxDailySnapshotBytes / 4 }));
    assert.deepEqual(outdated(...large), [4, 5, 6, 7, 8, 9]);
    const huge = daily.map(each => ({ ...each, bytes: maxDailySnapshotBytes }));
    assert.deepEqual(outdated(...huge), [2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
