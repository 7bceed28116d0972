import type { Emitter } from '../base/event';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import type { ConflictId, DeviceId, ItemId } from '../model/ids/ids';
import type { StorageError } from '../sqlite/database';
import { findConflictIds } from '../store/conflicts';
import { findItemIds } from '../store/items';
import { readState } from '../store/state';
import type { Store } from '../store/store';
import type { StoreTransaction } from '../store/transaction';
import type { MergeContext } from '../sync/context';
import type { HttpClient } from '../sync/transport/http';
import type { SecretStore } from './account/secrets';
import type { DeviceEvent, DeviceSettings } from './device';
import type { DeviceError } from './deviceError';
import { failure, storageFailure } from './failures';

/** What the parts of a device share. */
export interface DeviceCore {
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly http: HttpClient;
  readonly secrets: SecretStore;
  readonly events: Emitter<DeviceEvent>;
  readonly deviceId: DeviceId;
  readonly settings: () => DeviceSettings;
  /** Leaves no clear trace of what is encrypted at rest; to be called after it may have changed. */
  readonly sealTraces: () => Promise<void>;
}

/** Reads; what storage has against it is told in words. */
export async function read<T>(
  core: DeviceCore,
  work: (store: StoreTransaction) => Result<T, DeviceError>,
): Promise<Result<T, DeviceError>> {
  const answer = await core.store.read(work);
  return answer.ok ? answer.value : storageFailure(answer.error);
}

/** Writes in one transaction, as this device. What it encrypts is wiped before the answer. */
export async function write<T>(
  core: DeviceCore,
  work: (context: MergeContext) => Result<T, DeviceError>,
): Promise<Result<T, DeviceError>> {
  let leavesTraces = false;
  const answer = await core.store.write<T, DeviceError>(store => {
    const outcome = work(contextOf(core, store));
    leavesTraces = store.memo?.leavesTraces ?? false;
    return outcome;
  });
  if (answer.ok) {
    if (leavesTraces) await core.sealTraces();
    return answer;
  }
  return isStorageError(answer.error) ? storageFailure(answer.error) : { ok: false, error: answer.error };
}

export function contextOf(core: DeviceCore, store: StoreTransaction): MergeContext {
  return {
    store,
    device: { id: core.deviceId, name: readState(store, 'device')?.name ?? '' },
    wallMs: core.clock.now(),
    random: core.random,
    text: core.settings().conflictsText,
  };
}

/** The item whose id this is, or starts with. */
export function itemIdOf(store: StoreTransaction, given: string): Result<ItemId, DeviceError> {
  const found = isIdPrefix(given) ? findItemIds(store, given.toLowerCase(), 2) : [];
  const [only, other] = found;
  if (only === undefined)
    return failure('unknownItem', `There is no item ${quoted(given)}. List them to see the ids.`);
  return other === undefined
    ? ok(only)
    : failure('badInput', `More than one item starts with ${quoted(given)}. Give more of the id.`);
}

export function conflictIdOfPrefix(store: StoreTransaction, given: string): Result<ConflictId, DeviceError> {
  const found = isIdPrefix(given) ? findConflictIds(store, given.toLowerCase(), 2) : [];
  const [only, other] = found;
  if (only === undefined) {
    return failure('unknownConflict', `There is no conflict ${quoted(given)}. List them to see the ids.`);
  }
  return other === undefined
    ? ok(only)
    : failure('badInput', `More than one conflict starts with ${quoted(given)}. Give more of the id.`);
}

const isIdPrefix = (text: string) => /^[0-9a-fA-F-]{1,36}$/.test(text);

function quoted(text: string): string {
  const maxQuoted = 60;
  return `"${text.slice(0, maxQuoted)}"`;
}

function isStorageError(error: StorageError | DeviceError): error is StorageError {
  return 'type' in error;
}
