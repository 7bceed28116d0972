import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import type { ChangeAnswer } from '../../../src/protocol/changes';
import { emptyDigest, toggleInDigest } from '../../../src/protocol/digest';
import { itemIdSchema, stampSchema } from '../../../src/protocol/scalars';
import { signIn, signUp, stampOf, type TestDevice } from '../../support/testDevice';
import { createManualClock, createTestServer, testEpochMs } from '../../support/testServer';

const uuid = () => systemRandom.uuid();
const hex32 = () => Buffer.from(systemRandom.bytes(16)).toString('hex');
const statuses = (answer: { results: readonly ChangeAnswer[] }) => answer.results.map(({ status }) => status);
const codes = (answer: { results: readonly ChangeAnswer[] }) =>
  answer.results.map(result => (result.status === 'rejected' ? result.code : result.status));

/** A device, and a change of it that has been accepted as version 1. */
async function withItem(itemId = uuid()) {
  const server = await createTestServer();
  const device = await signUp(server.app.fetch);
  const change = device.change({ itemId, millis: testEpochMs });
  await device.push([change]);
  return { server, device, itemId, base: { version: 1, timestamp: String(change['timestamp']) } };
}

function record(device: TestDevice, itemId: string, revision: number, millis: number, rest: object = {}) {
  return device.change({ itemId, millis, collection: 'conflict', revision, ...rest });
}

describe('push and pull', () => {
  it('gives what one device pushed to another, in order, with the digest', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const first = laptop.change({ itemId: uuid(), millis: testEpochMs });
    const second = laptop.change({ itemId: uuid(), millis: testEpochMs });
    const pushed = await laptop.push([first, second]);
    assert.deepEqual(statuses(pushed), ['accepted', 'accepted']);
    const pulled = await desktop.pull();
    assert.deepEqual(
      pulled.changes.map(change => [change.itemId, change.version, change.sequence, change.payload]),
      [
        [first['itemId'], 1, 1, first['payload']],
        [second['itemId'], 1, 2, second['payload']],
      ],
    );
    assert.equal(pulled.hasMore, false);
    const digest = [first, second].reduce(
      (sum, change) =>
        toggleInDigest(sum, itemIdSchema.parse(change['itemId']), 1, stampSchema.parse(change['timestamp'])),
      emptyDigest,
    );
    assert.equal(pulled.digest, digest);
    assert.equal(pushed.digest, digest);
    assert.equal(pushed.cursor, pulled.cursor);
    assert.deepEqual((await desktop.pull(pulled.cursor)).changes, []);
  });

  it('gives back every field of a version, and fields that it does not know', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const item = device.change({
      itemId: uuid(),
      millis: testEpochMs,
      resolves: hex32(),
      reseal: true,
      colour: { of: ['the', 'future'] },
    });
    const conflict = record(device, hex32(), 3, testEpochMs, { changeType: 'delete' });
    await device.push([item, conflict]);
    const { changes } = await device.pull();
    const { changeId: _id, baseVersion: _base, baseTimestamp: _stamp, ...expected } = item;
    assert.deepEqual(changes[0], { ...expected, version: 1, sequence: 1 });
    assert.equal(changes[1]?.['revision'], 3);
    assert.equal(changes[1]?.changeType, 'delete');
  });

  it('never lets an unknown field stand for a known one', async () => {
    const { device, itemId } = await withItem();
    const other = device.change({
      itemId: uuid(),
      millis: testEpochMs,
      version: 99,
      sequence: 77,
      current: null,
    });
    await device.push([other]);
    const { changes } = await device.pull();
    assert.deepEqual(
      changes.map(({ version, sequence }) => [version, sequence]),
      [
        [1, 1],
        [1, 2],
      ],
    );
    assert.equal(changes[0]?.itemId, itemId);
  });

  it('pages by count and by bytes, and gives the digest on the last page only', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const payload = Buffer.alloc(900_000).toString('base64url');
    const ids = [uuid(), uuid(), uuid(), uuid(), uuid()];
    for (const itemId of ids) await device.push([device.change({ itemId, millis: testEpochMs, payload })]);
    const byBytes = await device.pull();
    assert.deepEqual([byBytes.changes.length, byBytes.hasMore, byBytes.digest], [2, true, undefined]);
    const read: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 10; page++) {
      const answer = await device.pull(cursor, 2);
      read.push(...answer.changes.map(change => change.itemId));
      cursor = answer.cursor;
      assert.equal(answer.digest === undefined, answer.hasMore);
      if (!answer.hasMore) break;
    }
    assert.deepEqual(read, ids);
  });

  it('shows only the current version of an item', async () => {
    const { device, itemId, base } = await withItem();
    await device.push([device.change({ itemId, base, millis: testEpochMs + 1 })]);
    const { changes } = await device.pull();
    assert.deepEqual(
      changes.map(({ version, sequence }) => [version, sequence]),
      [[2, 2]],
    );
  });

  it('takes deleted versions out of the digest', async () => {
    const { device, itemId, base } = await withItem();
    const deletion = { itemId, base, millis: testEpochMs + 1, changeType: 'delete' };
    await device.push([device.change(deletion)]);
    assert.equal((await device.pull()).digest, emptyDigest);
  });
});

