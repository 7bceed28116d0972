import { Emitter } from '../../src/base/event';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { ok, unwrap } from '../../src/base/result';
import type { Clock } from '../../src/base/time';
import type { Derivation } from '../../src/device/account/accountKeys';
import { atRestCipher, obtainLocalKey } from '../../src/device/account/atRest';
import { createDeviceAccount } from '../../src/device/account/deviceAccount';
import type { SecretName, SecretStore } from '../../src/device/account/secrets';
import type { DeviceCore } from '../../src/device/core';
import type { DeviceEvent, DeviceSettings } from '../../src/device/device';
import { createDeviceConflicts } from '../../src/device/items/deviceConflicts';
import { createDeviceDocuments } from '../../src/device/items/deviceDocuments';
import { createDeviceItems } from '../../src/device/items/deviceItems';
import { createIndexing } from '../../src/device/items/indexing';
import { defaultDeviceSettings } from '../../src/device/openDevice';
import { createDeviceSync } from '../../src/device/sync/deviceSync';
import { SyncControl } from '../../src/device/sync/syncControl';
import { createDeviceId } from '../../src/model/ids/createId';
import { Payloads } from '../../src/store/payloads';
import { storeMigrations } from '../../src/store/schema';
import { readState, writeState } from '../../src/store/state';
import { createStore } from '../../src/store/store';
import type { AccountLock } from '../../src/store/synced/accountLock';
import { leaseTermMs, type SyncLease } from '../../src/store/synced/lease';
import { type InProcessHttp, inProcessHttp } from './inProcessHttp';
import { type MemoryDatabase, openMemoryDatabase } from './memoryDatabase';
import { memoryLock } from './memoryLock';
import type { Fetch } from './testDevice';
import { testEpochMs } from './testServer';
import { VirtualTime } from './virtualTime';

/** Secrets that last as long as the test. */
export class MemorySecrets implements SecretStore {
  readonly kept = new Map<SecretName, string>();
  /** True: the secret storage refuses to keep anything. */
  refuses = false;

  async get(name: SecretName): Promise<string | undefined> {
    return this.kept.get(name);
  }

  async set(name: SecretName, value: string): Promise<void> {
    if (this.refuses) throw new Error('no keyring');
    this.kept.set(name, value);
  }

  async delete(name: SecretName): Promise<void> {
    this.kept.delete(name);
  }
}

/** Deriving keys costs next to nothing. */
export const cheapDerivation: Derivation = {
  policy: {
    minMemoryKib: 8,
    maxMemoryKib: 1024 * 1024,
    minPasses: 1,
    maxMemoryKibTimesPasses: 4 * 1024 * 1024,
    maxParallelism: 4,
    minSaltBytes: 8,
  },
  newParameters: random => ({ memoryKib: 64, passes: 1, parallelism: 1, salt: random.bytes(16) }),
};

export interface WindowOptions {
  readonly fetch: Fetch;
  readonly time?: VirtualTime;
  readonly secrets?: MemorySecrets;
  readonly database?: MemoryDatabase;
  readonly settings?: Partial<DeviceSettings>;
  /** Shared by the windows of one device, as the next. */
  readonly accountLock?: AccountLock;
  readonly lease?: SharedLease;
}

/** The parts of a window of a device, over a store in memory that other windows may share. */
export async function openWindow(options: WindowOptions) {
  const time = options.time ?? new VirtualTime(testEpochMs);
  const secrets = options.secrets ?? new MemorySecrets();
  const database = options.database ?? (await openMemoryDatabase(storeMigrations));
  const settings: DeviceSettings = { ...defaultDeviceSettings, ...options.settings };
  const store = createStore(database, new Payloads(undefined, settings.encryptionAtRest));
  const identity = unwrap(
    await store.write<ReturnType<typeof createDeviceId>, never>(tx => {
      const device = readState(tx, 'device') ?? { id: createDeviceId(systemRandom), name: 'laptop' };
      writeState(tx, 'device', device);
      return ok(device.id);
    }),
  );
  const events: DeviceEvent[] = [];
  const emitter = new Emitter<DeviceEvent>(error => {
    throw error;
  });
  emitter.on(event => events.push(event));
  const http: InProcessHttp = inProcessHttp(options.fetch);
  const sealings = { count: 0 };
  const core: DeviceCore = {
    folder: '',
    store,
    clock: time,
    timers: time,
    random: systemRandom,
    logger: silentLogger,
    http,
    secrets,
    events: emitter,
    deviceId: identity,
    settings: () => settings,
    sealTraces: async () => {
      sealings.count++;
    },
  };
  const lock = options.accountLock ?? memoryLock();
  const usePayloads = async () => {
    const key = unwrap(await obtainLocalKey({ store, secrets, random: systemRandom, lock }));
    const cipher = key && atRestCipher(key, systemRandom);
    store.usePayloads(new Payloads(cipher, settings.encryptionAtRest));
  };
  await usePayloads();
  const control = new SyncControl({
    core,
    lease: sharedLease(options.lease ?? { owner: undefined }, time),
    boot: 'boot',
    takeSnapshot: async () => ok('snapshot'),
    changed: () => undefined,
    statusChanged: () => undefined,
  });
  const changed = () => control.saved();
  return {
    core,
    control,
    database,
    events,
    http,
    secrets,
    /** How often traces of what was encrypted were to be sealed. */
    sealings,
    store,
    time,
    items: createDeviceItems(core, {
      changed,
      indexing: createIndexing(core, () => control.running),
    }),
    documents: createDeviceDocuments(core, changed),
    conflicts: createDeviceConflicts(core, changed),
    sync: createDeviceSync(core, control),
    account: createDeviceAccount({
      core,
      lock,
      onSession: async () => {
        await usePayloads();
        await control.sessionChanged();
      },
      derivation: cheapDerivation,
    }),
  };
}

export type TestWindow = Awaited<ReturnType<typeof openWindow>>;

/** Who of the windows of a device may sync, and when it was last heard of. */
export interface SharedLease {
  owner: object | undefined;
  heardMs?: number;
}

function sharedLease(lease: SharedLease, clock: Clock): SyncLease {
  const me = {};
  const release = () => {
    if (lease.owner === me) lease.owner = undefined;
  };
  const heartbeat = () => {
    if (lease.owner === me) lease.heardMs = clock.monotonic();
  };
  return {
    tryAcquire: async () => {
      const silentMs = clock.monotonic() - (lease.heardMs ?? 0);
      if (lease.owner === undefined || silentMs > leaseTermMs) lease.owner = me;
      heartbeat();
      return ok(lease.owner === me);
    },
    heartbeat,
    release,
    close: async () => release(),
  };
}
