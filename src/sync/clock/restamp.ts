import type { Conflict } from '../../model/conflict';
import type { DeviceId } from '../../model/ids/ids';
import { formatStamp, type Stamp, stampAfter } from '../../model/ids/stamp';
import { maxStampAheadMs } from '../../protocol/limits';
import { readConflict, writeConflict } from '../../store/conflicts';
import { greatestStampBefore } from '../../store/greatestStamp';
import { readItemEvenEmptied, restampItem } from '../../store/items';
import {
  type ItemChange,
  itemChangeInFlight,
  neverSentChanges,
  type OutboxChange,
  restampChange,
  waitingChange,
  waitingItemChange,
} from '../../store/outbox';
import { readState } from '../../store/state';
import type { StoreTransaction } from '../../store/transaction';
import { restampVersion } from '../../store/versions';
import type { EditContext } from '../context';
import { boundedMillis, correctedTime, issueStamp, observeStamp, resetReading } from './clock';

/** An offset that moves by less leaves stamps as they are: within it, order by raw readings is as good. */
const minRestampMs = 10_000;

/**
 * Stamps what was never sent anew, when a large clock offset was discovered: raw reading plus offset, in the order in
 * which the changes were made, above the version that each was made on and not above the corrected time. Sent changes
 * are never stamped anew. The clock's greatest reading follows.
 * @param movedMs how far the offset has moved
 */
export function restampNeverSent(context: EditContext, movedMs: number): number {
  if (Math.abs(movedMs) < minRestampMs) return 0;
  const { store, wallMs, device } = context;
  const nowMs = correctedTime(store, wallMs);
  const offsetMs = nowMs - boundedMillis(wallMs);
  let last: Stamp | undefined;
  let count = 0;
  for (const change of neverSentChanges(store)) {
    if (change.collection !== 'item' || change.rawMs === undefined) continue;
    const millis = Math.min(boundedMillis(change.rawMs + offsetMs), nowMs);
    last = above(formatStamp({ millis, counter: 0, deviceId: device.id }), [last], device.id);
    // What one item's base asks for does not move the changes that were made after it.
    const below = [change.base.stamp, itemChangeInFlight(store, change.itemId)?.stamp];
    moveItemStamp(store, change, unlikeFormer(change, above(last, below, device.id), device.id));
    count++;
  }
  resetReading(store, greatestSoundStamp(store, nowMs));
  return count;
}

/**
 * Gives a change that the server has refused for its stamp the stamp of now. A wall clock that jumped ahead and back
 * has left the device's clock ahead: it goes back too, or the next stamps would be refused as well. Where the server's
 * clock has stepped back, and is not followed, its time is still what it takes stamps by.
 * @param serverMs the server's time when it refused
 */
export function restampRefused(asked: EditContext, change: OutboxChange, serverMs: number): void {
  const aheadMs = Math.max(0, correctedTime(asked.store, asked.wallMs) - serverMs);
  const context = aheadMs > minRestampMs ? { ...asked, wallMs: asked.wallMs - aheadMs } : asked;
  const { store, wallMs, device } = context;
  const nowMs = correctedTime(store, wallMs);
  if ((readState(store, 'clock')?.millis ?? 0) > nowMs + maxStampAheadMs) {
    resetReading(store, greatestSoundStamp(store, nowMs));
  }
  if (change.collection === 'item') {
    const issued = issueStamp(store, wallMs, device.id, change.base.stamp).stamp;
    const stamp = unlikeFormer(change, issued, device.id);
    observeStamp(store, wallMs, stamp);
    moveItemStamp(store, change, stamp);
    return;
  }
  // It may have moved already, with the item's change of the same resolution.
  if (waitingChange(store, change.itemId)?.stamp !== change.stamp) return;
  const conflict = readConflict(store, change.itemId)?.conflict;
  const pair = conflict && waitingItemChange(store, conflict.itemId);
  if (pair?.resolves === change.itemId && pair.stamp === change.stamp)
    restampRefused(context, pair, serverMs);
  else moveRecordStamp(store, change, conflict, issueStamp(store, wallMs, device.id).stamp);
}

/** Gives a waiting change, and all that has its stamp, another stamp. */
export function moveItemStamp(store: StoreTransaction, change: ItemChange, stamp: Stamp): void {
  restampChange(store, change, stamp);
  restampVersion(store, change.itemId, change.stamp, stamp);
  if (readItemEvenEmptied(store, change.itemId)?.lastModified === change.stamp)
    restampItem(store, change.itemId, stamp);
  if (change.resolves === undefined) return;
  // A resolution is a pair with one stamp, so that of two resolutions the same one wins in both halves.
  const record = waitingChange(store, change.resolves);
  if (record?.collection !== 'conflict' || record.stamp !== change.stamp) return;
  moveRecordStamp(store, record, readConflict(store, record.itemId)?.conflict, stamp);
}

function moveRecordStamp(
  store: StoreTransaction,
  change: OutboxChange,
  conflict: Conflict | undefined,
  stamp: Stamp,
): void {
  if (conflict?.stamp === change.stamp) {
    const isNew = conflict.detectedAt === conflict.stamp;
    writeConflict(store, { ...conflict, stamp, ...(isNew ? { detectedAt: stamp } : {}) });
  }
  restampChange(store, change, stamp);
}

/**
 * A former state of the change may have been sent, and refused for its stamp: that stamp is never given again. It need
 * not be below, for it may have been far ahead.
 */
function unlikeFormer({ ancestors }: Pick<ItemChange, 'ancestors'>, stamp: Stamp, deviceId: DeviceId): Stamp {
  return ancestors.includes(stamp)
    ? unlikeFormer({ ancestors }, stampAfter(stamp, deviceId), deviceId)
    : stamp;
}

function above(stamp: Stamp, below: readonly (Stamp | undefined)[], deviceId: DeviceId): Stamp {
  const greatest = below.reduce(
    (left, right) => (left !== undefined && (right === undefined || left > right) ? left : right),
    undefined,
  );
  return greatest !== undefined && stamp <= greatest ? stampAfter(greatest, deviceId) : stamp;
}

/** The greatest stamp that is held and that a sound clock can have issued by now. */
function greatestSoundStamp(store: StoreTransaction, nowMs: number): Stamp | undefined {
  return greatestStampBefore(store, nowMs + maxStampAheadMs);
}
