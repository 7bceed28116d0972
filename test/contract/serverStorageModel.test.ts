import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { defined } from '../../src/base/assert';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { dayMs, systemClock } from '../../src/base/time';
import type { DecodedChange } from '../../src/server/acceptance';
import type { Cursor } from '../../src/server/cursors';
import { serverMigrations } from '../../src/server/storage/schema';
import { createSqliteStorage } from '../../src/server/storage/sqliteStorage';
import type { ServerStorage } from '../../src/server/storage/storage';
import { isExtended } from '../support/extended';
import { openMemoryDatabase } from '../support/memoryDatabase';
import { accountOf, changeOf, deviceIds, limits, now, stampOf } from './serverStorage';
import { AccountModel } from './serverStorageModel';

const subjects = Array.from({ length: 5 }, () => systemRandom.uuid());
const records = Array.from({ length: 3 }, () => Buffer.from(systemRandom.bytes(16)).toString('hex'));
const groups = [systemRandom.uuid(), systemRandom.uuid()];
const retentionMs = 90 * dayMs;
const runs = isExtended ? 3000 : 60;

const edit = fc.record({
  subject: fc.nat(7),
  /** Which version it is based on: mostly the current one. */
  base: fc.constantFrom('current', 'current', 'current', 'current', 'older', 'none', 'wrongStamp'),
  /** Milliseconds after the current version's stamp, or after now. */
  aheadMs: fc.constantFrom(-1, 0, 1, 1, 1, 1000, 299_000, 400_000),
  isDelete: fc.boolean(),
  revision: fc.integer({ min: 1, max: 3 }),
  group: fc.constantFrom(undefined, undefined, undefined, 0, 1),
  isRepeat: fc.constantFrom(false, false, false, true),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('push'),
      device: fc.nat(2),
      edits: fc.array(edit, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('pull'),
      device: fc.nat(2),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wait'), days: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('prune') }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A device as the test plays it: what it has read, and up to where. */
interface Replica {
  readonly deviceId: string;
  cursor: Cursor | null;
  /** The sequence of its last acknowledgement, and when that moved. */
  acknowledged: number;
  movedAt: number;
  readonly held: Map<string, { readonly version: number; readonly timestamp: string }>;
}

class Run {
  readonly model = new AccountModel();
  readonly replicas: readonly Replica[];
  readonly #storage: ServerStorage;
  readonly #accountId: string;
  readonly #sent: DecodedChange[] = [];
  #now = now;
  #prunedUpTo = 0;
  /** When each sequence was given, and the last one of its push: pruning goes push by push. */
  readonly #written: { readonly at: number; readonly end: number }[] = [];

  constructor(storage: ServerStorage, accountId: string) {
    this.#storage = storage;
    this.#accountId = accountId;
    this.replicas = deviceIds.map(deviceId => ({
      deviceId,
      cursor: null,
      acknowledged: 0,
      movedAt: now,
      held: new Map(),
    }));
  }

  async take(taken: Step): Promise<void> {
    switch (taken.type) {
      case 'push':
        return this.#push(this.#replica(taken.device), taken.edits);
      case 'pull':
        await this.pull(this.#replica(taken.device), taken.limit);
        return;
      case 'wait':
        this.#now += taken.days * dayMs;
        return;
      case 'prune':
        return this.#prune();
    }
  }

  /** Reads one page, and answers whether there is more. */
  async pull(replica: Replica, limit: number): Promise<boolean> {
    const pulled = await this.#storage.pull({
      accountId: this.#accountId,
      deviceId: replica.deviceId,
      cursor: replica.cursor,
      limit,
      maxPayloadBytes: 1_000_000,
      now: this.#now,
    });
    if (!pulled.ok) {
      assert.equal(pulled.error.type, 'cursorExpired');
      assert.ok((replica.cursor?.sequence ?? 0) < this.#prunedUpTo, 'only what was pruned expires');
      replica.held.clear();
      replica.cursor = null;
      return true;
    }
    const acknowledged = replica.cursor?.sequence ?? 0;
    this.model.acknowledge(replica.deviceId, acknowledged);
    if (acknowledged !== replica.acknowledged) replica.movedAt = this.#now;
    replica.acknowledged = acknowledged;
    const { versions, cursor, hasMore, digest } = pulled.value;
    for (const version of versions) {
      if (version.changeType === 'delete') replica.held.delete(version.itemId);
      else replica.held.set(version.itemId, version);
    }
    replica.cursor = cursor;
    if (hasMore) {
      assert.equal(digest, undefined);
    } else {
      assert.equal(digest, this.model.digest());
      assert.deepEqual(shownBy(replica), shownBy(this.#expected()));
    }
    return hasMore;
  }

  async finish(): Promise<void> {
    for (const replica of this.replicas) while (await this.pull(replica, 3));
    assert.deepEqual(unwrap(await this.#storage.checkConsistency()), []);
  }

  async #push(replica: Replica, edits: readonly Edit[]): Promise<void> {
    const changes = edits.map(one => this.#changeOf(replica, one));
    const before = this.model.head;
    const outcome = unwrap(
      await this.#storage.push({
        accountId: this.#accountId,
        deviceId: replica.deviceId,
        cursor: null,
        changes,
        now: this.#now,
        limits,
      }),
    );
    const answers = outcome.answers.map(({ answer }) =>
      answer.status === 'accepted'
        ? `accepted ${answer.version} ${answer.sequence}`
        : answer.status === 'conflict'
          ? `conflict ${answer.subject}`
          : `rejected ${answer.code}`,
    );
    assert.deepEqual(answers, this.model.push(replica.deviceId, changes, this.#now));
    assert.equal(outcome.head, this.model.head);
    for (let sequence = before + 1; sequence <= outcome.head; sequence++) {
      this.#written[sequence] = { at: this.#now, end: outcome.head };
    }
    assert.equal(outcome.next === undefined, before > 0);
    for (const { answer, current } of outcome.answers) {
      if (answer.status !== 'conflict' || current === null) continue;
      assert.equal(current.version, this.model.current(answer.subject)?.version);
    }
    this.#sent.push(...changes);
  }

  /** What was pruned must be a tombstone that has outlived the retention, and that every active device has seen. */
  async #prune(): Promise<void> {
    unwrap(await this.#storage.prune({ now: this.#now, retentionMs }));
    const manifest = unwrap(
      await this.#storage.manifest({ accountId: this.#accountId, after: '', limit: 100 }),
    );
    const kept = new Set(manifest.entries.map(({ itemId }) => itemId));
    const cutoff = this.#now - retentionMs;
    for (const { change, sequence } of this.model.currents()) {
      const { at, end } = defined(this.#written[sequence], 'every sequence was written');
      const isDue =
        at < cutoff &&
        this.replicas.every(
          ({ acknowledged, movedAt }) =>
            acknowledged >= end || (acknowledged !== this.model.head && movedAt < cutoff),
        );
      assert.equal(kept.has(change.itemId), change.changeType === 'upsert' || !isDue);
      if (kept.has(change.itemId)) continue;
      this.model.forget(change.itemId);
      this.#prunedUpTo = Math.max(this.#prunedUpTo, sequence);
    }
    // Cursors may expire up to where everyone has read, also when no tombstone was there.
    this.#prunedUpTo = this.model.head;
  }

  #changeOf(replica: Replica, one: Edit): DecodedChange {
    const repeated = this.#sent.at(-1 - (one.subject % 3));
    if (one.isRepeat && repeated !== undefined) return repeated;
    const itemId = [...subjects, ...records][one.subject] ?? '';
    const isRecord = records.includes(itemId);
    const all = this.model.versions.filter(({ change }) => change.itemId === itemId);
    const current = all.at(-1);
    const based = one.base === 'none' ? undefined : one.base === 'older' ? all.at(-2) : current;
    const start = current === undefined ? this.#now : Number(current.change.timestamp.slice(0, 16));
    const stamp = one.base === 'wrongStamp' ? stampOf(1, replica.deviceId) : based?.change.timestamp;
    return changeOf({
      itemId,
      timestamp: stampOf(start + one.aheadMs, replica.deviceId),
      baseVersion: based?.version ?? 0,
      baseTimestamp: based === undefined ? null : stamp,
      changeType: one.isDelete ? 'delete' : 'upsert',
      ...(isRecord ? { revision: one.revision } : {}),
      ...(one.group === undefined ? {} : { group: groups[one.group] }),
    });
  }

  #expected(): Pick<Replica, 'held'> {
    const live = this.model.currents().filter(({ change }) => change.changeType === 'upsert');
    return {
      held: new Map(
        live.map(({ change, version }) => [change.itemId, { version, timestamp: change.timestamp }]),
      ),
    };
  }

  #replica(index: number): Replica {
    const replica = this.replicas[index];
    assert.ok(replica);
    return replica;
  }
}

function shownBy({ held }: Pick<Replica, 'held'>): readonly string[] {
  return [...held].map(([id, { version, timestamp }]) => `${id} ${version} ${timestamp}`).sort();
}

describe('sequences, cursors, repeats and pruning', () => {
  it('agree with the model in every order of pushes, pulls, waits and prunings', async () => {
    const seed = process.env['SEED'];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
        const storage = createSqliteStorage(
          await openMemoryDatabase(serverMigrations),
          systemRandom,
          systemClock,
        );
        const account = accountOf('ada');
        unwrap(await storage.createAccount(account));
        for (const deviceId of deviceIds.slice(1)) {
          unwrap(
            await storage.signInDevice({
              ...account.device,
              deviceId,
              tokenHash: deviceId,
              accountId: account.accountId,
            }),
          );
        }
        const run = new Run(storage, account.accountId);
        for (const taken of steps) await run.take(taken);
        await run.finish();
        await storage.close();
      }),
      { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
  });
});