describe('which changes are accepted', () => {
  it('refuses a change whose base is not the current version, and shows the current one', async () => {
    const { device, itemId, base } = await withItem();
    const pushed = await device.push([
      device.change({ itemId, millis: testEpochMs + 1 }),
      device.change({ itemId, millis: testEpochMs + 1, base: { ...base, version: 2 } }),
      device.change({
        itemId,
        millis: testEpochMs + 1,
        base: { ...base, timestamp: stampOf(testEpochMs, 9, device.deviceId) },
      }),
    ]);
    for (const result of pushed.results) {
      assert.equal(result.status, 'conflict');
      assert.equal(result.status === 'conflict' && result.current?.version, 1);
    }
  });

  it('answers a conflict with nothing for an item that it does not have', async () => {
    const { device, base } = await withItem();
    const pushed = await device.push([device.change({ itemId: uuid(), millis: testEpochMs + 1, base })]);
    assert.deepEqual(pushed.results[0]?.status === 'conflict' && pushed.results[0].current, null);
  });

  it('applies several changes of one item in order', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const itemId = uuid();
    const first = device.change({ itemId, millis: testEpochMs });
    const second = device.change({
      itemId,
      millis: testEpochMs + 1,
      base: { version: 1, timestamp: String(first['timestamp']) },
    });
    const stale = device.change({ itemId, millis: testEpochMs + 2 });
    const pushed = await device.push([first, second, stale]);
    assert.deepEqual(statuses(pushed), ['accepted', 'accepted', 'conflict']);
    assert.equal(pushed.results[2]?.status === 'conflict' && pushed.results[2].current?.version, 2);
  });

  it('refuses stamps that do not grow, item by item', async () => {
    const { device, itemId, base } = await withItem();
    const pushed = await device.push([
      device.change({ itemId, base, millis: testEpochMs }),
      device.change({ itemId: uuid(), millis: testEpochMs }),
    ]);
    assert.deepEqual(codes(pushed), ['stampNotGrowing', 'accepted']);
  });

  it('refuses stamps more than five minutes after the later of now and the current stamp', async () => {
    const clock = createManualClock(testEpochMs);
    const { app } = await createTestServer({ clock });
    const device = await signUp(app.fetch);
    const fiveMinutes = 5 * 60_000;
    const itemId = uuid();
    const atLimit = device.change({ itemId, millis: testEpochMs + fiveMinutes });
    const pushed = await device.push([
      atLimit,
      device.change({ itemId: uuid(), millis: testEpochMs + fiveMinutes + 1 }),
    ]);
    assert.deepEqual(codes(pushed), ['accepted', 'stampAhead']);
    const base = { version: 1, timestamp: String(atLimit['timestamp']) };
    const later = await device.push([device.change({ itemId, base, millis: testEpochMs + 2 * fiveMinutes })]);
    assert.deepEqual(codes(later), ['accepted']);
  });

  it('refuses a stamp of another device than the change names, and half a base', async () => {
    const { device, base } = await withItem();
    const pushed = await device.push([
      device.change({ itemId: uuid(), millis: testEpochMs, originDeviceId: '00000000000000ff' }),
      { ...device.change({ itemId: uuid(), millis: testEpochMs }), baseTimestamp: base.timestamp },
      { ...device.change({ itemId: uuid(), millis: testEpochMs }), baseVersion: 3 },
    ]);
    assert.deepEqual(codes(pushed), ['malformed', 'malformed', 'malformed']);
  });

  it('accepts changes that another device has stamped: a device brings back what the server lost', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const origin = '00000000000000ff';
    const timestamp = stampOf(testEpochMs, 0, origin);
    const pushed = await device.push([
      device.change({ itemId: uuid(), millis: testEpochMs, originDeviceId: origin, timestamp }),
    ]);
    assert.deepEqual(codes(pushed), ['accepted']);
  });

  it('lets a conflict record with the higher revision, then stamp, win and never asks for its base', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const itemId = hex32();
    const pushed = await device.push([
      record(device, itemId, 1, testEpochMs + 5),
      record(device, itemId, 2, testEpochMs),
      record(device, itemId, 1, testEpochMs + 9),
      record(device, itemId, 2, testEpochMs),
      record(device, itemId, 2, testEpochMs + 1),
    ]);
    assert.deepEqual(statuses(pushed), ['accepted', 'accepted', 'conflict', 'conflict', 'accepted']);
    assert.equal(pushed.results[2]?.status === 'conflict' && pushed.results[2].current?.['revision'], 2);
  });

  it('refuses payloads above its limits; a conflict record may be larger', async () => {
    const { app } = await createTestServer({ limits: { maxItemBytes: 1000 } });
    const device = await signUp(app.fetch);
    const sized = (bytes: number) => ({ payload: Buffer.alloc(bytes).toString('base64url') });
    const pushed = await device.push([
      device.change({ itemId: uuid(), millis: testEpochMs, ...sized(1000) }),
      device.change({ itemId: uuid(), millis: testEpochMs, ...sized(1001) }),
      record(device, hex32(), 1, testEpochMs, sized(3000 + 65_536)),
      record(device, hex32(), 1, testEpochMs, sized(3000 + 65_537)),
      device.change({ itemId: uuid(), millis: testEpochMs, colour: 'x'.repeat(17_000) }),
    ]);
    assert.deepEqual(codes(pushed), ['accepted', 'tooLarge', 'accepted', 'tooLarge', 'tooLarge']);
  });

  it('answers one malformed change among good ones by itself', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const pushed = await device.push([
      device.change({ itemId: 'nonsense', millis: testEpochMs }),
      device.change({ itemId: uuid(), millis: testEpochMs, collection: 'ofTheFuture' }),
      device.change({ itemId: uuid(), millis: testEpochMs, payload: 'A' }),
      device.change({ itemId: uuid(), millis: testEpochMs }),
    ]);
    assert.deepEqual(codes(pushed), ['malformed', 'malformed', 'malformed', 'accepted']);
  });

  it('answers with as many current versions as a client is willing to read, and defers the rest', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const payload = Buffer.alloc(1_000_000).toString('base64url');
    const ids = Array.from({ length: 10 }, uuid);
    for (const itemId of ids) await device.push([device.change({ itemId, millis: testEpochMs, payload })]);
    const pushed = await device.push(ids.map(itemId => device.change({ itemId, millis: testEpochMs + 1 })));
    assert.deepEqual(codes(pushed), [...Array(8).fill('conflict'), 'deferred', 'deferred']);
  });
});

