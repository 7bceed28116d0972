import { Emitter } from '../../src/base/event';
import { silentLogger } from '../../src/base/logger';
import { err, ok, type Result, unwrap } from '../../src/base/result';
import { createKeyRing, type KeyRing } from '../../src/crypto/keyRing';
import { enterAccount } from '../../src/device/account/localState';
import type { SecretName, SecretStore } from '../../src/device/account/secrets';
import { saveSession } from '../../src/device/account/session';
import { contextOf, type DeviceCore } from '../../src/device/core';
import type { DeviceEvent } from '../../src/device/device';
import type { DeviceError } from '../../src/device/deviceError';
import { defaultDeviceSettings } from '../../src/device/openDevice';
import { SyncControl } from '../../src/device/sync/syncControl';
import { createDeviceId } from '../../src/model/ids/createId';
import type { AccountId, DeviceId } from '../../src/model/ids/ids';
import type { Database, StorageError, Transaction } from '../../src/sqlite/database';
import { Payloads } from '../../src/store/payloads';
import { storeMigrations } from '../../src/store/schema';
import { clearState, readState, writeState } from '../../src/store/state';
import { createStore } from '../../src/store/store';
import { rememberDeviceName } from '../../src/store/synced/devices';
import { unsettledItemIds } from '../../src/store/unsettledSaves';
import { repairSalvaged } from '../../src/store/upkeep/salvage';
import type { MergeContext } from '../../src/sync/context';
import type { CycleLimits } from '../../src/sync/cycleLimits';
import { settleSave } from '../../src/sync/edits/settleSave';
import type { TextPolicy } from '../../src/sync/merge/bodyMerge';
import { type MemoryDatabase, openMemoryDatabase } from '../support/memoryDatabase';
import type { SeededRandom } from '../support/seededRandom';
import { testCipher } from '../support/storeFixture';
import type { Ledger } from './ledger';
import { SimulatedLease } from './simulatedLease';
import type { SimulatedNetwork } from './simulatedNetwork';
import { databaseOf, SimulatedProcess, SimulatedWall } from './simulatedProcess';
import type { VirtualTime } from './virtualTime';

/** One window of a device: the real sync control over the device's store, in a process that can die. */
export interface SimulatedWindow {
  readonly process: SimulatedProcess;
  readonly core: DeviceCore;
  readonly control: SyncControl;
  /** What documents of this window have last read, by item. */
  readonly documents: Map<string, { readonly revision: string; readonly body: string }>;
}

export interface DeviceOptions {
  readonly name: string;
  readonly id: DeviceId;
  readonly windows: number;
  readonly text: TextPolicy;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly ledger: Ledger;
  /** How much a cycle takes at once. */
  readonly limits: CycleLimits;
  /** Whether its windows sync by themselves: at the start, after a save, on the server's word, from time to time. */
  readonly syncsItself: boolean;
  /** Hears what was thrown in the background. */
  readonly failed: (failure: unknown) => void;
}

/** A device: one store in memory, one wall clock, one network, and its windows. */
export class SimulatedDevice {
  readonly wall: SimulatedWall;
  readonly #options: DeviceOptions;
  readonly #lease: SimulatedLease;
  readonly #secrets = new MemorySecrets();
  #windows: (SimulatedWindow | undefined)[] = [];
  #database: MemoryDatabase;
  #fullUntilMs = 0;
  #id: DeviceId;

  private constructor(options: DeviceOptions, database: MemoryDatabase) {
    this.#options = options;
    this.#database = database;
    this.#id = options.id;
    this.wall = new SimulatedWall(options.time);
    this.#lease = new SimulatedLease(options.time);
  }

  static async open(options: DeviceOptions): Promise<SimulatedDevice> {
    const device = new SimulatedDevice(options, await emptyStore());
    await device.#identify();
    return device;
  }

  get name(): string {
    return this.#options.name;
  }

  get id(): DeviceId {
    return this.#id;
  }

