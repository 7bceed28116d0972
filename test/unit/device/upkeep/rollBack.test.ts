import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined } from '../../../../src/base/assert';
import { err, ok, unwrap } from '../../../../src/base/result';
import { dayMs, systemClock } from '../../../../src/base/time';
import type { Device } from '../../../../src/device/device';
import { rollBack } from '../../../../src/device/upkeep/rollBack';
import { findItemIds } from '../../../../src/store/items';
import type { SnapshotReader } from '../../../../src/store/snapshots/snapshotReader';
import { MemorySecrets, openWindow } from '../../../support/memoryCore';
import { openHome } from '../../../support/openHome';
import { note } from '../../../support/storeFixture';

describe('a roll-back', () => {
  let home: string;
  let device: Device;
  let skippedMs: number;
  const clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() };
  beforeEach(async () => {
    skippedMs = 0;
    home = mkdtempSync(join(tmpdir(), 'roll-back-'));
    device = await openHome(home, { clock });
  });
  afterEach(async () => {
    await device.close();
    rmSync(home, { recursive: true });
  });

  const create = async (...titles: readonly string[]) => {
    for (const title of titles) unwrap(await device.items.create({ kind: 'note', title }));
  };
  const createMany = async (count: number) =>
    unwrap(
      await device.items.createAll(
        Array.from({ length: count }, (_, number) => ({
          kind: 'note' as const,
          title: `note ${number}`,
          body: `text ${number} `.repeat(100),
        })),
      ),
    );
  const titles = async () => unwrap(await device.items.list({})).map(({ title }) => title);
  const snapshotFile = () => {
    const name = readdirSync(join(home, 'snapshots')).find(each => each.endsWith('.db'));
    return join(home, 'snapshots', defined(name, 'there is a snapshot'));
  };
  const findings = async (mend = false) =>
    unwrap(await device.upkeep.doctor({ mend })).filter(({ check }) => check === 'snapshots');

  it('goes back to a snapshot that is older than those that are kept', async () => {
    await create('one', 'two');
    const { id } = unwrap(await device.upkeep.takeSnapshot());
    skippedMs = 91 * dayMs;
    await create('three');
    assert.equal(unwrap(await device.upkeep.rollBack(id)).changed, 1);
    assert.deepEqual((await titles()).sort(), ['one', 'two']);
  });

  it('is undone by going back to the oldest of the snapshots that roll-backs have taken', async () => {
    await create('one');
    const { id } = unwrap(await device.upkeep.takeSnapshot());
    await create('two');
    const [first] = [unwrap(await device.upkeep.rollBack(id)).undoSnapshot];
    for (let taken = 1; taken < 5; taken++) unwrap(await device.upkeep.rollBack(id));
    unwrap(await device.upkeep.rollBack(first));
    assert.deepEqual((await titles()).sort(), ['one', 'two']);
  });

  it('to a snapshot that has lost a part of its file is refused, and changes nothing', async () => {
    await createMany(300);
    const { id } = unwrap(await device.upkeep.takeSnapshot());
    const whole = readFileSync(snapshotFile());
    for (const share of [0.6, 0]) {
      truncateSync(snapshotFile(), Math.floor((whole.length * share) / 4096) * 4096);
      const cut = readFileSync(snapshotFile());
      const refused = await device.upkeep.rollBack(id);
      assert.match(
        refused.ok ? '' : refused.error.message,
        /^The snapshot is damaged, .* Choose another one/,
      );
      assert.equal((await titles()).length, 300);
      assert.deepEqual(readFileSync(snapshotFile()), cut);
      writeFileSync(snapshotFile(), whole);
    }
    assert.equal(unwrap(await device.upkeep.rollBack(id)).changed, 0);
  });

  it('to a snapshot of which a page is damaged is refused', async () => {
    await createMany(300);
    const { id } = unwrap(await device.upkeep.takeSnapshot());
    const bytes = readFileSync(snapshotFile());
    for (let page = 10; page < 20; page++) bytes.fill(0x55, page * 4096, page * 4096 + 100);
    writeFileSync(snapshotFile(), bytes);
    assert.equal((await device.upkeep.rollBack(id)).ok, false);
    assert.equal((await titles()).length, 300);
  });

  it('is not offered to a damaged snapshot once the doctor was asked to mend', async () => {
    await createMany(300);
    unwrap(await device.upkeep.takeSnapshot());
    const path = snapshotFile();
    truncateSync(path, 4096 * 20);
    const cut = readFileSync(path);
    for (const mended of [false, false, true]) {
      assert.deepEqual(
        (await findings(mended)).map(each => [each.level, each.mended]),
        [['warning', mended]],
      );
      assert.equal(unwrap(await device.upkeep.snapshots()).length, mended ? 0 : 1);
      assert.deepEqual(readFileSync(mended ? `${path}.damaged` : path), cut);
    }
    assert.deepEqual(
      (await findings()).map(({ level }) => level),
      ['ok'],
    );
  });

  describe('of encrypted items', () => {
    const createAndChange = async () => {
      await createMany(150);
      const secret = unwrap(
        await device.items.create({ kind: 'note', title: 'secret', body: 'old', sensitive: true }),
      );
      const { id } = unwrap(await device.upkeep.takeSnapshot());
      for (const item of unwrap(await device.items.list({}))) {
        if (!item.sensitive) unwrap(await device.items.update(item.id, { body: 'changed' }));
      }
      return { id, secret: secret.id };
    };
    const openLocked = async () => {
      await device.close();
      device = await openHome(home, { clock, secrets: new MemorySecrets() });
    };
    const bodies = async () => {
      const all: string[] = [];
      for (const item of unwrap(await device.items.list({}))) {
        const read = await device.items.get(item.id);
        all.push(read.ok ? read.value.body : '');
      }
      return all;
    };

    it('leaves those that have not changed as they are on a locked device', async () => {
      const { id } = await createAndChange();
      await openLocked();
      assert.equal(unwrap(await device.upkeep.rollBack(id)).changed, 150);
      assert.deepEqual(
        (await bodies()).filter(body => body === 'changed'),
        [],
      );
    });

    it('changes nothing at all when one of them must be set back and the device is locked', async () => {
      const { id, secret } = await createAndChange();
      unwrap(await device.items.update(secret, { body: 'new' }));
      await openLocked();
      const before = unwrap(await device.upkeep.snapshots());
      const refused = await device.upkeep.rollBack(id);
      assert.equal(refused.ok ? '' : refused.error.code, 'locked');
      assert.equal((await bodies()).filter(body => body === 'changed').length, 150);
      assert.deepEqual(unwrap(await device.upkeep.snapshots()), before);
    });

    it('leaves an item sensitive that became so since, and its text out of file and index', async () => {
      const item = unwrap(await device.items.create({ kind: 'note', title: 'one', body: 'hunter2zz' }));
      const { id } = unwrap(await device.upkeep.takeSnapshot());
      unwrap(await device.items.update(item.id, { sensitive: true, body: 'other' }));
      assert.equal(unwrap(await device.upkeep.rollBack(id)).changed, 1);
      const back = unwrap(await device.items.get(item.id));
      assert.deepEqual([back.body, back.sensitive], ['hunter2zz', true]);
      assert.deepEqual(unwrap(await device.items.search('hunter2zz', 5)), []);
      await device.close();
      assert.equal(readFileSync(join(home, 'store.db'), 'latin1').includes('hunter2zz'), false);
    });
  });

  it('to when an item was sensitive leaves no clear text of what came since', async () => {
    const item = unwrap(await device.items.create({ kind: 'note', title: 'one', sensitive: true }));
    const { id } = unwrap(await device.upkeep.takeSnapshot());
    unwrap(await device.items.update(item.id, { sensitive: false, body: 'hunter2zz '.repeat(30) }));
    unwrap(await device.items.update(item.id, { body: 'hunter2zz '.repeat(3) }));
    unwrap(await device.upkeep.rollBack(id));
    const names = readdirSync(home, { recursive: true }).map(name => join(home, String(name)));
    const inClear = names.filter(
      name => statSync(name).isFile() && readFileSync(name, 'latin1').includes('hunter2zz'),
    );
    assert.deepEqual(inClear, []);
  });

  it('that fails on the way tells what was changed, and the snapshot that undoes it', async () => {
    const { core, items } = await openWindow({ fetch: () => new Response(null, { status: 503 }) });
    for (let number = 0; number < 250; number++) unwrap(await items.create({ kind: 'note', title: 'new' }));
    const ids = unwrap(await core.store.read(tx => findItemIds(tx, '', 250)));
    let asked = 0;
    const reader: SnapshotReader = {
      differences: async () => ok(ids),
      edits: async itemIds =>
        ++asked > 5
          ? err({ type: 'full' })
          : ok(itemIds.map(itemId => ({ itemId, content: note('old'), deleted: false }))),
      close: async () => undefined,
    };
    const undo = { id: 'undo', atMs: 0, reason: 'rollback' as const, items: 250, bytes: 1, path: '' };
    const changed: string[] = [];
    const failed = await rollBack(
      core,
      { open: async () => ok(reader), take: async () => ok(undo) },
      'old',
      all => changed.push(...all),
    );
    assert.match(
      failed.ok ? '' : failed.error.message,
      /disk is full.* 200 of 250 .* roll back to snapshot undo/,
    );
    assert.deepEqual(changed.sort(), ids.slice(0, 200));
  });
});
