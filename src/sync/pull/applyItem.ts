import { assert, defined } from '../../base/assert';
import { ancestorsOf, maxAncestors } from '../../model/ancestors';
import { type Content, emptiedContent } from '../../model/content';
import { sameContent } from '../../model/contentCodec';
import { parseStamp, type Stamp, stampAfter } from '../../model/ids/stamp';
import { readItemEvenEmptied, restampItem, type StoredItem, writeItem } from '../../store/items';
import {
  dropReseals,
  dropWaiting,
  type ItemChange,
  putWaitingItemChange,
  waitingItemChange,
} from '../../store/outbox';
import { rememberDeviceName } from '../../store/synced/devices';
import type { StoreTransaction } from '../../store/transaction';
import { recordVersion } from '../../store/versions';
import { observeStamp } from '../clock/clock';
import { moveItemStamp } from '../clock/restamp';
import type { MergeContext } from '../context';
import { type MergedVersions, mergeVersions } from '../merge/mergeVersions';
import { commonBase, noBase } from '../reconcile/commonBase';
import { holdOpened } from '../reconcile/heldVersions';
import type { OpenedItem } from '../sealing/sealing';
import { recordMeeting } from './conflictRecords';

/** What became of a version from the server. */
export type Applied =
  /** This device held it already. */
  | 'known'
  /** An old version in a new guise: reported, not applied. */
  | 'replayed'
  | 'taken'
  /** It met an unpushed change, and nothing that a person wrote was lost. */
  | 'merged'
  /** It met an unpushed change, and a person is to look at it. */
  | 'conflict';

/**
 * Applies a version that was pulled, or that a push met. Concurrency is decided by versions, never by clocks: with no
 * unpushed change the version is taken; else the two have met on the change's base, and merge.
 */
export function applyItem(context: MergeContext, remote: OpenedItem): Applied {
  const { store } = context;
  const held = readItemEvenEmptied(store, remote.itemId);
  hear(context, remote);
  if (!held) return take(context, remote);
  // The server has pruned the tombstone, and the item has begun anew there.
  const begunAnew = held.syncedDeleted && held.syncedStamp !== undefined && remote.stamp > held.syncedStamp;
  if (remote.version <= held.version && !begunAnew) {
    return remote.version === held.version && remote.stamp !== held.syncedStamp ? 'replayed' : 'known';
  }
  if (held.syncedStamp !== undefined && remote.stamp <= held.syncedStamp) return 'replayed';
  return takeOrMerge(context, held, remote);
}

/** Applies a version whose place among those that are held was settled by the caller: a reconcile. */
export function applyReconciled(context: MergeContext, remote: OpenedItem): Applied {
  const held = readItemEvenEmptied(context.store, remote.itemId);
  hear(context, remote);
  return held ? takeOrMerge(context, held, remote) : take(context, remote);
}

/** What is held of an item, as the change that it would be on no version of the server. */
export function unsentChange(held: StoredItem): ItemChange {
  return {
    collection: 'item',
    rowId: 0,
    itemId: held.id,
    type: held.deleted ? 'delete' : 'upsert',
    stamp: held.lastModified,
    rawMs: undefined,
    content: held.emptied ? emptiedContent : held.content,
    base: noBase,
    ancestors: ancestorsOf(...held.ancestors),
    resolves: undefined,
    reseal: false,
    groupId: undefined,
    refused: undefined,
    flight: undefined,
  };
}

/** Puts a change, as it is, onto another version of the server. */
export function rebase(context: MergeContext, change: ItemChange, onto: OpenedItem, stamp: Stamp): void {
  putWaitingItemChange(context.store, {
    itemId: change.itemId,
    type: change.type,
    stamp,
    rawMs: stamp === change.stamp ? change.rawMs : undefined,
    content: defined(change.content, 'the device is unlocked while it syncs'),
    base: {
      version: onto.version,
      stamp: onto.stamp,
      deleted: onto.deleted,
      content: onto.document.content,
    },
    ancestors: ancestorsOf(
      onto.stamp,
      ...onto.document.ancestors,
      ...change.ancestors,
      ...(stamp === change.stamp ? [] : [change.stamp]),
    ),
    resolves: change.resolves,
    groupId: change.groupId,
  });
}

function hear(context: MergeContext, remote: OpenedItem): void {
  observeStamp(context.store, context.wallMs, remote.stamp);
  rememberDeviceName(context.store, parseStamp(remote.stamp).deviceId, remote.document.deviceName);
}

