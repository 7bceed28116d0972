import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { defined } from '../../../../src/base/assert';
import { fromUtf8, toUtf8 } from '../../../../src/base/encoding';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { hourMs } from '../../../../src/base/time';
import { sealPayload } from '../../../../src/crypto/envelope';
import { addKey, createKeyRing, currentKey } from '../../../../src/crypto/keyRing';
import type { Content } from '../../../../src/model/content';
import { createAccountId, createChangeId } from '../../../../src/model/ids/createId';
import { changeSchema, type RemoteVersion, remoteVersionSchema } from '../../../../src/protocol/changes';
import { writeConflict } from '../../../../src/store/conflicts';
import { listUnopened } from '../../../../src/store/synced/unopened';
import { recomputeDigest } from '../../../../src/sync/reconcile/digest';
import {
  decodeItemDocument,
  decodeRecordDocument,
  encodeItemDocument,
  encodeRecordDocument,
} from '../../../../src/sync/sealing/sealedDocument';
import { openItem, type SealingKeys, sealItemChange } from '../../../../src/sync/sealing/sealing';
import { itemId, laptop, note, stampAt } from '../../../support/storeFixture';
import { createAccount, type SyncDevice } from '../../../support/syncDevice';
import { testEpochMs } from '../../../support/testServer';

const ring = createKeyRing(systemRandom, testEpochMs);
const keys: SealingKeys = { accountId: createAccountId(systemRandom), ring };
type ItemVersion = RemoteVersion & { readonly collection: 'item' };

function sealed(body = 'milk\n', maxItemBytes = 1024 * 1024, wireExtra = {}) {
  return sealItemChange({
    change: {
      collection: 'item',
      rowId: 1,
      itemId: itemId(1),
      type: 'upsert',
      stamp: stampAt(1000),
      rawMs: 1000,
      content: note('Shopping', body),
      base: { version: 0, stamp: undefined, deleted: false, content: undefined },
      ancestors: [stampAt(900)],
      resolves: undefined,
      reseal: false,
      groupId: undefined,
      refused: undefined,
      flight: undefined,
    },
    changeId: createChangeId(systemRandom),
    deviceName: 'laptop',
    keys,
    wireExtra,
    limits: { maxItemBytes },
    random: systemRandom,
  });
}

function version(change: Record<string, unknown>): ItemVersion {
  const decoded = remoteVersionSchema.parse({ ...change, version: 1, sequence: 1 });
  assert.ok(decoded.collection === 'item');
  return decoded;
}

const sealedVersion = (wireExtra = {}): ItemVersion =>
  version(JSON.parse(unwrap(sealed('milk\n', 1024 * 1024, wireExtra))));