describe('groups', () => {
  it('are accepted all or none, and the change that was refused keeps its own answer', async () => {
    const { device, itemId, base } = await withItem();
    const group = uuid();
    const good = device.change({ itemId, base, millis: testEpochMs + 1, group });
    const bad = record(device, hex32(), 1, testEpochMs + 10 * 60_000, { group });
    const alone = device.change({ itemId: uuid(), millis: testEpochMs });
    const pushed = await device.push([good, bad, alone]);
    assert.deepEqual(codes(pushed), ['groupRefused', 'stampAhead', 'accepted']);
    const again = await device.push([
      device.change({ itemId, base, millis: testEpochMs + 1, group }),
      record(device, hex32(), 1, testEpochMs + 1, { group }),
    ]);
    assert.deepEqual(codes(again), ['accepted', 'accepted']);
  });

  it('leave no trace of the changes before the refused one', async () => {
    const { device, itemId, base } = await withItem();
    const group = uuid();
    const first = device.change({ itemId, base, millis: testEpochMs + 1, group });
    const next = { version: 2, timestamp: String(first['timestamp']) };
    const second = device.change({ itemId, base: next, millis: testEpochMs + 2 });
    const refused = device.change({ itemId: 'x', millis: testEpochMs, group });
    const known = device.change({ itemId: uuid(), millis: testEpochMs, group, base });
    assert.deepEqual(codes(await device.push([first, second, known, refused])), [
      'groupRefused',
      'conflict',
      'conflict',
      'malformed',
    ]);
    const { changes, digest } = await device.pull();
    assert.deepEqual(changes.length, 1);
    assert.equal(
      digest,
      toggleInDigest(emptyDigest, itemIdSchema.parse(itemId), 1, stampSchema.parse(base.timestamp)),
    );
  });

  it('refuses a group of which a change cannot be decoded', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const group = uuid();
    const pushed = await device.push([
      device.change({ itemId: uuid(), millis: testEpochMs, group }),
      device.change({ itemId: 'nonsense', millis: testEpochMs, group }),
    ]);
    assert.deepEqual(codes(pushed), ['groupRefused', 'malformed']);
  });
});

