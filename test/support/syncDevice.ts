import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { silentLogger } from '../../src/base/logger';
import { type Random, systemRandom } from '../../src/base/random';
import { ok, type Result, unwrap } from '../../src/base/result';
import { systemTimers } from '../../src/base/time';
import { createKeyRing, type KeyRing } from '../../src/crypto/keyRing';
import type { Content } from '../../src/model/content';
import { createItemId } from '../../src/model/ids/createId';
import type { DeviceId, ItemId } from '../../src/model/ids/ids';
import type { Stamp } from '../../src/model/ids/stamp';
import { accountIdSchema, deviceIdSchema } from '../../src/protocol/scalars';
import type { ServerCore } from '../../src/server/core';
import { serverMigrations } from '../../src/server/storage/schema';
import { listConflicts, type StoredConflict } from '../../src/store/conflicts';
import { readItem, type StoredItem } from '../../src/store/items';
import { isOutboxEmpty } from '../../src/store/outbox';
import type { Store } from '../../src/store/store';
import type { StoreTransaction } from '../../src/store/transaction';
import { OffsetEstimator } from '../../src/sync/clock/clockOffset';
import type { MergeContext } from '../../src/sync/context';
import { type CycleOutcome, runCycle } from '../../src/sync/cycle';
import { defaultCycleLimits } from '../../src/sync/cycleLimits';
import type { CycleDependencies, CycleSettings } from '../../src/sync/cycleRun';
import { editItem, type LocalEdit } from '../../src/sync/edits/localEdits';
import { createTransport, type Transport } from '../../src/sync/transport/transport';
import { type InProcessHttp, inProcessHttp } from './inProcessHttp';
import { type MemoryDatabase, openMemoryDatabase } from './memoryDatabase';
import { note, openMemoryStore } from './storeFixture';
import { baseUrl, type Fetch, signIn, signUp, type TestDevice } from './testDevice';
import { createTestServer, testEpochMs } from './testServer';
import { VirtualTime } from './virtualTime';

/** An account on a server in this process; the server's time is its own. */
export interface TestAccount {
  readonly server: ServerCore;
  /** A backup of the server's store, as it is now. */
  backUp(): Promise<MemoryDatabase>;
  /** From now on the server is one over this store. */
  restore(backup: MemoryDatabase): Promise<void>;
  readonly serverTime: VirtualTime;
  readonly ring: KeyRing;
  /** A device of the account, with an empty store. */
  device(name: string, options?: DeviceOptions): Promise<SyncDevice>;
}

export interface DeviceOptions {
  /** How far the machine's wall clock is ahead of the server's. */
  readonly aheadMs?: number;
  readonly settings?: Partial<CycleSettings>;
  readonly random?: Random;
}

/** @param random what the server and the key ring are made with */
export async function createAccount(random: Random = systemRandom): Promise<TestAccount> {
  const serverTime = new VirtualTime(testEpochMs);
  let database = await openMemoryDatabase(serverMigrations);
  let server = await createTestServer({ database, clock: serverTime, timers: serverTime, random });
  const fetch: Fetch = request => server.app.fetch(request);
  const ring = createKeyRing(random, testEpochMs);
  let first = true;
  return {
    get server() {
      return server;
    },
    serverTime,
    ring,
    backUp: () => database.copy(),
    async restore(backup) {
      database = backup;
      server = await createTestServer({ database, clock: serverTime, timers: serverTime, random });
    },
    async device(name, options = {}) {
      const session = first ? await signUp(fetch, 'ada', { random }) : await signIn(fetch, 'ada', { random });
      first = false;
      return SyncDevice.open({ name, session, fetch, ring, ...options });
    },
  };
}

/** The engine of a device, run cycle by cycle: real store in memory, real transport, real server. */
export class SyncDevice {
  readonly store: Store;
  readonly id: DeviceId;
  readonly name: string;
  readonly time: VirtualTime;
  readonly http: InProcessHttp;
  session: TestDevice;
  offsets: OffsetEstimator;
  transport: Transport;
  ring: KeyRing;
  settings: CycleSettings;
  atOnce = defaultCycleLimits;
  snapshots = 0;
  readonly stopping = new AbortController();
  readonly #random: Random;

  private constructor(
    store: Store,
    options: DeviceOptions & { name: string; session: TestDevice; fetch: Fetch; ring: KeyRing },
  ) {
    this.store = store;
    this.session = options.session;
    this.id = deviceIdSchema.parse(options.session.deviceId);
    this.name = options.name;
    this.ring = options.ring;
    this.time = new VirtualTime(testEpochMs + (options.aheadMs ?? 0));
    this.http = inProcessHttp(options.fetch);
    this.offsets = new OffsetEstimator(this.time, 'boot');
    this.transport = createTransport(this.http, this.time, { server: baseUrl, token: options.session.token });
    this.#random = options.random ?? systemRandom;
    this.settings = {
      text: 'merge',
      guardMaxChangedPercent: 30,
      ...options.settings,
    };
  }

