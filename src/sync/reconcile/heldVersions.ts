import type { ConflictId, ItemId } from '../../model/ids/ids';
import {
  setSyncedItem,
  setSyncedRecord,
  syncedItem,
  syncedRecord,
  type TakenItemVersion,
  type TakenVersion,
} from '../../store/synced/syncedVersions';
import type { StoreTransaction } from '../../store/transaction';
import type { OpenedItem } from '../sealing/sealing';
import { moveInDigest } from './digest';

/** The one way in which the server's version that a row stands on moves: row and digest together. */

export function holdItemVersion(
  store: StoreTransaction,
  id: ItemId,
  synced: TakenItemVersion | undefined,
): void {
  moveInDigest(store, id, syncedItem(store, id), synced);
  setSyncedItem(store, id, synced);
}

export function holdOpened(store: StoreTransaction, item: OpenedItem): void {
  holdItemVersion(store, item.itemId, {
    version: item.version,
    stamp: item.stamp,
    deleted: item.deleted,
    ancestors: item.document.ancestors,
    keyId: item.keyId,
    wireExtra: item.wireExtra,
  });
}

export function holdRecordVersion(
  store: StoreTransaction,
  id: ConflictId,
  synced: TakenVersion | undefined,
): void {
  moveInDigest(store, id, syncedRecord(store, id), synced);
  setSyncedRecord(store, id, synced);
}
