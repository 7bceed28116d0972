import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type Random, systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { dayMs } from '../../src/base/time';
import { changeSchema } from '../../src/protocol/changes';
import { emptyDigest } from '../../src/protocol/digest';
import type { DecodedChange } from '../../src/server/acceptance';
import type { Cursor } from '../../src/server/cursors';
import type { NewAccount, ServerStorage } from '../../src/server/storage/storage';

/** An implementation of `ServerStorage` under the contract's test. */
export interface ServerStorageUnderTest {
  /** Opens the same store again and again, or a new one when there is none. */
  open(random: Random): Promise<ServerStorage>;
}

export const now = 1_735_689_600_000;
export const limits = { maxItemBytes: 10_000, maxAccountBytes: 1_000_000, maxRememberedAnswers: 100_000 };
export const deviceIds = ['00000000000000a1', '00000000000000b2', '00000000000000c3'] as const;

export function accountOf(login: string, deviceId: string = deviceIds[0]): NewAccount {
  return {
    accountId: systemRandom.uuid(),
    login,
    kdf: { algorithm: 'argon2id', memoryKib: 65_536, passes: 3, parallelism: 1, salt: 'AAAA' },
    authHash: 'auth',
    recoveryHash: 'recovery',
    wrapped: 'd3JhcHBlZA',
    recoveryWrapped: 'cmVjb3Zlcnk',
    extra: {},
    device: { deviceId, name: 'laptop', tokenHash: `token of ${deviceId}`, now },
    inviteHash: undefined,
  };
}

/** A decoded change of an item, or of a conflict record when it has a revision. */
export function changeOf(fields: Record<string, unknown>): DecodedChange {
  const payload = Buffer.alloc(20, String(fields['timestamp']));
  const change = changeSchema.parse({
    changeId: systemRandom.uuid(),
    collection: fields['revision'] === undefined ? 'item' : 'conflict',
    baseVersion: 0,
    baseTimestamp: null,
    changeType: 'upsert',
    keyId: '00000000000000aa',
    originDeviceId: String(fields['timestamp']).slice(-16),
    payload: payload.toString('base64url'),
    ...fields,
  });
  return { type: 'change', change, payload: new Uint8Array(payload), extra: {}, extraBytes: 0 };
}

export const stampOf = (millis: number, deviceId: string, counter = 0): string =>
  `${String(millis).padStart(16, '0')}-${counter.toString(16).padStart(4, '0')}-${deviceId}`;