describe('repeated pushes', () => {
  it('are answered the same, byte for byte, until the device acknowledges a later cursor', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const body = JSON.stringify({
      cursor: null,
      changes: [
        device.change({ itemId: uuid(), millis: testEpochMs }),
        device.change({ itemId: uuid(), millis: testEpochMs }),
      ],
    });
    const send = async () => {
      const answer: unknown = await (await device.call('POST', '/v1/changes', body)).json();
      assert.ok(answer !== null && typeof answer === 'object' && 'results' in answer);
      return JSON.stringify(answer.results);
    };
    const first = await send();
    assert.equal(await send(), first);
    const { cursor } = await device.pull();
    assert.equal(await send(), first, 'a pull without a cursor acknowledges nothing');
    await device.pull(cursor);
    assert.match(await send(), /"conflict".*"conflict"/);
  });

  it('of another device are not mixed up', async () => {
    const { app } = await createTestServer();
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const change = laptop.change({ itemId: uuid(), millis: testEpochMs });
    assert.deepEqual(statuses(await laptop.push([change])), ['accepted']);
    assert.deepEqual(statuses(await desktop.push([change])), ['conflict']);
  });

  it('remember nothing but acceptance', async () => {
    const { device, itemId, base } = await withItem();
    const change = device.change({ itemId, base, millis: testEpochMs });
    assert.deepEqual(codes(await device.push([change])), ['stampNotGrowing']);
    const mended = { ...change, timestamp: stampOf(testEpochMs + 1, 0, device.deviceId) };
    assert.deepEqual(codes(await device.push([mended])), ['accepted']);
  });

  it('within one batch are answered once', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const change = device.change({ itemId: uuid(), millis: testEpochMs });
    const pushed = await device.push([change, change]);
    assert.deepEqual(statuses(pushed), ['accepted', 'accepted']);
    assert.equal((await device.pull()).changes.length, 1);
  });

  it('are forgotten when the device is revoked', async () => {
    const { server, device, base } = await withItem();
    const change = device.change({ itemId: uuid(), millis: testEpochMs });
    await device.push([change]);
    await device.call('DELETE', `/v1/devices/${device.deviceId}`);
    const anew = await signIn(server.app.fetch, 'ada', { deviceId: device.deviceId });
    assert.deepEqual(statuses(await anew.push([change])), ['conflict']);
    assert.equal(base.version, 1);
  });
});

