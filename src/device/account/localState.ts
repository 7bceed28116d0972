import { fromBase64Url, toBase64Url } from '../../base/encoding';
import { ok, type Result } from '../../base/result';
import { currentKey, type KeyRing } from '../../crypto/keyRing';
import { unwrapLocalKey, wrapLocalKey } from '../../crypto/localSeal';
import type { AccountId } from '../../model/ids/ids';
import { emptyDigest } from '../../protocol/digest';
import { forgetTrimmedConflicts, listConflicts } from '../../store/conflicts';
import { forgetEmptiedItems } from '../../store/emptied';
import { listItems, readItem } from '../../store/items';
import {
  changesInFlight,
  dropReseals,
  dropWaiting,
  putWaitingItemChange,
  putWaitingRecordChange,
  thaw,
  waitingItemChange,
} from '../../store/outbox';
import { forgetOverwrites } from '../../store/overwritten';
import { clearState, readState, writeState } from '../../store/state';
import { rememberDeviceName } from '../../store/synced/devices';
import { forgetEveryUnopened } from '../../store/synced/unopened';
import type { StoreTransaction } from '../../store/transaction';
import { noBase } from '../../sync/reconcile/commonBase';
import { holdItemVersion, holdRecordVersion } from '../../sync/reconcile/heldVersions';
import { type DeviceCore, read } from '../core';
import type { DeviceError } from '../deviceError';
import { failure, storageFailure } from '../failures';
import { printOf, renewLocalKey } from './atRest';
import { loadLocalKey, saveLocalKey } from './session';

/** What signing in and out changes in the store. */

const maxInFlight = 100_000;

export interface AccountChange {
  readonly accountId: AccountId;
  readonly login: string;
  readonly server: string;
  readonly deviceName: string;
}

/** Remembers the account; what was synced with another one is made ready to be united with this one. */
export function enterAccount(core: DeviceCore, store: StoreTransaction, entry: AccountChange): void {
  const before = readState(store, 'account');
  if (before !== undefined && before.id !== entry.accountId) forgetSyncedVersions(store);
  // A cycle that still runs for the session before must write nothing more.
  writeState(store, 'fence', (readState(store, 'fence') ?? 0) + 1);
  writeState(store, 'account', { id: entry.accountId, login: entry.login, server: entry.server });
  writeState(store, 'device', { id: core.deviceId, name: entry.deviceName });
  writeState(store, 'signedIn', true);
  rememberDeviceName(store, core.deviceId, entry.deviceName);
}

/** A copy of the local key, that the account's password brings back when the secret storage is lost. */
export function keepWrappedLocalKey(
  core: DeviceCore,
  store: StoreTransaction,
  localKey: Uint8Array,
  account: { readonly accountId: AccountId; readonly ring: KeyRing },
): void {
  const dataKey = currentKey(account.ring);
  const owner = { accountId: account.accountId, deviceId: core.deviceId };
  const wrapped = wrapLocalKey(localKey, dataKey, owner, core.random);
  writeState(store, 'wrappedLocalKey', { keyId: dataKey.keyId, wrapped: toBase64Url(wrapped) });
}

/**
 * The key that the local file is encrypted with, from the secret storage or from the copy that the account's ring
 * opens, and in the secret storage from then on.
 * @returns undefined when neither has it: then its copy, of another account or under a key that is gone, is left alone
 */
export async function bringLocalKeyBack(
  core: DeviceCore,
  account: { readonly accountId: AccountId; readonly ring: KeyRing },
): Promise<Result<Uint8Array | undefined, DeviceError>> {
  const known = await read(core, store =>
    ok({
      accountId: readState(store, 'account')?.id,
      print: readState(store, 'localKeyPrint'),
      restored: unwrapKeptLocalKey(core, store, account),
    }),
  );
  if (!known.ok) return known;
  const { accountId, print, restored } = known.value;
  const held = await loadLocalKey(core.secrets);
  if (held !== undefined && printOf(held) === print) return ok(held);
  if (restored !== undefined && printOf(restored) === print) {
    await saveLocalKey(core.secrets, restored);
    return ok(restored);
  }
  const renewed = await renewLocalKey(core.store, core.secrets, core.random);
  if (!renewed.ok) return storageFailure(renewed.error);
  if (renewed.value === undefined && accountId !== undefined && accountId !== account.accountId) {
    return failure(
      'locked',
      'Items of the other account are encrypted here and their key is gone from the secret storage. Unlock this device with the password of that account first.',
    );
  }
  return renewed;
}

function unwrapKeptLocalKey(
  core: DeviceCore,
  store: StoreTransaction,
  account: { readonly accountId: AccountId; readonly ring: KeyRing },
): Uint8Array | undefined {
  const kept = readState(store, 'wrappedLocalKey');
  const wrapped = kept && fromBase64Url(kept.wrapped);
  if (!wrapped) return undefined;
  const key = unwrapLocalKey(wrapped, account.ring, {
    accountId: account.accountId,
    deviceId: core.deviceId,
  });
  return key.ok ? key.value : undefined;
}

const forgottenState = [
  'cursor',
  'reconcile',
  'comparedCursor',
  'guard',
  'digestReconciledMs',
  'pushedAhead',
  'clockOffsetMs',
  'timeAnchor',
  'resealedWith',
] as const;

/** Every item becomes one that no server has seen: the first sync with another account unites. */
function forgetSyncedVersions(store: StoreTransaction): void {
  for (const change of changesInFlight(store, maxInFlight)) thaw(store, change);
  dropReseals(store);
  forgetEmptiedItems(store);
  forgetTrimmedConflicts(store);
  for (const { id } of [...listItems(store, { deleted: false }), ...listItems(store, { deleted: true })]) {
    const item = readItem(store, id);
    if (item?.content === undefined) continue;
    const waiting = waitingItemChange(store, id);
    // An account that was made anew is united from devices of which one may hold what another has gone on from.
    const ancestors = waiting?.ancestors ?? item.ancestors;
    if (item.deleted) {
      // Pushed or not, it gives way to a device that still has the item.
      const pushed = { version: 1, stamp: item.lastModified, deleted: true, ancestors, keyId: undefined };
      holdItemVersion(store, id, pushed);
      dropWaiting(store, id);
    }
    holdItemVersion(store, id, undefined);
    if (item.deleted) continue;
    putWaitingItemChange(store, {
      itemId: id,
      type: 'upsert',
      stamp: item.lastModified,
      rawMs: waiting?.rawMs,
      content: item.content,
      base: noBase,
      ancestors,
    });
  }
  for (const record of listConflicts(store, ['open', 'resolved', 'auto'])) {
    holdRecordVersion(store, record.id, undefined);
    putWaitingRecordChange(store, { conflictId: record.id, stamp: record.stamp });
  }
  for (const key of forgottenState) clearState(store, key);
  writeState(store, 'digest', emptyDigest);
  forgetEveryUnopened(store);
  forgetOverwrites(store, Number.MAX_SAFE_INTEGER);
}