function takeOrMerge(context: MergeContext, held: StoredItem, sent: OpenedItem): Applied {
  const { store } = context;
  dropReseals(store, sent.itemId);
  const waiting = waitingOnKnownBase(store, held, sent) ?? neededDeletion(held);
  const remote = { ...sent, document: { ...sent.document, content: textOf(sent, waiting ?? held) } };
  if (isMereReseal(held, waiting, remote)) return moveToReseal(context, waiting, remote);
  if (!waiting) return take(context, remote);
  // Where one side descends from the other they are not concurrent; a server that forgot an answer shows it so.
  if (remote.stamp === waiting.stamp || remote.document.ancestors.includes(waiting.stamp)) {
    dropWaiting(store, remote.itemId);
    return take(context, remote);
  }
  if (waiting.ancestors.includes(remote.stamp)) {
    holdOpened(context.store, remote);
    rebase(context, waiting, remote, waiting.stamp);
    return 'known';
  }
  return merge(context, waiting, remote);
}

/**
 * The change that waits. One that was put on nothing, for a restored server had lost what it was made on, meets a version
 * that another device has made on the same on what the two have in common. So does what is held, waiting or not, when
 * the server was restored and has gone past it on another way.
 */
function waitingOnKnownBase(
  store: StoreTransaction,
  held: StoredItem,
  met: OpenedItem,
): ItemChange | undefined {
  const passesBy = isPassedBy(held, met);
  const waiting = waitingItemChange(store, met.itemId) ?? (passesBy ? unsentChange(held) : undefined);
  if (waiting === undefined || (waiting.base.content !== undefined && !passesBy)) return waiting;
  return { ...waiting, base: commonBase(store, waiting, met) };
}

/**
 * True when a higher version shows that it was not made on the one that is held: it names the newest of those before it,
 * at least as many as lie between the two, and not that one. A server that was restored has such versions, and who does
 * not know that yet must not take them for what came next.
 */
function isPassedBy({ syncedStamp, syncedDeleted, version }: StoredItem, met: OpenedItem): boolean {
  const { ancestors } = met.document;
  // Who brings an item back that was deleted and pruned need not know of the deletion.
  if (syncedStamp === undefined || syncedDeleted) return false;
  if (met.stamp === syncedStamp || ancestors.includes(syncedStamp)) return false;
  const last = ancestors.at(-1);
  const isWhole = ancestors.length < maxAncestors || (last !== undefined && last < syncedStamp);
  return isWhole && met.version > version && ancestors.length >= met.version - version;
}

/**
 * A deletion that was not pushed, since the server had deleted and pruned the item too, and that has met a version after
 * all: a device that was away for as long brings the item back.
 */
function neededDeletion(held: StoredItem): ItemChange | undefined {
  const isOwn = held.deleted && held.syncedStamp === undefined && !held.ancestors.includes(held.lastModified);
  return isOwn && held.content !== undefined ? unsentChange(held) : undefined;
}

/** The content of a version; an emptied deletion has none of its own and takes that of what it meets. */
function textOf({ deleted, document }: OpenedItem, met: { readonly content: Content | undefined }): Content {
  return deleted && isEmptied(document.content) ? (met.content ?? document.content) : document.content;
}

const isEmptied = (content: Content): boolean => sameContent(content, emptiedContent);

/**
 * True when another device has only sealed anew what this one holds, or has edited on. The server's word for it is not
 * enough: the contents are compared.
 */
function isMereReseal(held: StoredItem, waiting: ItemChange | undefined, remote: OpenedItem): boolean {
  const ours = waiting ? waiting.base : held;
  if (!remote.reseal || ours.content === undefined) return false;
  return ours.deleted === remote.deleted && sameContent(ours.content, remote.document.content);
}

/** Nothing but the stamp and the key is new: no state for the history, no meeting of two edits. */
function moveToReseal(context: MergeContext, waiting: ItemChange | undefined, remote: OpenedItem): 'known' {
  const { store, device, wallMs } = context;
  holdOpened(store, remote);
  if (!waiting) {
    restampItem(store, remote.itemId, remote.stamp);
    return 'known';
  }
  rebase(context, waiting, remote, waiting.stamp);
  const behind = waitingItemChange(store, remote.itemId);
  // It stands above, and no further: it must not outrank what a person wrote later on another device.
  if (behind && behind.stamp <= remote.stamp) {
    const stamp = stampAfter(remote.stamp, device.id);
    observeStamp(store, wallMs, stamp);
    moveItemStamp(store, behind, stamp);
  }
  return 'known';
}

