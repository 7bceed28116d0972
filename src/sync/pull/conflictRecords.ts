import { conflictIdOf } from '../../crypto/contentDigest';
import type { Conflict, ConflictOutcome, ConflictSide } from '../../model/conflict';
import { supersedes } from '../../model/conflict';
import type { Content } from '../../model/content';
import type { ChangeId, ConflictId, ItemId } from '../../model/ids/ids';
import { parseStamp, type Stamp } from '../../model/ids/stamp';
import { markConflictPruned, readConflict, writeConflict } from '../../store/conflicts';
import { type ChangeBase, dropWaiting, putWaitingRecordChange, waitingChange } from '../../store/outbox';
import { deviceNameOf } from '../../store/synced/devices';
import { syncedRecord, type TakenVersion } from '../../store/synced/syncedVersions';
import type { StoreTransaction } from '../../store/transaction';
import { issueStamp, observeStamp } from '../clock/clock';
import type { EditContext } from '../context';
import { holdRecordVersion } from '../reconcile/heldVersions';
import type { OpenedRecord } from '../sealing/sealing';

/** Conflict records: written when two versions meet, synced under their own rule, changed by a resolution. */

/** One of the two versions that met. */
export interface MeetingVersion {
  readonly stamp: Stamp;
  readonly version: number;
  readonly deleted: boolean;
  readonly content: Content;
}

export interface Meeting {
  readonly itemId: ItemId;
  readonly base: ChangeBase | undefined;
  readonly left: MeetingVersion;
  readonly right: MeetingVersion;
  readonly outcome: ConflictOutcome;
  readonly keys: readonly string[];
  readonly open: boolean;
}

/**
 * Writes the record of a meeting and puts it into the outbox. Its id is derived from the pair, so a pair that is
 * recorded already, here or on another device, gets no second record.
 * @returns whether a record was written
 */
export function recordMeeting(context: EditContext, meeting: Meeting): boolean {
  const { store } = context;
  const id = conflictIdOf(meeting.itemId, meeting.left.stamp, meeting.right.stamp);
  if (readConflict(store, id)) return false;
  const leftIsEarlier = meeting.left.stamp <= meeting.right.stamp;
  const base = baseSideOf(store, meeting.base);
  const { stamp } = issueStamp(store, context.wallMs, context.device.id);
  const conflict: Conflict = {
    id,
    itemId: meeting.itemId,
    ...(base === undefined ? {} : { base }),
    earlier: sideOf(store, leftIsEarlier ? meeting.left : meeting.right),
    later: sideOf(store, leftIsEarlier ? meeting.right : meeting.left),
    outcome: meeting.outcome,
    keys: meeting.keys,
    detectedAt: stamp,
    detectedBy: context.device.id,
    state: meeting.open ? 'open' : 'auto',
    revision: 1,
    stamp,
  };
  writeConflict(store, conflict);
  putWaitingRecordChange(store, { conflictId: id, stamp });
  return true;
}

/**
 * Moves a record to its next state and puts that into the outbox.
 * @param stamp that of the item's change in the same resolution, so that of two resolutions the same one wins in both
 */
export function reviseRecord(
  store: StoreTransaction,
  conflict: Conflict,
  next: Pick<Conflict, 'state' | 'resolution' | 'stamp'>,
  groupId: ChangeId | undefined,
): Conflict {
  const revised: Conflict = { ...conflict, ...next, revision: conflict.revision + 1 };
  writeConflict(store, revised);
  putWaitingRecordChange(store, { conflictId: conflict.id, stamp: revised.stamp, groupId });
  return revised;
}

/**
 * Applies a record's state from the server: the one with the higher revision, then stamp, is current. A version that
 * is not above the one that is held says nothing new.
 */
export function applyRecord(context: EditContext, remote: OpenedRecord): AppliedRecord {
  const before = syncedRecord(context.store, remote.conflictId);
  const isNew = before === undefined || remote.version > before.version;
  if (!isNew && !(remote.version === before.version && isAbove(context.store, remote))) return 'known';
  return applyReconciledRecord(context, remote);
}

/** A state that is to be pushed over the server's may be below it, once it was refused for its stamp and stamped anew. */
function isAbove(store: StoreTransaction, { conflictId, conflict }: OpenedRecord): boolean {
  const held = readConflict(store, conflictId);
  return held !== undefined && conflict !== undefined && supersedes(conflict, held);
}

/** `kept`: this device holds a later state, which is pushed. */
export type AppliedRecord = 'taken' | 'known' | 'kept';

/** Applies a record's state that may stand under any version: a reconcile. */
export function applyReconciledRecord(context: EditContext, remote: OpenedRecord): AppliedRecord {
  const { store } = context;
  observeStamp(store, context.wallMs, remote.stamp);
  const held = readConflict(store, remote.conflictId);
  const synced = {
    version: remote.version,
    stamp: remote.stamp,
    deleted: remote.conflict === undefined,
    keyId: remote.keyId,
    wireExtra: remote.wireExtra,
  };
  if (remote.conflict === undefined) {
    if (!held) return 'taken';
    const isReopened = held.revision > remote.revision;
    // What opened it again was taken by the server, and lost by it since.
    if (isReopened && held.conflict) {
      putWaitingRecordChange(store, { conflictId: remote.conflictId, stamp: held.stamp });
    }
    return holdRecordDeletion(context, remote.conflictId, synced, isReopened);
  }
  const isSame = held?.stamp === remote.stamp && held.revision === remote.conflict.revision;
  if (held && !held.deleted && (isSame || supersedes(held, remote.conflict))) {
    holdRecordVersion(store, remote.conflictId, synced);
    if (isSame) {
      dropWaiting(store, remote.conflictId);
      return 'known';
    }
    putWaitingRecordChange(store, { conflictId: remote.conflictId, stamp: held.stamp });
    return 'kept';
  }
  dropWaiting(store, remote.conflictId);
  writeConflict(store, remote.conflict);
  holdRecordVersion(store, remote.conflictId, synced);
  return 'taken';
}

/**
 * The server holds a record's deletion: the record goes, unless it was opened again here since and waits to be pushed.
 */
export function holdRecordDeletion(
  { store }: EditContext,
  id: ConflictId,
  deletion: TakenVersion,
  isReopened: boolean,
): 'taken' | 'kept' {
  if (isReopened && waitingChange(store, id) !== undefined) {
    holdRecordVersion(store, id, undefined);
    return 'kept';
  }
  dropWaiting(store, id);
  holdRecordVersion(store, id, deletion);
  markConflictPruned(store, id);
  return 'taken';
}

function sideOf(store: StoreTransaction, version: MeetingVersion): ConflictSide {
  const { deviceId } = parseStamp(version.stamp);
  return { ...version, deviceId, deviceName: deviceNameOf(store, deviceId) };
}

function baseSideOf(store: StoreTransaction, base: ChangeBase | undefined): ConflictSide | undefined {
  if (base?.content === undefined || base.stamp === undefined) return undefined;
  return sideOf(store, {
    stamp: base.stamp,
    version: base.version,
    deleted: base.deleted,
    content: base.content,
  });
}
