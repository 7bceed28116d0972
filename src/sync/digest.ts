import { type ConflictId, type ItemId, isConflictId } from '../model/ids/ids';
import { remoteVersionSchema } from '../protocol/changes';
import { emptyDigest, toggleInDigest } from '../protocol/digest';
import { readState, writeState } from '../store/state';
import {
  listSyncedItems,
  listSyncedRecords,
  type SyncedSubject,
  type SyncedVersion,
  syncedItem,
  syncedRecord,
} from '../store/syncedVersions';
import type { StoreTransaction } from '../store/transaction';
import { listUnopened } from '../store/unopened';

/** The device's own digest over the live versions that it holds; kept up with each version that moves. */

export function currentDigest(store: StoreTransaction): string {
  return readState(store, 'digest') ?? emptyDigest;
}

/**
 * The digest that a server tells which holds what this device holds, and for what could not be opened here the version
 * that waits to be opened.
 */
export function expectedDigest(store: StoreTransaction): string {
  let digest = currentDigest(store);
  for (const { wire, reason } of listUnopened(store)) {
    if (reason === 'lost') continue;
    const version = remoteVersionSchema.safeParse(wire);
    if (!version.success) continue;
    const { itemId, version: number, timestamp, changeType } = version.data;
    const held = isConflictId(itemId) ? syncedRecord(store, itemId) : syncedItem(store, itemId);
    if (held && !held.deleted) digest = toggleInDigest(digest, itemId, held.version, held.stamp);
    if (changeType === 'upsert') digest = toggleInDigest(digest, itemId, number, timestamp);
  }
  return digest;
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

const rowsAtATime = 1000;

type ListSynced = (store: StoreTransaction, after: string, limit: number) => readonly SyncedSubject[];

/** Every row of a list, read some at a time. */
export function* everySubject(store: StoreTransaction, list: ListSynced): Generator<SyncedSubject> {
  let after = '';
  for (;;) {
    const page = list(store, after, rowsAtATime);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < rowsAtATime) return;
    after = last.subject;
  }
}
