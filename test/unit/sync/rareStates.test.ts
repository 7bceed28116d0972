import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseJson } from '../../../src/base/json';
import { unwrap } from '../../../src/base/result';
import { hourMs, secondMs } from '../../../src/base/time';
import { addKey, type KeyRing } from '../../../src/crypto/keyRing';
import { type ItemId, isItemId } from '../../../src/model/ids/ids';
import { remoteVersionSchema } from '../../../src/protocol/changes';
import { accountIdSchema } from '../../../src/protocol/scalars';
import { text } from '../../../src/sqlite/rows';
import { listConflicts } from '../../../src/store/conflicts';
import { readItemEvenEmptied } from '../../../src/store/items';
import { openItem, openRecord } from '../../../src/sync/sealing/sealing';
import { answerLost, damagedPayloads, type Interceptor, unreachable } from '../../support/inProcessHttp';
import type { MemoryDatabase } from '../../support/memoryDatabase';
import { SeededRandom } from '../../support/seededRandom';
import { createAccount, type SyncDevice, type TestAccount } from '../../support/syncDevice';
import { testEpochMs } from '../../support/testServer';

/**
 * Few items and few steps, drawn so that rare states meet: servers that are restored, to any backup and in the middle of
 * a cycle, keys that are missing, payloads that were damaged on the way, cycles that end anywhere, devices that are gone
 * for good. Every line that a person writes is in an item or in a conflict record, sealed or not, until the last device
 * that had it is gone. `SEED` chooses another first seed, `RUNS` how many.
 */
const usualRuns = 30;
const stepsOfRun = 40;
const settlingRounds = 8;
const maxMsPerRun = 10_000;

describe('rare states that meet', () => {
  it('lose nothing that was written, and heal', async function () {
    const runs = Number(process.env['RUNS'] ?? usualRuns);
    const first = Number(process.env['SEED'] ?? 1);
    this.timeout(runs * maxMsPerRun);
    for (let seed = first; seed < first + runs; seed++) {
      const schedule = await Schedule.open(seed);
      try {
        for (let step = 0; step < stepsOfRun; step++) await schedule.take();
        await schedule.settle();
      } catch (error) {
        throw new Error(`SEED=${seed} breaks after\n${schedule.told.join('\n')}`, { cause: error });
      } finally {
        await schedule.close();
      }
    }
  });
});

class Schedule {
  readonly told: string[] = [];
  readonly #random: SeededRandom;
  readonly #account: TestAccount;
  readonly #all: readonly SyncDevice[];
  readonly #backups: MemoryDatabase[] = [];
  readonly #restored: MemoryDatabase[] = [];
  readonly #owed = new Set<string>();
  #devices: readonly SyncDevice[];
  #ids: readonly ItemId[] = [];
  #ring: KeyRing;
  #written = 0;

  private constructor(random: SeededRandom, account: TestAccount, devices: readonly SyncDevice[]) {
    this.#random = random;
    this.#account = account;
    this.#all = this.#devices = devices;
    this.#ring = account.ring;
  }

  static async open(seed: number): Promise<Schedule> {
    const random = new SeededRandom(seed);
    const account = await createAccount(random.fork('server'));
    const devices: SyncDevice[] = [];
    for (const name of ['laptop', 'desktop', 'phone'].slice(0, random.int(2, 4))) {
      const settings = { guardMaxChangedPercent: 100, massChange: 'accept' } as const;
      devices.push(await account.device(name, { random: random.fork(name), settings }));
    }
    const schedule = new Schedule(random, account, devices);
    const [first] = devices;
    assert(first);
    const ids: ItemId[] = [];
    for (let count = random.int(1, 3); count > 0; count--) ids.push(await first.add(`Item ${count}`));
    schedule.#ids = ids;
    for (const device of devices) await device.sync();
    return schedule;
  }

  async take(): Promise<void> {
    const device = this.#random.pick(this.#devices);
    for (const { time } of this.#all) await time.advance(this.#random.int(1, 3 * secondMs));
    await this.#account.serverTime.advance(3 * secondMs);
    const happens = this.#random.weighted({
      write: 25,
      remove: 3,
      sync: 32,
      backUp: 6,
      restore: 8,
      rotate: 4,
      unlock: 5,
      leave: 2,
    });
    switch (happens) {
      case 'write':
        await this.#write(device);
        break;
      case 'remove':
        await this.#remove(device);
        break;
      case 'sync':
        await this.#sync(device);
        break;
      case 'backUp':
        this.#backups.push(await this.#account.backUp());
        break;
      case 'restore':
        await this.#restore();
        break;
      case 'rotate':
        device.ring = this.#ring = unwrap(addKey(this.#ring, this.#random, testEpochMs));
        break;
      case 'unlock':
        device.ring = this.#ring;
        break;
      case 'leave':
        if (this.#devices.length > 1) this.#devices = this.#devices.filter(other => other !== device);
        await this.#writeOff();
        break;
    }
    this.told.push(`${device.name}: ${happens}`);
    await this.#check();
  }