/** What every implementation of `ServerStorage` keeps to. `start` begins with an empty store for each test. */
export function describeServerStorage(name: string, start: () => ServerStorageUnderTest): void {
  describe(`the server storage contract: ${name}`, () => {
    let subject: ServerStorageUnderTest;
    let storage: ServerStorage;
    const opened: ServerStorage[] = [];
    const open = async () => {
      const another = await subject.open(systemRandom);
      opened.push(another);
      return another;
    };
    beforeEach(async () => {
      subject = start();
      storage = await open();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map(store => store.close()));
    });

    const [deviceId] = deviceIds;
    const createAccount = async (login = 'ada') => {
      const account = accountOf(login);
      unwrap(await storage.createAccount(account));
      return account.accountId;
    };
    const push = async (accountId: string, changes: readonly DecodedChange[], cursor: Cursor | null = null) =>
      unwrap(await storage.push({ accountId, deviceId, cursor, changes, now, limits }));
    const pull = async (accountId: string, cursor: Cursor | null = null, limit = 1000) =>
      unwrap(await storage.pull({ accountId, deviceId, cursor, limit, maxPayloadBytes: 1_000_000, now }));
    const newItem = (millis = now) =>
      changeOf({ itemId: systemRandom.uuid(), timestamp: stampOf(millis, deviceId) });

    it('keeps everything over closing and opening', async () => {
      const accountId = await createAccount();
      const secret = unwrap(await storage.secret(systemRandom.bytes(32)));
      const pushed = await push(accountId, [newItem(), newItem()]);
      const page = await pull(accountId);
      await storage.close();
      storage = await open();
      assert.deepEqual(unwrap(await storage.secret(systemRandom.bytes(32))), secret);
      assert.deepEqual(await pull(accountId), page);
      assert.equal(unwrap(await storage.findDevice(accountId, deviceId))?.tokenHash, `token of ${deviceId}`);
      assert.equal(pushed.head, 2);
      assert.deepEqual(unwrap(await storage.checkConsistency()), []);
    });

    it('gives a sequence to every accepted change, and a reader that follows it skips none', async () => {
      const accountId = await createAccount();
      const seen: number[] = [];
      let cursor: Cursor | null = null;
      const reading = async () => {
        for (let turn = 0; turn < 40; turn++) {
          const page = await pull(accountId, cursor, 7);
          seen.push(...page.versions.map(({ sequence }) => sequence));
          cursor = page.cursor;
        }
      };
      const writing = Array.from({ length: 8 }, async () => {
        for (let round = 0; round < 5; round++) await push(accountId, [newItem(), newItem(), newItem()]);
      });
      await Promise.all([...writing, reading()]);
      for (let hasMore = true; hasMore; ) {
        const page = await pull(accountId, cursor, 7);
        seen.push(...page.versions.map(({ sequence }) => sequence));
        ({ cursor, hasMore } = page);
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 120 }, (_, index) => index + 1),
      );
    });

    it('lets one of many pushes on one base win', async () => {
      const accountId = await createAccount();
      const first = newItem();
      await push(accountId, [first]);
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          push(accountId, [
            changeOf({
              itemId: first.change.itemId,
              baseVersion: 1,
              baseTimestamp: first.change.timestamp,
              timestamp: stampOf(now + 1 + index, deviceId),
            }),
          ]),
        ),
      );
      const accepted = outcomes.filter(({ answers }) => answers[0]?.answer.status === 'accepted');
      assert.equal(accepted.length, 1);
      const [version] = (await pull(accountId)).versions;
      for (const { answers } of outcomes) {
        if (answers[0]?.answer.status === 'conflict') assert.deepEqual(answers[0].current, version);
      }
    });

    it('creates an account and uses its invite up, or neither', async () => {
      unwrap(await storage.createInvite({ hash: 'code', createdAt: now, expiresAt: now + dayMs }));
      const outcomes = await Promise.all(
        ['ada', 'bob', 'cy'].map(login => storage.createAccount({ ...accountOf(login), inviteHash: 'code' })),
      );
      assert.deepEqual(outcomes.map(({ ok }) => ok).sort(), [false, false, true]);
      assert.deepEqual(unwrap(await storage.counts()), { accounts: 1, invites: 0 });
    });

    it('refuses a login or an account id that is taken', async () => {
      const ada = accountOf('ada');
      unwrap(await storage.createAccount(ada));
      const again = await storage.createAccount({ ...accountOf('ada') });
      assert.deepEqual(again.ok ? 'created' : again.error.type, 'loginTaken');
      const same = await storage.createAccount({ ...accountOf('bob'), accountId: ada.accountId });
      assert.deepEqual(same.ok ? 'created' : same.error.type, 'accountIdTaken');
    });

    it('replaces a key ring by compare-and-set: of many at once, one', async () => {
      const accountId = await createAccount();
      const outcomes = await Promise.all(
        ['b25l', 'dHdv', 'c2l4'].map(wrapped =>
          storage.replaceKeyring({ accountId, baseVersion: 1, wrapped }),
        ),
      );
      assert.deepEqual(outcomes.map(({ ok }) => ok).sort(), [false, false, true]);
      const keyring = unwrap(await storage.findKeyring(accountId));
      assert.deepEqual([keyring?.version, keyring?.recoveryWrapped], [2, 'cmVjb3Zlcnk']);
    });

    it('tells the keys that payloads of the account are sealed with, history included', async () => {
      const accountId = await createAccount('ada');
      const bob = await createAccount('bob');
      const itemId = systemRandom.uuid();
      const sealedWith = (keyId: string, millis: number, base = {}) =>
        changeOf({ itemId, timestamp: stampOf(millis, deviceId), keyId, ...base });
      const first = sealedWith('00000000000000bb', now);
      const base = { baseVersion: 1, baseTimestamp: first.change.timestamp };
      await push(accountId, [first, sealedWith('00000000000000aa', now + 1, base)]);
      await push(bob, [changeOf({ itemId, timestamp: stampOf(now, deviceId), keyId: '00000000000000cc' })]);
      const used = async (limit: number) => unwrap(await storage.usedKeyIds(accountId, limit));
      assert.deepEqual(await used(10), ['00000000000000aa', '00000000000000bb']);
      assert.deepEqual(await used(1), ['00000000000000aa']);
    });

    it('remembers accepted answers for the device, until it acknowledges them', async () => {
      const accountId = await createAccount();
      const change = newItem();
      const first = await push(accountId, [change]);
      assert.deepEqual((await push(accountId, [change])).answers, first.answers);
      await pull(accountId, (await pull(accountId)).cursor);
      assert.equal((await push(accountId, [change])).answers[0]?.answer.status, 'conflict');
    });

    it('serves a revoked device no more, and its answers are forgotten', async () => {
      const accountId = await createAccount();
      await push(accountId, [newItem()]);
      assert.equal(unwrap(await storage.revokeDevice(accountId, deviceId)), true);
      assert.equal(unwrap(await storage.revokeDevice(accountId, deviceId)), false);
      assert.equal(unwrap(await storage.findDevice(accountId, deviceId)), undefined);
      const batch = { accountId, deviceId, cursor: null, changes: [newItem()], now, limits };
      const pushed = await storage.push(batch);
      assert.equal(pushed.ok ? 'pushed' : pushed.error.type, 'accessGone');
    });

    it('deletes an account with everything in it, and nothing else', async () => {
      const ada = await createAccount('ada');
      const bob = await createAccount('bob');
      await push(ada, [newItem()]);
      await push(bob, [newItem()]);
      assert.equal(unwrap(await storage.deleteAccount(ada)), true);
      assert.equal(unwrap(await storage.deleteAccount(ada)), false);
      const pulled = await storage.pull({
        accountId: ada,
        deviceId,
        cursor: null,
        limit: 1,
        maxPayloadBytes: 1,
        now,
      });
      assert.equal(pulled.ok ? 'pulled' : pulled.error.type, 'accessGone');
      assert.equal((await pull(bob)).versions.length, 1);
      assert.deepEqual(
        unwrap(await storage.listAccounts()).map(({ login, devices, liveItems }) => [
          login,
          devices,
          liveItems,
        ]),
        [['bob', 1, 1]],
      );
    });

    it('commits a new epoch although it refuses the cursor, and writes nothing of the push', async () => {
      const accountId = await createAccount();
      const { cursor } = await pull(accountId);
      const unknown = { ...cursor, mark: 'f'.repeat(16) };
      const refused = await storage.push({
        accountId,
        deviceId,
        cursor: unknown,
        changes: [newItem()],
        now,
        limits,
      });
      assert.deepEqual(refused.ok ? 'pushed' : refused.error, { type: 'epochChanged', startedNow: true });
      const after = await pull(accountId);
      assert.notEqual(after.cursor.epoch, cursor.epoch);
      assert.deepEqual([after.versions, after.digest], [[], emptyDigest]);
      const old = await storage.pull({
        accountId,
        deviceId,
        cursor,
        limit: 1,
        maxPayloadBytes: 1,
        now,
      });
      assert.deepEqual(old.ok ? 'pulled' : old.error, { type: 'epochChanged', startedNow: false });
    });

    it('tells which streams may stay, and the heads of their accounts', async () => {
      const accountId = await createAccount();
      await push(accountId, [newItem()]);
      const key = { accountId, deviceId, tokenHash: `token of ${deviceId}` };
      const states = await storage.streamStates([
        key,
        { ...key, tokenHash: 'another' },
        { ...key, deviceId: deviceIds[1] },
        { ...key, accountId: systemRandom.uuid() },
      ]);
      assert.deepEqual(
        unwrap(states).map(({ valid, head }) => [valid, head]),
        [
          [true, 1],
          [false, 1],
          [false, 1],
          [false, 0],
        ],
      );
    });
  });
}