  get network(): SimulatedNetwork {
    return this.#options.network;
  }

  get database(): Database {
    return this.#database;
  }

  /** The window, which is opened anew when its process has died. */
  async window(number: number): Promise<SimulatedWindow> {
    const index = number % this.#options.windows;
    const held = this.#windows[index];
    if (held?.process.alive) return held;
    const window = this.#openWindow();
    this.#windows[index] = window;
    if (this.#isFull) return window;
    // As at every start of a device: saves that a crash has left are merged.
    const left = await this.#database.read(sql => unsettledItemIds({ sql, payloads: this.#payloads }));
    for (const id of unwrap(left)) await this.act(window, context => ok(settleSave(context, id)));
    return window;
  }

  liveWindow(number: number): SimulatedWindow | undefined {
    const held = this.#windows[number % this.#options.windows];
    return held?.process.alive ? held : undefined;
  }

  /** One transaction of a person's. */
  async act<T>(
    window: SimulatedWindow,
    work: (context: MergeContext) => Result<T, DeviceError>,
  ): Promise<Result<T, DeviceError | StorageError> | undefined> {
    this.#options.ledger.forget(this.name);
    let answer: Result<T, DeviceError | StorageError> | undefined;
    let failure: unknown;
    window.core.store
      .write<T, DeviceError>(store => work(contextOf(window.core, store)))
      .then(
        done => {
          answer = done;
        },
        (thrown: unknown) => {
          failure = thrown;
        },
      );
    const isOver = () => answer !== undefined || failure !== undefined || !window.process.alive;
    await this.#options.time.runUntil(isOver, actLimitMs);
    this.#options.ledger.forget(this.name);
    if (failure !== undefined) throw failure;
    if (answer?.ok) window.control.saved();
    return answer;
  }

  fillDisk(ms: number): void {
    this.#fullUntilMs = this.#options.time.nowMs + ms;
  }

  killAll(): void {
    for (const window of this.#windows) window?.process.kill();
    this.#windows = [];
  }

  heal(): void {
    this.#fullUntilMs = 0;
    this.network.heal();
    for (const window of this.#windows) window?.process.wake();
  }

  /** As the device's account does it, but for the derivation of keys. */
  async enter(accountId: AccountId, token: string, ring: KeyRing): Promise<void> {
    this.killAll();
    const window = this.#openWindow();
    unwrap(
      await this.#database.write(sql => {
        const store = { sql, payloads: this.#payloads };
        const account = { accountId, login: 'ada', server: serverUrl, deviceName: this.name };
        enterAccount(window.core, store, account);
        this.#committing(sql);
        return ok();
      }),
    );
    await saveSession(this.#secrets, { accountId, token, ring });
    this.#windows = [window];
    if (this.#options.syncsItself) window.control.sessionChanged().catch(this.#options.failed);
  }

  /**
   * What a repair cannot save of a damaged file: these rows are gone, or everything is. Then this is another device, as
   * its id lay in the file: it must be signed in.
   */
  async damage(rowsLost: 'all' | ((id: string) => boolean)): Promise<void> {
    this.killAll();
    if (rowsLost === 'all') {
      await this.#database.close();
      this.#database = await emptyStore();
      const { random, time } = this.#options;
      this.#id = createDeviceId(random.fork(`damage ${time.events}`));
      await this.#identify();
    } else {
      await this.#database.write(sql => {
        const incompleteTables = damagedTables.filter(table => {
          const lost = sql
            .all(`SELECT id FROM ${table} ORDER BY id`)
            .map(row => row['id'] ?? null)
            .filter(id => rowsLost(String(id)));
          for (const id of lost) sql.run(`DELETE FROM ${table} WHERE id = ?`, [id]);
          return lost.length > 0;
        });
        if (rowsLost('clock')) clearState({ sql, payloads: this.#payloads }, 'clock');
        repairSalvaged(sql, { incompleteTables, wallMs: this.wall.now() });
        return ok();
      });
    }
    await this.#database.read(sql => this.#options.ledger.replaced(this.name, sql));
  }

  /** Lets the device read everything again. */
  async forgetCursor(): Promise<void> {
    await this.#database.write(sql => {
      clearState({ sql, payloads: this.#payloads }, 'cursor');
      return ok();
    });
  }

  /** Whether it waits for an answer, or for the password. */
  async asksPerson(): Promise<boolean> {
    const { guard, trouble } = unwrap(
      await this.#database.read(sql => {
        const store = { sql, payloads: this.#payloads };
        return { guard: readState(store, 'guard'), trouble: readState(store, 'syncTrouble') };
      }),
    );
    return guard !== undefined || asking.test(trouble?.code ?? '');
  }

  async close(): Promise<void> {
    this.killAll();
    await this.#database.close();
  }

  get #isFull(): boolean {
    return this.#fullUntilMs > this.#options.time.nowMs;
  }

  get #payloads(): Payloads {
    return new Payloads(testCipher(), 'sensitive');
  }

  #committing(tx: Transaction): void {
    this.#options.ledger.committing(this.name, tx);
  }

