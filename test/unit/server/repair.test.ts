import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { ok, unwrap } from '../../../src/base/result';
import { repairStore } from '../../../src/server/storage/repair';
import { serverMigrations } from '../../../src/server/storage/schema';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { readManifest, signUp } from '../../support/testDevice';
import { createTestServer, testEpochMs } from '../../support/testServer';

describe('a store that was recovered from a damaged file', () => {
  it('is sound again, in a new epoch, whatever rows were lost', async () => {
    const database = await openMemoryDatabase(serverMigrations);
    const server = await createTestServer({ database });
    const device = await signUp(server.app.fetch);
    const items = Array.from({ length: 6 }, () =>
      device.change({ itemId: systemRandom.uuid(), millis: testEpochMs }),
    );
    await device.push(items);
    const edited = items.map(item =>
      device.change({
        itemId: String(item['itemId']),
        base: { version: 1, timestamp: String(item['timestamp']) },
        millis: testEpochMs + 1,
      }),
    );
    const { cursor } = await device.push(edited, (await device.pull()).cursor);
    const before = await readManifest(device);
    unwrap(
      await database.write(tx => {
        tx.run('DELETE FROM versions WHERE sequence IN (1, 8, 9, 12)');
        tx.run('DELETE FROM versions WHERE sequence = 3');
        tx.run('DELETE FROM marks');
        tx.run(
          `INSERT INTO marks (account, sequence, mark, written_at) VALUES (77, 1, 'orphan', 0), (1, 5, 'stale', 0)`,
        );
        repairStore(tx, systemRandom, testEpochMs);
        return ok();
      }),
    );
    assert.deepEqual(unwrap(await server.storage.checkConsistency()), []);
    const after = await readManifest(device);
    assert.notEqual(after.epoch, before.epoch);
    assert.deepEqual(
      after.items.map(({ sequence }) => sequence).sort((left, right) => left - right),
      [2, 6, 7, 10, 11],
      'where the latest version is lost, the one before is current again',
    );
    const refused = await device.call('GET', `/v1/changes?since=${cursor}`);
    assert.equal(refused.status, 409);
    const again = device.change({
      itemId: String(items[1]?.['itemId']),
      base: { version: 1, timestamp: String(items[1]?.['timestamp']) },
      millis: testEpochMs + 2,
    });
    const pushed = await device.push([again], after.cursor);
    assert.equal(pushed.results[0]?.status, 'accepted');
    assert.ok(pushed.cursor !== undefined);
    assert.deepEqual(unwrap(await server.storage.checkConsistency()), []);
  });

  it('is found unsound by the check when sums, digest or marks do not agree', async () => {
    const damage = [
      ["UPDATE accounts SET digest = '00'", /digest/],
      ['UPDATE accounts SET live_bytes = live_bytes + 1', /current versions is wrong/],
      ['UPDATE accounts SET history_bytes = 5', /history/],
      ['DELETE FROM marks', /mark/],
      ['UPDATE accounts SET sequence = 0', /beyond the head/],
    ] as const;
    for (const [sql, finding] of damage) {
      const database = await openMemoryDatabase(serverMigrations);
      const server = await createTestServer({ database });
      const device = await signUp(server.app.fetch);
      await device.push([device.change({ itemId: systemRandom.uuid(), millis: testEpochMs })]);
      unwrap(await database.write(tx => ok(tx.run(sql))));
      assert.match(unwrap(await server.storage.checkConsistency()).join('; '), finding);
    }
  });
});
