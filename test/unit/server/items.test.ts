import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { itemAnswerSchema, versionsAnswerSchema } from '../../../src/protocol/changes';
import { maxVersionEntries } from '../../../src/protocol/limits';
import { readManifest, signUp, type TestDevice } from '../../support/testDevice';
import { createTestServer, testEpochMs } from '../../support/testServer';

const uuid = () => systemRandom.uuid();

async function readVersions(device: TestDevice, itemId: string, query = '') {
  const response = await device.call('GET', `/v1/items/${itemId}/versions${query}`);
  assert.equal(response.status, 200);
  return versionsAnswerSchema.parse(await response.json());
}

/** Pushes so many versions of one item. */
async function pushVersions(device: TestDevice, count: number, payload?: string) {
  const itemId = uuid();
  let base: { version: number; timestamp: string } | undefined;
  for (let version = 1; version <= count; version++) {
    const change = device.change({
      itemId,
      base,
      millis: testEpochMs + version,
      ...(payload === undefined ? {} : { payload }),
    });
    await device.push([change]);
    base = { version, timestamp: String(change['timestamp']) };
  }
  return itemId;
}

describe('the manifest', () => {
  it('lists every item and record, tombstones included, by id, in pages, without payloads', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const changes = [
      ...Array.from({ length: 6 }, () => device.change({ itemId: uuid(), millis: testEpochMs })),
      device.change({ itemId: uuid(), millis: testEpochMs, changeType: 'delete' }),
      device.change({
        itemId: Buffer.from(systemRandom.bytes(16)).toString('hex'),
        millis: testEpochMs,
        collection: 'conflict',
        revision: 1,
      }),
    ];
    await device.push(changes);
    const { cursor } = await device.pull();
    const entries = [];
    let after = '';
    for (let hasMore = true; hasMore; ) {
      const page = await readManifest(device, `?limit=3${after && `&after=${after}`}`);
      assert.equal(page.cursor, cursor);
      entries.push(...page.items);
      after = page.items.at(-1)?.itemId ?? '';
      hasMore = page.hasMore;
    }
    const expected = changes
      .map((change, index) => ({
        collection: change['collection'],
        itemId: change['itemId'],
        version: 1,
        sequence: index + 1,
        changeType: change['changeType'],
        timestamp: change['timestamp'],
      }))
      .sort((left, right) => (String(left.itemId) < String(right.itemId) ? -1 : 1));
    assert.deepEqual(entries, expected);
  });

  it('of an empty account is empty, with a cursor to go on from', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const manifest = await readManifest(device);
    assert.deepEqual([manifest.items, manifest.hasMore], [[], false]);
    assert.equal(manifest.cursor, (await device.pull()).cursor);
  });

  it('names the current version only', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const itemId = await pushVersions(device, 3);
    assert.deepEqual(
      (await readManifest(device)).items.map(item => [item.itemId, item.version, item.sequence]),
      [[itemId, 3, 3]],
    );
  });
});

describe('an item', () => {
  it('is given with its payload, and is not found when there is none', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const itemId = await pushVersions(device, 2);
    const response = await device.call('GET', `/v1/items/${itemId}`);
    const { item } = itemAnswerSchema.parse(await response.json());
    assert.deepEqual([item.itemId, item.version], [itemId, 2]);
    assert.equal((await device.call('GET', `/v1/items/${uuid()}`)).status, 404);
    assert.equal((await device.call('GET', `/v1/items/${uuid()}/versions`)).status, 404);
  });

  it('has a history, newest first, in pages', async () => {
    const { app } = await createTestServer();
    const device = await signUp(app.fetch);
    const itemId = await pushVersions(device, 5);
    const numbers = (answer: { versions: readonly { version: number }[] }) =>
      answer.versions.map(({ version }) => version);
    const first = await readVersions(device, itemId, '?limit=2');
    assert.deepEqual([numbers(first), first.hasMore], [[5, 4], true]);
    const rest = await readVersions(device, itemId, '?before=4');
    assert.deepEqual([numbers(rest), rest.hasMore], [[3, 2, 1], false]);
    assert.deepEqual(numbers(await readVersions(device, itemId, '?before=1')), []);
  });

  it('has a history of bounded length, and pages of bounded size', async () => {
    const server = await createTestServer();
    const device = await signUp(server.app.fetch);
    const itemId = await pushVersions(device, maxVersionEntries + 3);
    const { versions } = await readVersions(device, itemId);
    assert.equal(versions.length, maxVersionEntries);
    assert.equal(versions.at(-1)?.version, 4);
    const large = await pushVersions(device, 4, Buffer.alloc(900_000).toString('base64url'));
    const page = await readVersions(device, large);
    assert.deepEqual([page.versions.length, page.hasMore], [2, true]);
    assert.deepEqual(await server.storage.checkConsistency(), { ok: true, value: [] });
  });
});
