import { ancestorsOf } from '../../model/ancestors';
import { supersedes } from '../../model/conflict';
import { type ConflictId, type ItemId, isConflictId } from '../../model/ids/ids';
import type { RemoteVersion } from '../../protocol/changes';
import { readConflict } from '../../store/conflicts';
import { readItemEvenEmptied } from '../../store/items';
import { putWaitingItemChange, putWaitingRecordChange, waitingItemChange } from '../../store/outbox';
import type { MergeContext } from '../context';
import { holdItemVersion, holdRecordVersion } from './heldVersions';
import { heldAsChange, reconcileMissing } from './reconcileItem';

/**
 * In a new epoch, a version that no key of this device opens: a restored server may hold what was sealed with a key
 * that has left the ring since. What is held here is pushed over it when it is known to come after it, by its stamp
 * alone.
 * @returns false when nothing here is known to come after it
 */
export function pushOverUnopened(context: MergeContext, version: RemoteVersion): boolean {
  return version.collection === 'item' ? pushItem(context, version) : pushRecord(context, version);
}

/**
 * In a new epoch, what is held of a version that was lost is no ground for a version that cannot be opened yet, or for
 * one that comes after it: it waits, on nothing, until it has met what is opened.
 */
export function putOnNothing(context: MergeContext, subject: ItemId | ConflictId): void {
  const isKnown = isConflictId(subject) || readItemEvenEmptied(context.store, subject) !== undefined;
  if (isKnown) reconcileMissing(context, subject, 'newEpoch');
}

function pushItem(
  { store }: MergeContext,
  { itemId, version, timestamp, changeType, keyId }: RemoteVersion & { readonly collection: 'item' },
): boolean {
  const held = readItemEvenEmptied(store, itemId);
  const ours = held && (waitingItemChange(store, itemId) ?? heldAsChange(held));
  if (ours?.content === undefined) return false;
  if (!ours.ancestors.includes(timestamp) || timestamp >= ours.stamp) return false;
  const deleted = changeType === 'delete';
  const ancestors = ancestorsOf(...ours.ancestors.filter(stamp => stamp < timestamp));
  holdItemVersion(store, itemId, { version, stamp: timestamp, deleted, ancestors, keyId });
  putWaitingItemChange(store, {
    ...ours,
    content: ours.content,
    base: { version, stamp: timestamp, deleted, content: undefined },
  });
  return true;
}

/** Of two states of a record the one with the higher revision, then stamp, is current, whatever is in them. */
function pushRecord(
  { store }: MergeContext,
  { itemId, version, timestamp, revision, keyId }: RemoteVersion & { readonly collection: 'conflict' },
): boolean {
  const held = readConflict(store, itemId);
  if (held?.conflict === undefined || !supersedes(held, { revision, stamp: timestamp })) return false;
  holdRecordVersion(store, itemId, { version, stamp: timestamp, deleted: false, keyId });
  putWaitingRecordChange(store, { conflictId: itemId, stamp: held.stamp });
  return true;
}
