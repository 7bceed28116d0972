import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { dayMs } from '../../../src/base/time';
import { pullAnswerSchema } from '../../../src/protocol/changes';
import { maxCursorLength } from '../../../src/protocol/limits';
import { formatCursor, parseCursor } from '../../../src/server/cursors';
import { serverMigrations } from '../../../src/server/storage/schema';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { readManifest, signIn, signUp, type TestDevice } from '../../support/testDevice';
import { createManualClock, createTestServer, testEpochMs } from '../../support/testServer';

const uuid = () => systemRandom.uuid();

async function problemOf(response: Response): Promise<{ status: number; code: string }> {
  const { code } = JSON.parse(await response.text());
  return { status: response.status, code };
}

const pullWith = (device: TestDevice, cursor: string) =>
  device.call('GET', `/v1/changes?since=${encodeURIComponent(cursor)}`);

const pushOne = (device: TestDevice, cursor: string | null = null) =>
  device.push([device.change({ itemId: uuid(), millis: testEpochMs })], cursor);

describe('a cursor', () => {
  it('is read back as it was written, within its longest length', () => {
    const largest = {
      epoch: 'f'.repeat(16),
      sequence: 999_999_999_999_999,
      floor: 999_999_999_999_999,
      mark: 'f'.repeat(16),
    };
    assert.ok(formatCursor(largest).length <= maxCursorLength);
    assert.deepEqual(parseCursor(formatCursor(largest)), largest);
  });

  it('that is no cursor of any server is as good as one of another epoch', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const forged = Buffer.from(`${'0'.repeat(16)}.-1.0.${'0'.repeat(16)}`).toString('base64url');
    for (const cursor of ['x', 'AAAA', forged]) {
      assert.deepEqual(await problemOf(await pullWith(device, cursor)), {
        status: 409,
        code: 'epochChanged',
      });
    }
  });

  it('is accepted at every sequence that a page may end at, the very first included', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const { cursor: atStart } = await device.pull();
    await device.push(
      Array.from({ length: 5 }, () => device.change({ itemId: uuid(), millis: testEpochMs })),
    );
    let cursor = atStart;
    for (let page = 1; page <= 5; page++) {
      const answer = await device.pull(cursor, 1);
      assert.equal(answer.changes[0]?.sequence, page);
      cursor = answer.cursor;
    }
    assert.equal((await device.pull(atStart)).changes.length, 5);
  });

  it('at the head lets a push move it along; an older one does not', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const { cursor } = await laptop.pull();
    const moved = await pushOne(laptop, cursor);
    assert.ok(moved.cursor !== undefined && moved.digest !== undefined);
    assert.deepEqual((await laptop.pull(moved.cursor)).changes, []);
    const behind = await pushOne(desktop, cursor);
    assert.deepEqual([behind.cursor, behind.digest], [undefined, undefined]);
  });
});

