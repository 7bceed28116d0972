import type { JsonObject } from '../base/json';
import type { ConflictId, ItemId } from '../model/ids/ids';
import type { Stamp } from '../model/ids/stamp';
import {
  type SyncedVersion,
  setSyncedItem,
  setSyncedRecord,
  syncedItem,
  syncedRecord,
} from '../store/syncedVersions';
import type { StoreTransaction } from '../store/transaction';
import { moveInDigest } from './digest';

/** The one way in which the server's version that a row stands on moves: row and digest together. */

export function holdItemVersion(
  store: StoreTransaction,
  id: ItemId,
  synced:
    | (SyncedVersion & { readonly ancestors: readonly Stamp[]; readonly wireExtra?: JsonObject | undefined })
    | undefined,
): void {
  moveInDigest(store, id, syncedItem(store, id), synced);
  setSyncedItem(store, id, synced);
}

export function holdRecordVersion(
  store: StoreTransaction,
  id: ConflictId,
  synced: (SyncedVersion & { readonly wireExtra?: JsonObject | undefined }) | undefined,
): void {
  moveInDigest(store, id, syncedRecord(store, id), synced);
  setSyncedRecord(store, id, synced);
}