function take(context: MergeContext, remote: OpenedItem): 'taken' {
  writeItem(
    context.store,
    {
      id: remote.itemId,
      content: remote.document.content,
      lastModified: remote.stamp,
      deviceId: parseStamp(remote.stamp).deviceId,
      deleted: remote.deleted,
    },
    context.wallMs,
  );
  holdOpened(context.store, remote);
  return 'taken';
}

function merge(context: MergeContext, waiting: ItemChange, remote: OpenedItem): Applied {
  if (waiting.resolves !== undefined && waiting.resolves === remote.document.resolves) {
    // Over what it was not made on, the later one would take edits back that it never knew: then the two merge.
    const isOnSameBase = remote.document.ancestors[0] === waiting.base.stamp;
    if (isOnSameBase || remote.stamp > waiting.stamp) return laterResolution(context, waiting, remote);
  }
  const sides = sidesOf(waiting, remote);
  const merged = mergeVersions({ ...sides, text: context.text });
  if (merged.type === 'same') {
    dropWaiting(context.store, remote.itemId);
    return take(context, remote);
  }
  recordMeeting(context, {
    itemId: remote.itemId,
    ...sides,
    outcome: merged.keys.length > 0 ? 'lastWriterWins' : 'merged',
    keys: merged.keys,
    open: merged.open,
  });
  if (merged.equals === 'right') {
    dropWaiting(context.store, remote.itemId);
    take(context, remote);
  } else storeMerge(context, merged, waiting, remote);
  return merged.open ? 'conflict' : 'merged';
}

/** Left is what waits here, right is what came; the base is undefined unless all of it is known. */
function sidesOf({ base, content, type, stamp }: ItemChange, remote: OpenedItem) {
  assert(content !== undefined, 'the device is unlocked while it syncs');
  const deleted = type === 'delete';
  const theirs = remote.document.content;
  return {
    base:
      base.stamp === undefined || base.content === undefined ? undefined : { ...base, content: base.content },
    left: { content: deleted && isEmptied(content) ? theirs : content, deleted, stamp, version: 0 },
    right: { content: theirs, deleted: remote.deleted, stamp: remote.stamp, version: remote.version },
  };
}

function storeMerge(
  context: MergeContext,
  merged: MergedVersions,
  waiting: ItemChange,
  remote: OpenedItem,
): void {
  const { store, wallMs } = context;
  const { content, deleted } = merged;
  const id = remote.itemId;
  const stamp = stampOfMerge(context, merged, waiting, remote);
  take(context, remote);
  rebase(context, { ...waiting, type: deleted ? 'delete' : 'upsert', content }, remote, stamp);
  const state = { content, deleted, deviceId: parseStamp(stamp).deviceId };
  writeItem(store, { id, lastModified: stamp, ...state }, wallMs);
  if (stamp === waiting.stamp) return;
  observeStamp(store, wallMs, stamp);
  recordVersion(store, id, { stamp, version: 0, ...state }, wallMs, false);
}

/** A machine's merge never outranks a person's later edit: it stands just after its later parent. */
function stampOfMerge(
  context: MergeContext,
  merged: MergedVersions,
  waiting: ItemChange,
  remote: OpenedItem,
): Stamp {
  const localIsLater = waiting.stamp > remote.stamp;
  if (localIsLater && merged.equals === 'left') return waiting.stamp;
  return stampAfter(localIsLater ? waiting.stamp : remote.stamp, context.device.id);
}

/** Two resolutions of one record: the later stamp wins and no new record arises. */
function laterResolution(context: MergeContext, waiting: ItemChange, remote: OpenedItem): Applied {
  assert(waiting.content !== undefined, 'the device is unlocked while it syncs');
  const same = sameContent(waiting.content, remote.document.content);
  if (remote.stamp > waiting.stamp || (same && waiting.type === (remote.deleted ? 'delete' : 'upsert'))) {
    dropWaiting(context.store, remote.itemId);
    return take(context, remote);
  }
  take(context, remote);
  rebase(context, waiting, remote, waiting.stamp);
  writeItem(
    context.store,
    {
      id: waiting.itemId,
      lastModified: waiting.stamp,
      content: waiting.content,
      deleted: waiting.type === 'delete',
      deviceId: parseStamp(waiting.stamp).deviceId,
    },
    context.wallMs,
  );
  return 'merged';
}
