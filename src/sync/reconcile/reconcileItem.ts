import { assert } from '../../base/assert';
import { type ConflictId, type ItemId, isConflictId } from '../../model/ids/ids';
import { markConflictPruned, readConflict } from '../../store/conflicts';
import { readItem, readItemEvenEmptied, removeItem, type StoredItem, writeItem } from '../../store/items';
import {
  dropWaiting,
  type ItemChange,
  putWaitingItemChange,
  putWaitingRecordChange,
  waitingItemChange,
} from '../../store/outbox';
import type { Overwrite } from '../../store/overwritten';
import type { ReconcileReason } from '../../store/state';
import type { StoreTransaction } from '../../store/transaction';
import { setVersionNumber, versionByStamp } from '../../store/versions';
import type { MergeContext } from '../context';
import { type Applied, applyReconciled, rebase, unsentChange } from '../pull/applyItem';
import { surviveDeletion } from '../push/pushAnswers';
import type { OpenedItem } from '../sealing/sealing';
import { commonBase, noBase } from './commonBase';
import { holdItemVersion, holdOpened, holdRecordVersion } from './heldVersions';

/**
 * One item against the server's current version. In the same epoch a higher version was made on the one that is held.
 * Else by descent: each payload names the stamps of its ancestors. Where one side descends from the other, the
 * descendant is taken; otherwise the two merge as concurrent.
 */
export function reconcileItem(context: MergeContext, remote: OpenedItem, reason: ReconcileReason): Applied {
  const { store } = context;
  const held = readItemEvenEmptied(store, remote.itemId);
  if (!held || (reason !== 'newEpoch' && movedOn(held, remote))) return applyReconciled(context, remote);
  const waiting = waitingItemChange(store, remote.itemId);
  const ours = waiting ?? heldAsChange(held);
  if (ours === undefined) return applyReconciled(context, remote);

  if (remote.stamp === ours.stamp) return adopt(context, remote);
  if (remote.document.ancestors.includes(ours.stamp)) {
    dropWaiting(store, remote.itemId);
    return applyReconciled(context, remote);
  }
  if (remote.stamp < ours.stamp && knew(store, ours, remote)) {
    holdOpened(context.store, remote);
    rebase(context, ours, remote, ours.stamp);
    return 'taken';
  }
  putOnCommonBase(context, ours, remote);
  return applyReconciled(context, remote);
}

/** What the server holds nothing of, but once did. */
export function reconcileMissing(
  context: MergeContext,
  subject: ItemId | ConflictId,
  reason: ReconcileReason,
): void {
  if (isConflictId(subject)) reconcileMissingRecord(context, subject, reason);
  else reconcileMissingItem(context, subject, reason);
}

/** An item of which the server holds nothing, but once did. */
export function reconcileMissingItem(
  context: MergeContext,
  id: ItemId,
  reason: ReconcileReason,
): 'pushedAgain' | 'deleted' | 'conflict' {
  const { store } = context;
  const held = readItemEvenEmptied(store, id);
  assert(held?.emptied || held?.content, 'the device is unlocked while it syncs');
  const waiting = waitingItemChange(store, id);
  if (reason !== 'newEpoch') {
    // In the same epoch it was deleted, and its tombstone pruned.
    if (waiting?.type === 'upsert') return surviveDeletion(context, id) ? 'conflict' : 'deleted';
    if (waiting) dropWaiting(store, id);
    holdItemVersion(store, id, undefined);
    // Nothing is left of it anywhere that its row could be needed for.
    if (held.content === undefined) removeItem(store, id);
    else if (!held.deleted)
      writeItem(store, { ...held, content: held.content, deleted: true }, context.wallMs);
    return 'deleted';
  }
  // In a new epoch the server lost it: it gets it again, a tombstone too.
  const ours = waiting ?? heldAsChange(held);
  holdItemVersion(store, id, undefined);
  if (ours?.content !== undefined) {
    putWaitingItemChange(store, { ...ours, content: ours.content, base: noBase });
  }
  return 'pushedAgain';
}

/** What an item loses when the server, in the same epoch, holds nothing of it: then it goes to Deleted items. */
export function deletionOf(store: StoreTransaction, id: ItemId): Overwrite | undefined {
  const isLive = readItem(store, id)?.deleted === false && waitingItemChange(store, id) === undefined;
  return isLive ? { itemId: id, deleted: true, stamp: undefined } : undefined;
}

export function reconcileMissingRecord(context: MergeContext, id: ConflictId, reason: ReconcileReason): void {
  const { store } = context;
  const held = readConflict(store, id);
  if (!held || held.deleted) {
    holdRecordVersion(store, id, undefined);
    return;
  }
  holdRecordVersion(store, id, undefined);
  const isOpen = held.conflict?.state === 'open';
  if (reason === 'newEpoch' || isOpen) putWaitingRecordChange(store, { conflictId: id, stamp: held.stamp });
  else {
    dropWaiting(store, id);
    markConflictPruned(store, id);
  }
}

function movedOn(held: StoredItem, remote: OpenedItem): boolean {
  return held.syncedStamp !== undefined && remote.version > held.version && remote.stamp > held.syncedStamp;
}

/** What is held and synced, as the change that it would be on another version of the server. */
export function heldAsChange(held: StoredItem): ItemChange | undefined {
  return held.syncedStamp === undefined ? undefined : unsentChange(held);
}

/**
 * True when ours was made knowing what the server holds: it names it as an ancestor, or the history has it as a version
 * of the server. Payloads name few ancestors, and a backup may be older; what is held descends from all that was synced.
 */
function knew(store: StoreTransaction, ours: ItemChange, { itemId, stamp }: OpenedItem): boolean {
  if (ours.ancestors.includes(stamp)) return true;
  const held = versionByStamp(store, itemId, stamp);
  return held !== undefined && held.version > 0;
}

/** The server holds this very version, maybe under another number. */
function adopt(context: MergeContext, remote: OpenedItem): 'known' {
  dropWaiting(context.store, remote.itemId);
  holdOpened(context.store, remote);
  setVersionNumber(context.store, remote.itemId, remote.stamp, remote.version);
  return 'known';
}

/** Two sides that do not descend from each other meet on what they have in common. */
function putOnCommonBase({ store }: MergeContext, ours: ItemChange, remote: OpenedItem): void {
  if (ours.content === undefined) return;
  putWaitingItemChange(store, { ...ours, content: ours.content, base: commonBase(store, ours, remote) });
}