describe('quota', () => {
  const sized = (bytes: number) => ({ payload: Buffer.alloc(bytes).toString('base64url') });

  it('trims history before it refuses anything', async () => {
    const { app } = await createTestServer({ limits: { maxAccountBytes: 5000, maxItemBytes: 2000 } });
    const device = await signUp(app.fetch);
    const itemId = uuid();
    let base: { version: number; timestamp: string } | undefined;
    for (let version = 1; version <= 6; version++) {
      const change = device.change({ itemId, base, millis: testEpochMs + version, ...sized(1500) });
      assert.deepEqual(codes(await device.push([change])), ['accepted']);
      base = { version, timestamp: String(change['timestamp']) };
    }
    const response = await device.call('GET', `/v1/items/${itemId}/versions`);
    const { versions } = JSON.parse(await response.text());
    assert.deepEqual(
      versions.map((entry: { version: number }) => entry.version),
      [6, 5, 4],
    );
  });

  it('lets deletes, resolutions and re-seals pass, and refuses other growth', async () => {
    const { app } = await createTestServer({ limits: { maxAccountBytes: 3000, maxItemBytes: 2000 } });
    const device = await signUp(app.fetch);
    const first = device.change({ itemId: uuid(), millis: testEpochMs, ...sized(1400) });
    const second = device.change({ itemId: uuid(), millis: testEpochMs, ...sized(1400) });
    await device.push([first, second]);
    const baseOf = (change: Record<string, unknown>) => ({
      version: 1,
      timestamp: String(change['timestamp']),
    });
    const on = (change: Record<string, unknown>, rest: object) =>
      device.change({
        itemId: String(change['itemId']),
        base: baseOf(change),
        millis: testEpochMs + 1,
        ...sized(1800),
        ...rest,
      });
    assert.deepEqual(codes(await device.push([on(first, {})])), ['quotaExceeded']);
    assert.deepEqual(codes(await device.push([on(first, { reseal: true })])), ['accepted']);
    assert.deepEqual(codes(await device.push([on(second, { changeType: 'delete' })])), ['accepted']);
    const group = uuid();
    const third = device.change({
      itemId: uuid(),
      millis: testEpochMs,
      ...sized(500),
      group,
      resolves: hex32(),
    });
    const pair = [third, record(device, hex32(), 1, testEpochMs, { group })];
    assert.deepEqual(codes(await device.push(pair)), ['accepted', 'accepted']);
    const fresh = { reseal: true, changeType: 'delete', ...sized(100) };
    assert.deepEqual(
      codes(await device.push([device.change({ itemId: uuid(), millis: testEpochMs, ...fresh })])),
      ['quotaExceeded'],
    );
  });
});

describe('retired keys', () => {
  it('may seal nothing new', async () => {
    const { device } = await withItem();
    const keyring = await device.call('PUT', '/v1/accounts/me/keyring', {
      authKey: Buffer.alloc(32, 1).toString('base64url'),
      baseVersion: 1,
      wrapped: 'bmV3',
      recoveryWrapped: 'bmV3',
      retiredKeyIds: ['00000000000000aa'],
    });
    assert.equal(keyring.status, 200);
    const pushed = await device.push([
      device.change({ itemId: uuid(), millis: testEpochMs }),
      device.change({ itemId: uuid(), millis: testEpochMs, keyId: '00000000000000bb' }),
    ]);
    assert.deepEqual(codes(pushed), ['keyRetired', 'accepted']);
  });
});