  /** Nothing goes wrong any more, every device has every key, and all become one. */
  async settle(): Promise<void> {
    for (const device of this.#devices) device.ring = this.#ring;
    for (let round = 0; round < settlingRounds; round++) {
      await this.#account.serverTime.advance(2 * hourMs);
      for (const { time } of this.#all) await time.advance(2 * hourMs);
      for (const device of this.#devices) await device.cycle();
    }
    await this.#check();
    const held = await Promise.all(this.#devices.map(heldBy));
    for (const [index, device] of this.#devices.entries()) {
      assert.deepEqual((await device.sync()).report.diverged, false);
      assert.ok(await device.isOutboxEmpty(), `the outbox of ${device.name} is empty`);
      assert.deepEqual(held[index], held[0], `${device.name} holds what the others hold`);
      assert.deepEqual(await this.#sealedOn(device), [], `${device.name} has opened everything`);
    }
  }

  async close(): Promise<void> {
    for (const { store } of this.#all) await store.close();
    await this.#account.server.close();
    for (const database of [...this.#backups, ...this.#restored]) await database.close();
  }

  async #write(device: SyncDevice): Promise<void> {
    const id = this.#random.pick(this.#ids);
    const held = await device.read(store => readItemEvenEmptied(store, id));
    if (!held?.content) return;
    const line = `line${++this.#written};`;
    const lines = held.content.body.split('\n').filter(former => former !== '');
    lines.splice(this.#random.int(0, lines.length + 1), 0, line);
    await device.edit(id, { ...held.content, body: `${lines.join('\n')}\n` });
    this.#owed.add(line);
    this.told.push(`${device.name} writes ${line}`);
  }

  async #remove(device: SyncDevice): Promise<void> {
    const id = this.#random.pick(this.#ids);
    const held = await device.read(store => readItemEvenEmptied(store, id));
    if (held?.content) await device.remove(id);
  }

  /** A cycle with small limits, in which something goes wrong or not. */
  async #sync(device: SyncDevice): Promise<void> {
    const random = this.#random;
    device.atOnce = {
      ...device.atOnce,
      fetchedPerTransaction: random.pick([1, 48]),
      pageChanges: random.pick([1, 2, 400]),
      appliedPerTransaction: random.pick([1, 200]),
      batchChanges: random.pick([1, 2, 200]),
    };
    const troubles = ['none', 'none', 'ends', 'answerLost', 'between', 'damaged', 'restored'] as const;
    const trouble = random.pick(troubles);
    const restored = this.#restored.length;
    device.http.intercept = this.#troubled(device, trouble);
    const { error } = await device.cycle();
    device.http.intercept = undefined;
    if (this.#restored.length > restored) await this.#writeOff();
    this.told.push(`${device.name} syncs (${trouble}): ${error?.type ?? 'done'}`);
  }

  #troubled(
    device: SyncDevice,
    trouble: 'none' | 'ends' | 'answerLost' | 'between' | 'damaged' | 'restored',
  ): Interceptor | undefined {
    let left = this.#random.int(0, 8);
    let isOver = false;
    switch (trouble) {
      case 'none':
        return undefined;
      case 'damaged':
        return damagedPayloads;
      case 'ends':
        return (_, send) => (left-- > 0 ? send() : unreachable());
      case 'answerLost':
        return (request, send) => {
          if (left-- > 1) return send();
          return left === 0 ? answerLost(request, send) : unreachable();
        };
      case 'restored':
        return async (_, send) => {
          if (left-- === 0) await this.#restore();
          return send();
        };
      case 'between': {
        const others = this.#devices.filter(other => other !== device);
        if (others.length === 0) return undefined;
        const other = this.#random.pick(others);
        return async ({ method }, send) => {
          if (isOver) return left-- > 0 ? send() : unreachable();
          if (method !== 'POST') return send();
          isOver = true;
          await this.#write(other);
          await other.cycle();
          return send();
        };
      }
    }
  }

  async #restore(): Promise<void> {
    if (this.#backups.length === 0) return;
    const copy = await this.#random.pick(this.#backups).copy();
    this.#restored.push(copy);
    await this.#account.restore(copy);
    this.told.push('the server is restored');
    await this.#writeOff();
  }

  /** What is nowhere but on a server that is no more, or on a device that is gone, is not owed. */
  async #writeOff(): Promise<void> {
    const places = await this.#places();
    for (const line of this.#owed) if (!places.includes(line)) this.#owed.delete(line);
  }

  async #check(): Promise<void> {
    const places = await this.#places();
    for (const line of this.#owed) assert.ok(places.includes(line), `${line} is nowhere`);
  }

  /** All that is held anywhere, by the devices or the server, sealed or not. */
  async #places(): Promise<string> {
    const held: unknown[] = [];
    for (const device of this.#devices) held.push(await heldBy(device), await this.#sealedOn(device));
    const [any] = this.#devices;
    assert(any);
    const { changes } = unwrap(await any.transport.pull(undefined, 1000)).answer;
    held.push(changes.map(change => this.#opened(any, change)));
    return JSON.stringify(held);
  }

  #sealedOn(device: SyncDevice): Promise<readonly unknown[]> {
    return device.read(({ sql }) =>
      sql
        .all('SELECT wire FROM unopened UNION ALL SELECT wire FROM lost_versions')
        .map(row => this.#opened(device, parseJson(text(row, 'wire')))),
    );
  }

  #opened({ session }: SyncDevice, wire: unknown): unknown {
    const version = remoteVersionSchema.parse(wire);
    const keys = { accountId: accountIdSchema.parse(session.accountId), ring: this.#ring };
    return version.collection === 'item' ? openItem(version, keys) : openRecord(version, keys);
  }
}

/** The items and the conflict records, as they are shown. */
function heldBy(device: SyncDevice): Promise<unknown> {
  return device.read(store => ({
    items: store.sql.all('SELECT id FROM items ORDER BY id').map(row => {
      const id = text(row, 'id');
      assert(isItemId(id));
      const { content, deleted, lastModified } = readItemEvenEmptied(store, id) ?? {};
      return { id, content, deleted, lastModified };
    }),
    records: listConflicts(store, ['open', 'auto', 'resolved'])
      .map(({ id, conflict, stamp }) => ({ id, conflict, stamp }))
      .sort((left, right) => (left.id < right.id ? -1 : 1)),
  }));
}