  static async open(
    options: DeviceOptions & { name: string; session: TestDevice; fetch: Fetch; ring: KeyRing },
  ): Promise<SyncDevice> {
    return new SyncDevice(await openMemoryStore(), options);
  }

  dependencies(): CycleDependencies {
    return {
      store: this.store,
      transport: this.transport,
      clock: this.time,
      timers: systemTimers,
      random: this.#random,
      logger: silentLogger,
      device: { id: this.id, name: this.name },
      keys: { accountId: accountIdSchema.parse(this.session.accountId), ring: this.ring },
      settings: this.settings,
      limits: { maxItemBytes: 1024 * 1024 },
      atOnce: this.atOnce,
      offsets: this.offsets,
      heartbeat: () => undefined,
      takeSnapshot: async () => ok(`snapshot-${++this.snapshots}`),
      signal: this.stopping.signal,
    };
  }

  /** Signs in anew, as after a sign-out: the server forgets what it remembered for this device. */
  async signInAgain(fetch: Fetch): Promise<void> {
    this.session = await signIn(fetch, this.session.login, { deviceId: this.id });
    this.transport = createTransport(this.http, this.time, { server: baseUrl, token: this.session.token });
  }

  /** From now on it is another process of the device, as with each command in a terminal. */
  startAnew(boot = 'boot'): void {
    this.offsets = new OffsetEstimator(this.time, boot);
  }

  cycle(settings: Partial<CycleSettings> = {}): Promise<CycleOutcome> {
    const dependencies = this.dependencies();
    return runCycle({ ...dependencies, settings: { ...dependencies.settings, ...settings } });
  }

  /** A cycle that must succeed. */
  async sync(settings: Partial<CycleSettings> = {}): Promise<CycleOutcome> {
    const outcome = await this.cycle(settings);
    assert.equal(outcome.error, undefined, JSON.stringify(outcome.error));
    return outcome;
  }

  /** A transaction as this device at its present time. */
  async write<T>(work: (context: MergeContext) => T): Promise<T> {
    const context = {
      device: { id: this.id, name: this.name },
      random: this.#random,
      text: this.settings.text,
    };
    const done: Result<T, unknown> = await this.store.write(store =>
      ok(work({ ...context, store, wallMs: this.time.now() })),
    );
    return unwrap(done);
  }

  async read<T>(work: (store: StoreTransaction) => T): Promise<T> {
    return unwrap(await this.store.read(work));
  }

  async edit(id: ItemId, content: Content, edit: Partial<LocalEdit> = {}): Promise<Stamp> {
    const stamp = await this.write(context => editItem(context, id, { content, deleted: false, ...edit }));
    await this.time.advance(1);
    return stamp;
  }

  async add(title: string, body = ''): Promise<ItemId> {
    const id = createItemId(this.#random);
    await this.edit(id, note(title, body));
    return id;
  }

  async setBody(id: ItemId, body: string): Promise<Stamp> {
    const { content } = await this.item(id);
    assert(content);
    return this.edit(id, { ...content, body });
  }

  async remove(id: ItemId): Promise<Stamp> {
    const { content } = await this.item(id);
    assert(content);
    return this.edit(id, content, { deleted: true });
  }

  async item(id: ItemId): Promise<StoredItem> {
    const item = await this.read(store => readItem(store, id));
    assert(item, `the device ${this.name} holds ${id}`);
    return item;
  }

  async body(id: ItemId): Promise<string | undefined> {
    return (await this.item(id)).content?.body;
  }

  conflicts(): Promise<readonly StoredConflict[]> {
    return this.read(store => listConflicts(store, ['open', 'resolved', 'auto']));
  }

  async openConflicts(): Promise<readonly StoredConflict[]> {
    return (await this.conflicts()).filter(({ conflict }) => conflict?.state === 'open');
  }

  isOutboxEmpty(): Promise<boolean> {
    return this.read(isOutboxEmpty);
  }

  /** The bodies of the pushes that were sent, decoded. */
  pushes(): readonly { readonly changes: readonly Record<string, unknown>[] }[] {
    return this.http.sent.filter(({ method }) => method === 'POST').map(request => pushOf(request.body));
  }
}

function pushOf(body: Uint8Array | undefined): { readonly changes: readonly Record<string, unknown>[] } {
  const bytes = Buffer.from(body ?? []);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return JSON.parse((isGzip ? gunzipSync(bytes) : bytes).toString('utf8'));
}