describe('sealing', () => {
  it('gives a change of the protocol that says nothing of what is in it', () => {
    const text = unwrap(sealed('a very secret shopping list\n'));
    assert.ok(changeSchema.safeParse(JSON.parse(text)).success);
    for (const word of ['Shopping', 'secret', 'laptop']) assert.ok(!text.includes(word));
  });

  it('opens to what was sealed', () => {
    const opened = unwrap(openItem(sealedVersion(), keys));
    assert.deepEqual(opened.document.content, note('Shopping', 'milk\n'));
    assert.deepEqual(opened.document.ancestors, [stampAt(900)]);
    assert.equal(opened.document.deviceName, 'laptop');
    assert.equal(opened.deleted, false);
  });

  it('opens as nothing but the version that it was sealed for', () => {
    const sound = sealedVersion();
    const otherStamp = stampAt(1001);
    const altered: readonly Partial<ItemVersion>[] = [
      { itemId: itemId(2) },
      { timestamp: otherStamp },
      { changeType: 'delete' },
      { payload: `${sound.payload.slice(0, -4)}AAAA` },
      { payload: sound.payload.slice(0, 40) },
      { payload: 'A' },
    ];
    for (const fields of altered) {
      const opened = openItem({ ...sound, ...fields }, keys);
      assert.ok(!opened.ok && opened.error.type === 'unsound', JSON.stringify(fields));
    }
    const foreign = openItem(sound, { ...keys, accountId: createAccountId(systemRandom) });
    assert.ok(!foreign.ok && foreign.error.type === 'unsound');
  });

  it('names the key that is missing', () => {
    const opened = openItem(sealedVersion(), { ...keys, ring: createKeyRing(systemRandom, testEpochMs) });
    assert.deepEqual(opened, { ok: false, error: { type: 'keyMissing', keyId: ring.current } });
  });

  it('opens what was sealed before a rotation', () => {
    const rotated = unwrap(addKey(ring, systemRandom, testEpochMs));
    assert.ok(openItem(sealedVersion(), { ...keys, ring: rotated }).ok);
  });

  it('refuses what the server would refuse, and what inflates to too much', () => {
    const random = Buffer.from(systemRandom.bytes(20_000)).toString('base64');
    const tooLarge = sealed(random, 10_000);
    assert.ok(!tooLarge.ok && tooLarge.error.maxBytes === 10_000);
    const bomb = sealed('x'.repeat(20 * 1024 * 1024));
    assert.ok(!bomb.ok && bomb.error.bytes > 20 * 1024 * 1024);
  });

  it('sends unknown fields of the wire back, and takes no orders from them', () => {
    const opened = unwrap(openItem(sealedVersion({ color: 'red' }), keys));
    assert.equal(opened.wireExtra['color'], 'red');
    const { changeId, group } = opened.wireExtra;
    assert.deepEqual([changeId, group], [undefined, undefined]);
    const ordered = version({
      ...JSON.parse(unwrap(sealed())),
      group: createChangeId(systemRandom),
    });
    assert.equal(unwrap(openItem(ordered, keys)).wireExtra['group'], undefined);
  });

  it('says that a document is of a newer format, and that another is malformed', () => {
    const decode = (value: unknown) => decodeItemDocument(toUtf8(JSON.stringify(value)));
    assert.deepEqual(decode({ format: 2 }), { ok: false, error: { type: 'newerFormat', format: 2 } });
    for (const value of [{}, [], { format: 0 }, { format: 1 }, { format: 1, content: {}, ancestors: [] }]) {
      const decoded = decode(value);
      assert.ok(!decoded.ok && decoded.error.type === 'malformedDocument', JSON.stringify(value));
    }
    const sound = { content: { ...note('Title'), extra: undefined }, deviceName: 'x', format: 1 };
    assert.ok(!decode({ ...sound, ancestors: ['not a stamp'] }).ok);
  });
});

describe('what a newer version wrote beside a content', () => {
  const beside = { reminder: { at: 5 }, source: 'phone' };

  it('is sealed again where it stood, and a content keeps it through an edit', async () => {
    const account = await createAccount();
    const device = await account.device('laptop');
    const id = await device.add('Shopping', 'milk\n');
    const { content } = await device.item(id);
    const document = JSON.parse(fromUtf8(encodeItemDocument(documentOf(defined(content, 'unlocked')))) ?? '');
    const opened = unwrap(decodeItemDocument(toUtf8(JSON.stringify({ ...document, ...beside }))));
    await device.edit(id, opened.content);
    await device.setBody(id, 'milk\neggs\n');
    const edited = defined((await device.item(id)).content, 'unlocked');
    const sent = JSON.parse(fromUtf8(encodeItemDocument(documentOf(edited))) ?? '');
    assert.deepEqual([sent.reminder, sent.source], [beside.reminder, beside.source]);
    assert.deepEqual(sent.content, { ...document.content, body: 'milk\neggs\n' });
    assert.equal(sent.format, 1);
  });

  it('is sealed again beside a record too', async () => {
    const account = await createAccount();
    const left = await account.device('laptop');
    const right = await account.device('desktop');
    const id = await left.add('Shopping', 'one\n');
    for (const device of [left, right]) await device.sync();
    for (const device of [left, right]) await device.setBody(id, `${device.name}\n`);
    for (const device of [left, right]) await device.sync();
    const [record] = await right.conflicts();
    const text = fromUtf8(encodeRecordDocument(defined(record?.conflict, 'they met')));
    const written = { ...JSON.parse(text ?? ''), ...beside };
    const opened = unwrap(decodeRecordDocument(toUtf8(JSON.stringify(written))));
    await right.write(({ store }) => writeConflict(store, { ...opened, revision: opened.revision + 1 }));
    const [kept] = await right.conflicts();
    const sent = JSON.parse(fromUtf8(encodeRecordDocument(defined(kept?.conflict, 'it is held'))) ?? '');
    assert.deepEqual(sent, { ...written, conflict: { ...written.conflict, revision: opened.revision + 1 } });
  });

  it('takes the place of nothing that is known', () => {
    const content = note('Title', '', { extra: { $beside: { format: 9, content: 'x', ancestors: 'x' } } });
    assert.equal(unwrap(decodeItemDocument(encodeItemDocument(documentOf(content)))).content.title, 'Title');
  });
});

const documentOf = (content: Content) => ({
  content,
  ancestors: [],
  deviceName: 'laptop',
  resolves: undefined,
});

