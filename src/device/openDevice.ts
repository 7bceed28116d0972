import { hostname } from 'node:os';
import { counted } from '../base/amounts';
import { messageOf } from '../base/errors';
import { Emitter } from '../base/event';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import { createDeviceId } from '../model/ids/createId';
import type { DeviceId } from '../model/ids/ids';
import { maxDeviceNameLength } from '../protocol/limits';
import { openStore, type Recovered } from '../store/openStore';
import { Payloads } from '../store/payloads';
import { readState, writeState } from '../store/state';
import type { Store } from '../store/store';
import { type AccountLock, createAccountLock } from '../store/synced/accountLock';
import { rememberDeviceName } from '../store/synced/devices';
import { createSyncLease, type SyncLease } from '../store/synced/lease';
import type { StoreMaintenance } from '../store/upkeep/maintenance';
import type { HttpClient } from '../sync/transport/http';
import { loggedHttp } from '../sync/transport/loggedHttp';
import type { Derivation } from './account/accountKeys';
import { atRestCipher, obtainLocalKey } from './account/atRest';
import { createDeviceAccount } from './account/deviceAccount';
import type { SecretStore } from './account/secrets';
import type { DeviceCore } from './core';
import type { DeviceEvent, DeviceSettings, LocalDevice } from './device';
import type { DeviceError } from './deviceError';
import { DeviceParts } from './deviceParts';
import { storageFailure } from './failures';
import { createDeviceConflicts } from './items/deviceConflicts';
import { createDeviceDocuments, settleLeftSaves } from './items/deviceDocuments';
import { createDeviceItems } from './items/deviceItems';
import { createDeviceSync } from './sync/deviceSync';

export interface OpenDeviceOptions {
  /** The device's folder; it is made when it is missing. */
  readonly folder: string;
  /** Reads `sql-wasm.wasm`. */
  readonly wasm: () => Promise<Uint8Array>;
  readonly secrets: SecretStore;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: DeviceSettings;
  /** Weaker derivations are for simulations alone. */
  readonly derivation?: Derivation;
}

export const defaultDeviceSettings: DeviceSettings = {
  syncEnabled: true,
  syncOnSave: true,
  syncOnFocus: true,
  syncIntervalSeconds: 300,
  conflictsText: 'merge',
  guardMaxChangedPercent: 30,
  encryptionAtRest: 'sensitive',
  historyKeepDays: 90,
};

/** Opens the device that lives in a folder, and makes it when there is none. */
export async function openDevice(options: OpenDeviceOptions): Promise<Result<LocalDevice, DeviceError>> {
  const { folder, clock, logger } = options;
  const startedMs = clock.monotonic();
  const opened = await openCore(options);
  if (!opened.ok) return opened;
  const settled = await settleLeftSaves(opened.value.core);
  if (!settled.ok) logger.warn('saves that wait could not be merged', { reason: settled.error.message });
  const device = assemble(opened.value, options.derivation);
  logger.debug('opened the device', { folder, ms: Math.round(clock.monotonic() - startedMs) });
  return ok(device);
}

interface OpenedCore {
  readonly core: DeviceCore;
  readonly maintenance: StoreMaintenance;
  readonly lease: SyncLease;
  readonly accountLock: AccountLock;
  readonly configure: (next: Partial<DeviceSettings>) => void;
  /** Encrypts and decrypts with the key that is held now, as much as the settings say. */
  readonly usePayloads: () => Promise<Result<void, DeviceError>>;
  /** What happened before anybody could listen; told to the first who does. */
  readonly untold: DeviceEvent[];
}

