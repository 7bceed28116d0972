import { type ConflictId, type ItemId, isConflictId } from '../../model/ids/ids';
import { emptyDigest, toggleInDigest } from '../../protocol/digest';
import { readState, writeState } from '../../store/state';
import {
  listSyncedItems,
  listSyncedRecords,
  type SyncedVersion,
  syncedItem,
  syncedRecord,
} from '../../store/synced/syncedVersions';
import type { UnopenedVersion } from '../../store/synced/unopened';
import type { StoreTransaction } from '../../store/transaction';
import { defaultCycleLimits } from '../cycleLimits';

/** The device's own digest over the live versions that it holds; kept up with each version that moves. */

export function currentDigest(store: StoreTransaction): string {
  return readState(store, 'digest') ?? emptyDigest;
}

/**
 * The digest with some of what could not be opened here: for each, the version that waits in the place of the one that
 * is held. With all of them it is that of a server which holds what this device was told.
 */
export function digestWithUnopened(
  store: StoreTransaction,
  digest: string,
  unopened: readonly UnopenedVersion[],
): string {
  let told = digest;
  for (const { subject, version, stamp, deleted } of unopened) {
    const held = isConflictId(subject) ? syncedRecord(store, subject) : syncedItem(store, subject);
    if (held && !held.deleted) told = toggleInDigest(told, subject, held.version, held.stamp);
    if (!deleted) told = toggleInDigest(told, subject, version, stamp);
  }
  return told;
}

/** A subject's held version moves from one to another; undefined where the server holds nothing of it. */
export function moveInDigest(
  store: StoreTransaction,
  subject: ItemId | ConflictId,
  from: SyncedVersion | undefined,
  to: SyncedVersion | undefined,
): void {
  const before = currentDigest(store);
  let digest = before;
  if (from && !from.deleted) digest = toggleInDigest(digest, subject, from.version, from.stamp);
  if (to && !to.deleted) digest = toggleInDigest(digest, subject, to.version, to.stamp);
  if (digest !== before) writeState(store, 'digest', digest);
}

/** Computes the digest anew from every row. Its cost grows with the store: for reconciles and repairs. */
export function recomputeDigest(store: StoreTransaction): string {
  let digest = emptyDigest;
  for (const list of [listSyncedItems, listSyncedRecords]) {
    for (const { subject, version, stamp, deleted } of everySubject(store, list)) {
      if (!deleted) digest = toggleInDigest(digest, subject, version, stamp);
    }
  }
  writeState(store, 'digest', digest);
  return digest;
}

/** Every row of a list, read some at a time. */
export function* everySubject<Row extends { readonly subject: string }>(
  store: StoreTransaction,
  list: (store: StoreTransaction, after: string, limit: number) => readonly Row[],
  rowsAtOnce = defaultCycleLimits.rowsAtOnce,
): Generator<Row> {
  let after = '';
  for (;;) {
    const page = list(store, after, rowsAtOnce);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < rowsAtOnce) return;
    after = last.subject;
  }
}