describe('versions that do not open', () => {
  /** Puts the next payload of the desktop under another document. */
  async function withPayload(text: string): Promise<{ laptop: SyncDevice; id: ReturnType<typeof itemId> }> {
    const account = await createAccount();
    const left = await account.device('laptop');
    const right = await account.device('desktop');
    const id = await left.add('Shopping', 'one\n');
    await left.sync();
    await right.sync();
    const { lastModified } = await right.item(id);
    const key = currentKey(account.ring);
    const stamp = stampAt(testEpochMs + 5000, right.id);
    const binding = {
      accountId: keys.accountId,
      collection: 'item' as const,
      subjectId: id,
      changeType: 'upsert' as const,
      stamp,
      deviceId: right.id,
      keyId: key.keyId,
    };
    const { accountId } = right.dependencies().keys;
    const payload = sealPayload({
      plaintext: toUtf8(text),
      binding: { ...binding, accountId },
      key,
      random: systemRandom,
    });
    await right.session.push([
      right.session.change({
        itemId: id,
        millis: testEpochMs + 5000,
        base: { version: 1, timestamp: lastModified },
        keyId: key.keyId,
        payload: Buffer.from(payload).toString('base64url'),
      }),
    ]);
    return { laptop: left, id };
  }

  it('of a newer format are kept, change nothing, and cost an idle cycle no write', async () => {
    const { laptop: device, id } = await withPayload('{"format":7,"news":true}');
    const { report } = await device.sync();
    assert.equal(report.unsound, 1);
    assert.equal(await device.body(id), 'one\n');
    const [kept] = await device.read(tx => listUnopened(tx, '', 10));
    assert.equal(kept?.reason, 'newerFormat');
    const idle = await device.sync();
    assert.equal(idle.report.unsound, 0);
    assert.equal(idle.report.requests, 1);
  });

  it('hold up the changes of their item alone', async () => {
    const { laptop: device, id } = await withPayload('{"format":7}');
    await device.sync();
    await device.setBody(id, 'two\n');
    const other = await device.add('Other');
    await device.sync();
    assert.equal((await device.item(other)).version, 1);
    assert.equal((await device.item(id)).version, 1, 'it is not pushed over what cannot be read');
    assert.equal(device.pushes().length, 2);
  });

  it('are reported when they are no documents', async () => {
    const { laptop: device, id } = await withPayload('nonsense');
    assert.equal((await device.sync()).report.unsound, 1);
    assert.equal(await device.body(id), 'one\n');
    const [kept] = await device.read(tx => listUnopened(tx, '', 10));
    assert.equal(kept?.reason, 'unsound');
    assert.equal(laptop.length, 16);
  });

  it('are asked for again when they are unsound, at once and then once in an hour', async () => {
    const { laptop: device } = await withPayload('nonsense');
    await device.sync();
    const requests = async () => (await device.sync()).report.requests;
    assert.equal(await requests(), 2, 'it may have been damaged on the way');
    assert.equal(await requests(), 1);
    await device.time.advance(hourMs);
    assert.equal(await requests(), 2);
    assert.equal(await requests(), 1);
  });

  it('are applied when they were damaged on the way alone', async () => {
    const account = await createAccount();
    const left = await account.device('laptop');
    const right = await account.device('desktop');
    const id = await left.add('Shopping', 'one\n');
    await left.sync();
    right.http.intercept = async (_request, send) => {
      const answer = await send();
      if (!answer.ok) return answer;
      const text = new TextDecoder().decode(answer.value.body);
      const body = new TextEncoder().encode(text.replace(/("payload":"[^"]{60})..../g, '$1AAAA'));
      return { ok: true, value: { ...answer.value, body } };
    };
    assert.equal((await right.sync()).report.unsound, 1);
    right.http.intercept = undefined;
    await right.sync();
    assert.equal(await right.body(id), 'one\n');
    assert.deepEqual(await right.read(tx => listUnopened(tx, '', 10)), []);
  });

  it('do not keep what else differs from being found', async () => {
    const { laptop: device } = await withPayload('{"format":7}');
    const other = await device.add('Other', 'text\n');
    await device.sync();
    assert.equal((await device.sync()).report.reconciled, false, 'what waits to be opened is no difference');
    await device.write(({ store }) => {
      store.sql.run('DELETE FROM items WHERE id = ?', [other]);
      recomputeDigest(store);
    });
    assert.ok((await device.sync()).report.reconciled);
    assert.equal(await device.body(other), 'text\n');
  });
});
