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
import { readHostFacts } from '../sqlite/lock/hostFacts';
import { openStore, type Recovered } from '../store/openStore';
import { Payloads } from '../store/payloads';
import { readState, writeState } from '../store/state';
import type { Store } from '../store/store';
import { rememberDeviceName } from '../store/synced/devices';
import { createSyncLease } from '../store/synced/lease';
import type { HttpClient } from '../sync/transport/http';
import { loggedHttp } from '../sync/transport/loggedHttp';
import type { Derivation } from './account/accountKeys';
import { atRestCipher, obtainLocalKey } from './account/atRest';
import { createDeviceAccount } from './account/deviceAccount';
import type { SecretStore } from './account/secrets';
import type { DeviceCore } from './core';
import type { DeviceEvent, DeviceSettings, LocalDevice } from './device';
import type { DeviceError } from './deviceError';
import { storageFailure } from './failures';
import { createDeviceConflicts } from './items/deviceConflicts';
import { createDeviceDocuments, settleLeftSaves } from './items/deviceDocuments';
import { createDeviceItems } from './items/deviceItems';
import { createIndexing } from './items/indexing';
import { createDeviceSync, statusOf } from './sync/deviceSync';
import { SyncControl } from './sync/syncControl';
import { createDeviceUpkeep } from './upkeep/deviceUpkeep';

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
  const { folder, clock, timers, random, logger, secrets } = options;
  const startedMs = clock.monotonic();
  let settings = options.settings;
  const events = new Emitter<DeviceEvent>(error =>
    logger.error('a listener of the device failed', { error: messageOf(error) }),
  );
  /** What happened before anybody could listen; told to the first who does. */
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

  const core: DeviceCore = {
    folder,
    store,
    clock,
    timers,
    random,
    logger,
    http: loggedHttp(options.http, { clock, logger }),
    secrets,
    events,
    deviceId: identity.value,
    settings: () => settings,
    sealTraces: async () => {
      const done = await maintenance.applyAtRest();
      if (!done.ok) logger.warn('traces of encrypted items wait to be sealed', { reason: done.error.type });
    },
  };
  const usePayloads = async () => {
    const key = await obtainLocalKey({ store, secrets, random, timers });
    const cipher = key.ok && key.value ? atRestCipher(key.value, random) : undefined;
    store.usePayloads(new Payloads(cipher, settings.encryptionAtRest));
    return key.ok ? ok() : storageFailure(key.error);
  };
  const keyed = await usePayloads();
  if (!keyed.ok) return closing(store, keyed);

  const tellStatus = () => {
    void statusOf(core, control).then(status => {
      if (status.ok) events.fire({ type: 'statusChanged', status: status.value });
    });
  };
  const changedHere = (itemIds: readonly string[]) => {
    events.fire({ type: 'itemsChanged', itemIds });
    control.saved();
    tellStatus();
  };
  const upkeep = createDeviceUpkeep(core, maintenance, changedHere);
  /** Goes on after the cycle that called for it, and ends before the store closes. */
  let sealing = Promise.resolve();
  const control = new SyncControl({
    core,
    lease: lease.value,
    boot: readHostFacts().boot,
    takeSnapshot: () => upkeep.keepSnapshot('massChange'),
    changed: report => {
      const itemIds = [...new Set([...report.changedItems, ...report.acknowledgedItems])];
      if (itemIds.length > 0) events.fire({ type: 'itemsChanged', itemIds });
      if (report.pulled > 0) indexing.soon();
      if (report.changedItems.size > 0) sealing = sealing.then(core.sealTraces);
      if (report.conflictsChanged) events.fire({ type: 'conflictsChanged' });
    },
    statusChanged: tellStatus,
  });
  const indexing = createIndexing(core, () => control.running);
  const settled = await settleLeftSaves(core);
  if (!settled.ok) logger.warn('saves that wait could not be merged', { reason: settled.error.message });
  const foreign = store.onForeignCommit(() => {
    events.fire({ type: 'itemsChanged' });
    events.fire({ type: 'conflictsChanged' });
    tellStatus();
  });

  logger.debug('opened the device', { folder, ms: Math.round(clock.monotonic() - startedMs) });
  let closed: Promise<void> | undefined;
  return ok({
    items: createDeviceItems(core, { changed: changedHere, indexing }),
    documents: createDeviceDocuments(core, changedHere),
    conflicts: createDeviceConflicts(core, itemIds => {
      changedHere(itemIds);
      events.fire({ type: 'conflictsChanged' });
    }),
    account: createDeviceAccount({
      core,
      onSession: async () => {
        await usePayloads();
        // What could not be read may now be, or the other way round.
        events.fire({ type: 'itemsChanged' });
        events.fire({ type: 'conflictsChanged' });
        await control.sessionChanged();
      },
      ...(options.derivation === undefined ? {} : { derivation: options.derivation }),
    }),
    sync: createDeviceSync(core, control),
    upkeep: upkeep.commands,
    housekeeping: upkeep.housekeeping,
    configure: async next => {
      settings = { ...settings, ...next };
      const used = await usePayloads();
      if (next.encryptionAtRest !== undefined) await core.sealTraces();
      tellStatus();
      return used;
    },
    on: async listener => {
      const listening = events.on(listener);
      for (const event of untold.splice(0)) listener(event);
      return listening;
    },
    close: () => {
      closed ??= (async () => {
        foreign.dispose();
        await upkeep.stop();
        await control.stop();
        await indexing.stop();
        await sealing;
        await store.close();
      })();
      return closed;
    },
  });
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