describe('a server that was restored from a backup', () => {
  async function restored() {
    const clock = createManualClock(testEpochMs);
    const database = await openMemoryDatabase(serverMigrations);
    const before = await createTestServer({ database, clock });
    const ahead = await signUp(before.app.fetch);
    const behind = await signIn(before.app.fetch);
    await pushOne(ahead);
    const { cursor: shared } = await behind.pull();
    await ahead.pull();
    const backup = await database.copy();
    await pushOne(ahead);
    const { cursor: lost } = await ahead.pull();
    const server = await createTestServer({ database: backup, clock });
    const on = (device: TestDevice): TestDevice => ({ ...device, call: callOn(server, device) });
    return { clock, server, ahead: on(ahead), behind: on(behind), shared, lost };
  }
  const callOn =
    (server: Awaited<ReturnType<typeof createTestServer>>, { token }: TestDevice): TestDevice['call'] =>
    async (method, path, body, headers) =>
      server.app.fetch(
        new Request(`http://server.test${path}`, {
          method,
          headers: { Authorization: `Bearer ${token}`, ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );

  it('starts a new epoch when a device knows more than it, before anything is accepted', async () => {
    const { ahead, behind, shared, lost } = await restored();
    const change = ahead.change({ itemId: uuid(), millis: testEpochMs });
    const before = await readManifest(behind);
    const refused = await ahead.call('POST', '/v1/changes', { cursor: lost, changes: [change] });
    assert.deepEqual(await problemOf(refused), { status: 409, code: 'epochChanged' });
    const after = await readManifest(behind);
    assert.notEqual(after.epoch, before.epoch);
    assert.deepEqual(after.items, before.items);
    assert.deepEqual(await problemOf(await pullWith(behind, shared)), { status: 409, code: 'epochChanged' });
    assert.equal((await readManifest(behind)).epoch, after.epoch, 'an old epoch starts no new one');
    assert.equal((await pullWith(behind, after.cursor)).status, 200);
  });

  it('knows a lost mark even when it has given the same sequence again since', async () => {
    const { ahead, behind, shared, lost } = await restored();
    const change = behind.change({ itemId: uuid(), millis: testEpochMs });
    const pushed = await behind.call('POST', '/v1/changes', { cursor: shared, changes: [change] });
    assert.equal(pushed.status, 200);
    assert.deepEqual(await problemOf(await pullWith(ahead, lost)), { status: 409, code: 'epochChanged' });
  });

  it('knows it also after the retention, when all that was known of that time has been pruned', async () => {
    const { clock, server, ahead, behind, shared, lost } = await restored();
    const push = async (cursor: string) => {
      const change = behind.change({ itemId: uuid(), millis: testEpochMs });
      assert.equal((await behind.call('POST', '/v1/changes', { cursor, changes: [change] })).status, 200);
      const moved = pullAnswerSchema.parse(await (await pullWith(behind, cursor)).json());
      assert.equal((await pullWith(behind, moved.cursor)).status, 200, 'it acknowledges');
      return moved.cursor;
    };
    let cursor = shared;
    for (let count = 0; count < 3; count++) cursor = await push(cursor);
    clock.advance(100 * dayMs);
    cursor = await push(cursor);
    await server.prune();
    assert.deepEqual(await problemOf(await pullWith(behind, shared)), { status: 410, code: 'cursorExpired' });
    assert.deepEqual(await problemOf(await pullWith(ahead, lost)), { status: 409, code: 'epochChanged' });
  });

  it('goes on in the same epoch with devices that know no more than it', async () => {
    const { behind, shared } = await restored();
    assert.equal((await pullWith(behind, shared)).status, 200);
  });
});

describe('pruning', () => {
  async function withTombstone() {
    const clock = createManualClock(testEpochMs);
    const server = await createTestServer({ clock, limits: { retentionMs: 90 * dayMs } });
    const laptop = await signUp(server.app.fetch);
    const desktop = await signIn(server.app.fetch);
    const itemId = uuid();
    const kept = laptop.change({ itemId: uuid(), millis: testEpochMs });
    const first = laptop.change({ itemId, millis: testEpochMs });
    await laptop.push([kept, first]);
    const { cursor: beforeDeletion } = await desktop.pull();
    await desktop.pull(beforeDeletion);
    const base = { version: 1, timestamp: String(first['timestamp']) };
    const deletion = laptop.change({ itemId, base, millis: testEpochMs + 1, changeType: 'delete' });
    await laptop.push([deletion]);
    const acknowledge = async (device: TestDevice) => {
      const { cursor } = await device.pull();
      await device.pull(cursor);
      return cursor;
    };
    return { clock, server, laptop, desktop, itemId, deletion, beforeDeletion, acknowledge };
  }

  it('removes a tombstone and old versions once all have acknowledged them and the retention has passed', async () => {
    const { clock, server, laptop, desktop, itemId, acknowledge } = await withTombstone();
    await acknowledge(laptop);
    await acknowledge(desktop);
    clock.advance(90 * dayMs);
    assert.equal((await readManifest(laptop)).items.length, 2, 'not before the retention has passed');
    await server.prune();
    assert.equal((await readManifest(laptop)).items.length, 2);
    clock.advance(1);
    await server.prune();
    assert.deepEqual(
      (await readManifest(laptop)).items.map(item => item.itemId === itemId),
      [false],
    );
    assert.equal((await laptop.call('GET', `/v1/items/${itemId}/versions`)).status, 404);
    assert.deepEqual(await server.storage.checkConsistency(), { ok: true, value: [] });
  });

  it('waits for an active device, and not for one that was away for longer than the retention', async () => {
    const { clock, server, laptop, desktop, beforeDeletion, acknowledge } = await withTombstone();
    await acknowledge(laptop);
    clock.advance(30 * dayMs);
    await desktop.pull(beforeDeletion, 1);
    const { cursor: halfway } = await desktop.pull();
    assert.ok(halfway);
    clock.advance(61 * dayMs);
    await desktop.push([desktop.change({ itemId: uuid(), millis: testEpochMs })], beforeDeletion);
    await acknowledge(laptop);
    await server.prune();
    assert.equal(
      (await readManifest(laptop)).items.filter(item => item.changeType === 'delete').length,
      1,
      'the desktop has moved 61 days ago',
    );
    clock.advance(30 * dayMs);
    await server.prune();
    assert.equal((await readManifest(laptop)).items.filter(item => item.changeType === 'delete').length, 0);
    assert.deepEqual(await problemOf(await pullWith(desktop, beforeDeletion)), {
      status: 410,
      code: 'cursorExpired',
    });
    const push = {
      cursor: beforeDeletion,
      changes: [desktop.change({ itemId: uuid(), millis: testEpochMs })],
    };
    assert.deepEqual(await problemOf(await desktop.call('POST', '/v1/changes', push)), {
      status: 410,
      code: 'cursorExpired',
    });
  });

  it('lets a device go on whose cursor is at the head, however long it was away', async () => {
    const { clock, server, laptop, desktop, acknowledge } = await withTombstone();
    const atHead = await acknowledge(desktop);
    await acknowledge(laptop);
    clock.advance(1000 * dayMs);
    await server.prune();
    assert.deepEqual((await desktop.pull(atHead)).changes, []);
  });

  it('lets a reading that began after it go on page by page, below what was pruned', async () => {
    const { clock, server, laptop, desktop, acknowledge } = await withTombstone();
    for (let count = 0; count < 3; count++) await pushOne(laptop);
    await acknowledge(laptop);
    await acknowledge(desktop);
    clock.advance(91 * dayMs);
    await server.prune();
    const fresh = await signIn(server.app.fetch);
    let answer = await fresh.pull(undefined, 1);
    let count = answer.changes.length;
    while (answer.hasMore) {
      answer = await fresh.pull(answer.cursor, 1);
      count += answer.changes.length;
    }
    assert.equal(count, 4);
    assert.equal(answer.cursor, (await laptop.pull()).cursor);
  });

  it('stops a reading that began before it when it has not read so far', async () => {
    const { clock, server, laptop, desktop, acknowledge } = await withTombstone();
    const fresh = await signIn(server.app.fetch);
    const { cursor } = await fresh.pull(undefined, 1);
    clock.advance(91 * dayMs);
    await acknowledge(laptop);
    await acknowledge(desktop);
    await server.prune();
    assert.deepEqual(await problemOf(await pullWith(fresh, cursor)), { status: 410, code: 'cursorExpired' });
  });

  it('answers a change of a pruned item with a conflict and nothing', async () => {
    const { clock, server, laptop, desktop, itemId, deletion, acknowledge } = await withTombstone();
    await acknowledge(desktop);
    const cursor = await acknowledge(laptop);
    clock.advance(91 * dayMs);
    await server.prune();
    const base = { version: 2, timestamp: String(deletion['timestamp']) };
    const pushed = await laptop.push([laptop.change({ itemId, base, millis: clock.now() })], cursor);
    assert.deepEqual(pushed.results[0]?.status === 'conflict' && pushed.results[0].current, null);
  });
});
