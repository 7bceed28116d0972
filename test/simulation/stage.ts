import assert from 'node:assert/strict';
import { ok, type Result, unwrap } from '../../src/base/result';
import { secondMs } from '../../src/base/time';
import type { DeviceError } from '../../src/device/deviceError';
import type { Conflict } from '../../src/model/conflict';
import type { Content } from '../../src/model/content';
import { contentText } from '../../src/model/contentCodec';
import { createItemId } from '../../src/model/ids/createId';
import type { ItemId } from '../../src/model/ids/ids';
import { listConflicts } from '../../src/store/conflicts';
import { readItem, type StoredItem } from '../../src/store/items';
import { Payloads } from '../../src/store/payloads';
import type { StoreTransaction } from '../../src/store/transaction';
import type { MergeContext } from '../../src/sync/context';
import { editItem } from '../../src/sync/edits/localEdits';
import { SeededRandom } from '../support/seededRandom';
import { note, testCipher } from '../support/storeFixture';
import { type Limits, usualLimits } from './limits';
import type { SimulatedDevice } from './simulatedDevice';
import type { NetworkFaults } from './simulatedNetwork';
import { noFaults } from './simulatedNetwork';
import { World } from './world';

/** A world to play a scene in, step by step, by name and without chance. */
export class Stage {
  readonly world: World;

  private constructor(world: World) {
    this.world = world;
  }

  static async open(
    devices: number,
    options: {
      readonly windows?: number;
      readonly faults?: Partial<NetworkFaults>;
      readonly limits?: Partial<Limits>;
      readonly syncsItself?: boolean;
    } = {},
  ): Promise<Stage> {
    const plan = {
      seed: 'stage',
      devices,
      windows: options.windows ?? 1,
      text: 'merge' as const,
      takesTurns: false,
      faults: { ...noFaults, ...options.faults },
      skewsMs: [],
      limits: { ...usualLimits, ...options.limits },
      syncsItself: options.syncsItself ?? false,
      steps: [],
    };
    const world = new World(plan, new SeededRandom('stage'));
    await world.open();
    return new Stage(world);
  }

  /** Everything settles, every invariant holds, and the curtain falls. */
  async settleAndClose(): Promise<void> {
    await this.world.settle();
    await this.close();
  }

  async close(): Promise<void> {
    await this.world.close();
  }

  device(number: number): SimulatedDevice {
    const device = this.world.devices[number];
    assert(device);
    return device;
  }

  async pass(ms: number): Promise<void> {
    await this.world.time.advanceTo(this.world.time.nowMs + ms);
  }

  /** A person writes on a device. */
  async edit(
    number: number,
    id: ItemId,
    change: (content: Content) => Content,
    deleted = false,
  ): Promise<void> {
    await this.inWindow(number, context => {
      const held = readItem(context.store, id);
      assert(held?.content);
      const content = change(held.content);
      const stamp = editItem(context, id, { content, deleted });
      this.world.ledger.edited(this.device(number).name, {
        itemId: id,
        parent: held.lastModified,
        stamp,
        before: contentText(held.content),
        after: contentText(content),
        deleted,
      });
    });
  }

  async create(number: number, title: string, body = 'one\ntwo\nthree\n'): Promise<ItemId> {
    return this.inWindow(number, context => {
      const id = createItemId(context.random);
      const content = note(title, body);
      const stamp = editItem(context, id, { content, deleted: false });
      const after = contentText(content);
      this.world.ledger.edited(this.device(number).name, {
        itemId: id,
        parent: undefined,
        stamp,
        before: '',
        after,
        deleted: false,
      });
      return id;
    });
  }

  retitle(number: number, id: ItemId, title: string): Promise<void> {
    return this.edit(number, id, content => ({ ...content, title }));
  }

  rewrite(number: number, id: ItemId, body: string): Promise<void> {
    return this.edit(number, id, content => ({ ...content, body }));
  }

  remove(number: number, id: ItemId): Promise<void> {
    return this.edit(number, id, content => content, true);
  }

  /** The first two devices change one line at once, and all have synced: there is an open record of it. */
  async overlap(): Promise<{ readonly id: ItemId; readonly record: Conflict }> {
    const id = await this.create(0, 'an item');
    await this.syncAll();
    await this.rewrite(0, id, 'one\nof the first\nthree\n');
    await this.pass(secondMs);
    await this.rewrite(1, id, 'one\nof the second\nthree\n');
    await this.syncAll(3);
    const [record, ...others] = await this.records(0);
    assert(record);
    assert.deepEqual([record.state, others], ['open', []]);
    return { id, record };
  }

  /** One transaction of a person's, which must succeed. */
  async inWindow<T>(number: number, work: (context: MergeContext) => T, windowNumber = 0): Promise<T> {
    const device = this.device(number);
    const window = await device.window(windowNumber);
    const done = await device.act(window, (context): Result<T, DeviceError> => ok(work(context)));
    assert(done?.ok, 'the transaction of a person on a stage succeeds');
    return done.value;
  }

  /** One cycle; `done`, or why it was not. */
  async sync(number: number, accept = true): Promise<string> {
    return this.world.syncOnce(number, accept);
  }

  async syncAll(rounds = 2): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const number of this.world.devices.keys()) assert.equal(await this.sync(number), 'done');
    }
  }

  async item(number: number, id: ItemId): Promise<(StoredItem & { readonly content: Content }) | undefined> {
    const held = await this.read(number, store => readItem(store, id));
    return held?.content === undefined ? undefined : { ...held, content: held.content };
  }

  /** Records of any state. */
  async records(number: number) {
    const held = await this.read(number, store => listConflicts(store, ['open', 'auto', 'resolved']));
    return held.flatMap(({ conflict }) => conflict ?? []);
  }

  async read<T>(number: number, work: (store: StoreTransaction) => T): Promise<T> {
    const payloads = new Payloads(testCipher(), 'sensitive');
    return unwrap(await this.device(number).database.read(sql => work({ sql, payloads })));
  }
}