/** The store, who this device is, its turn to sync, and the key of what is encrypted here. */
async function openCore(options: OpenDeviceOptions): Promise<Result<OpenedCore, DeviceError>> {
  const { folder, clock, timers, random, logger, secrets } = options;
  let settings = options.settings;
  const untold: DeviceEvent[] = [];
  const opened = await openStore({
    ...options,
    payloads: new Payloads(undefined, settings.encryptionAtRest),
    onRecovered: recovered => {
      untold.push({ type: 'notice', level: 'warning', message: recoveredText(recovered) });
    },
  });
  if (!opened.ok) return storageFailure(opened.error);
  const { store, maintenance } = opened.value;
  const identity = await identify(store, random, clock.now());
  if (!identity.ok) return closing(store, storageFailure(identity.error));
  const lease = await createSyncLease(folder, { clock, timers, random, logger });
  if (!lease.ok) return closing(store, storageFailure(lease.error));

  const accountLock = createAccountLock(folder, { clock, timers, random, logger });
  const usePayloads = async () => {
    const key = await obtainLocalKey({ store, secrets, random, lock: accountLock });
    const cipher = key.ok && key.value ? atRestCipher(key.value, random) : undefined;
    store.usePayloads(new Payloads(cipher, settings.encryptionAtRest));
    return key.ok ? ok() : storageFailure(key.error);
  };
  const keyed = await usePayloads();
  if (!keyed.ok) {
    await lease.value.close();
    return closing(store, keyed);
  }

  const core: DeviceCore = {
    folder,
    store,
    clock,
    timers,
    random,
    logger,
    http: loggedHttp(options.http, { clock, logger }),
    secrets,
    events: new Emitter(error =>
      logger.error('a listener of the device failed', { error: messageOf(error) }),
    ),
    deviceId: identity.value,
    settings: () => settings,
    sealTraces: async () => {
      const done = await maintenance.applyAtRest();
      if (!done.ok) logger.warn('traces of encrypted items wait to be sealed', { reason: done.error.type });
    },
  };
  const configure = (next: Partial<DeviceSettings>) => {
    settings = { ...settings, ...next };
  };
  return ok({ core, maintenance, lease: lease.value, accountLock, configure, usePayloads, untold });
}

function assemble(opened: OpenedCore, derivation: Derivation | undefined): LocalDevice {
  const { core, maintenance, lease, accountLock, configure, usePayloads, untold } = opened;
  const parts = new DeviceParts(core, maintenance, lease);
  const { upkeep, control, indexing } = parts;
  const savedHere = (itemIds: readonly string[]) => parts.savedHere(itemIds);
  const foreign = core.store.onForeignCommit(() => {
    parts.tellAnythingChanged();
    parts.tellStatus();
  });
  let closed: Promise<void> | undefined;
  return {
    items: createDeviceItems(core, { changed: savedHere, indexing }),
    documents: createDeviceDocuments(core, savedHere),
    conflicts: createDeviceConflicts(core, itemIds => {
      savedHere(itemIds);
      core.events.fire({ type: 'conflictsChanged' });
    }),
    account: createDeviceAccount({
      core,
      lock: accountLock,
      onSession: async () => {
        await usePayloads();
        // What could not be read may now be, or the other way round.
        parts.tellAnythingChanged();
        await control.sessionChanged();
      },
      ...(derivation === undefined ? {} : { derivation }),
    }),
    sync: createDeviceSync(core, control),
    upkeep: upkeep.commands,
    housekeeping: upkeep.housekeeping,
    configure: async next => {
      configure(next);
      const used = await usePayloads();
      if (next.encryptionAtRest !== undefined) await core.sealTraces();
      parts.tellStatus();
      return used;
    },
    on: async listener => {
      const listening = core.events.on(listener);
      for (const event of untold.splice(0)) listener(event);
      return listening;
    },
    close: () => {
      closed ??= (async () => {
        foreign.dispose();
        await parts.stop();
        await core.store.close();
      })();
      return closed;
    },
  };
}

/** This device's id; made, once for all its windows, with the store. */
async function identify(store: Store, random: Random, nowMs: number) {
  const known = await store.read(tx => readState(tx, 'device'));
  if (!known.ok) return known;
  if (known.value) return ok(known.value.id);
  return store.write<DeviceId, never>(tx => {
    const device = readState(tx, 'device') ?? { id: createDeviceId(random), name: nameOfThisMachine() };
    writeState(tx, 'device', device);
    writeState(tx, 'upkeep', { doneMs: nowMs });
    rememberDeviceName(tx, device.id, device.name);
    return ok(device.id);
  });
}

function recoveredText({ setAside, items, isComplete }: Recovered): string {
  const rest = isComplete
    ? 'Nothing is missing.'
    : 'Sync brings back what the server has of the rest, and a roll-back what the latest snapshot has.';
  return `The store was damaged. It was set aside as ${setAside} and ${counted(items, 'item')} could be recovered. ${rest}`;
}

function nameOfThisMachine(): string {
  return hostname().trim().slice(0, maxDeviceNameLength) || 'device';
}

async function closing(
  store: Store,
  failed: Result<never, DeviceError>,
): Promise<Result<never, DeviceError>> {
  await store.close();
  return failed;
}