  #openWindow(): SimulatedWindow {
    const { time, network, random, text } = this.#options;
    const process = new SimulatedProcess(time);
    const database = databaseOf(process, { database: () => this.#database, isFull: () => this.#isFull }, tx =>
      this.#committing(tx),
    );
    const core: DeviceCore = {
      folder: '',
      store: createStore(database, this.#payloads),
      clock: this.wall.clock,
      timers: process.timers,
      random,
      logger: silentLogger,
      http: network.clientOf(process),
      secrets: this.#secrets,
      events: new Emitter<DeviceEvent>(error => {
        throw error;
      }),
      deviceId: this.#id,
      settings: () => ({ ...defaultDeviceSettings, conflictsText: text }),
      sealTraces: async () => undefined,
    };
    const control = new SyncControl({
      core,
      lease: this.#lease.of(process),
      boot: 'boot',
      takeSnapshot: async () => ok('snapshot'),
      changed: () => undefined,
      statusChanged: () => undefined,
      // A turn through the thread pool takes time that is not the world's.
      atOnce: { ...this.#options.limits, zippedAtOnceBytes: Number.MAX_SAFE_INTEGER },
    });
    if (this.#options.syncsItself) {
      control.start().catch(this.#options.failed);
      control.setFocused(true);
    }
    return { process, core, control, documents: new Map() };
  }

  async #identify(): Promise<void> {
    const { name } = this.#options;
    const id = this.#id;
    await this.#database.write(sql => {
      const store = { sql, payloads: this.#payloads };
      writeState(store, 'device', { id, name });
      rememberDeviceName(store, id, name);
      return ok();
    });
  }
}

/** Failures that only a person can end. */
const asking = /^(badCredentials|notSignedIn|locked|keyMissing|massChange)$/;
const damagedTables = ['items', 'changes', 'conflicts', 'versions'];
export const serverUrl = 'http://server.test';
/** Longer than any process sleeps. */
const actLimitMs = 600_000;

export function newRing(random: SeededRandom, nowMs: number): KeyRing {
  return createKeyRing(random, nowMs);
}

export function refusal(message: string): Result<never, DeviceError> {
  return err({ code: 'badInput', message });
}

class MemorySecrets implements SecretStore {
  readonly #held = new Map<SecretName, string>();

  async get(name: SecretName): Promise<string | undefined> {
    return this.#held.get(name);
  }

  async set(name: SecretName, value: string): Promise<void> {
    this.#held.set(name, value);
  }

  async delete(name: SecretName): Promise<void> {
    this.#held.delete(name);
  }
}

let template: MemoryDatabase | undefined;

async function emptyStore(): Promise<MemoryDatabase> {
  template ??= await openMemoryDatabase(storeMigrations);
  return template.copy();
}
