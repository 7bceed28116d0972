import type { DeviceId } from '../model/ids/ids';
import { formatStamp, isStamp, type Stamp, stampAfter } from '../model/ids/stamp';
import { maxStampAheadMs } from '../protocol/limits';
import { readConflict, writeConflict } from '../store/conflicts';
import { readItem, restampItem } from '../store/items';
import {
  type ItemChange,
  itemChangeInFlight,
  neverSentChanges,
  type OutboxChange,
  restampChange,
} from '../store/outbox';
import { optionalBranded } from '../store/rows';
import type { StoreTransaction } from '../store/transaction';
import { restampVersion } from '../store/versions';
import { boundedMillis, correctedTime, issueStamp, resetReading } from './clock';
import type { EditContext } from './context';

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
    const below = [last, change.base.stamp, itemChangeInFlight(store, change.itemId)?.stamp];
    last = above(formatStamp({ millis, counter: 0, deviceId: device.id }), below, device.id);
    moveItemStamp(store, change, last);
    count++;
  }
  resetReading(store, greatestSoundStamp(store, nowMs));
  return count;
}

/** Gives a change that the server has refused for its stamp the stamp of now. */
export function restampRefused(context: EditContext, change: OutboxChange): void {
  const { store, wallMs, device } = context;
  if (change.collection === 'conflict') {
    const held = readConflict(store, change.itemId);
    const { stamp } = issueStamp(store, wallMs, device.id);
    if (held?.conflict) writeConflict(store, { ...held.conflict, stamp });
    restampChange(store, change, stamp);
    return;
  }
  moveItemStamp(store, change, issueStamp(store, wallMs, device.id, change.base.stamp).stamp);
}

function moveItemStamp(store: StoreTransaction, change: ItemChange, stamp: Stamp): void {
  restampChange(store, change, stamp);
  restampVersion(store, change.itemId, change.stamp, stamp);
  if (readItem(store, change.itemId)?.lastModified === change.stamp) restampItem(store, change.itemId, stamp);
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
  const limit = String(nowMs + maxStampAheadMs).padStart(parseWidth, '0');
  const row = store.sql.get(
    `SELECT max(stamp) AS stamp FROM (SELECT max(last_modified) AS stamp FROM items WHERE last_modified < ?
       UNION ALL SELECT max(timestamp) FROM changes WHERE acknowledged_ms IS NULL AND timestamp < ?)`,
    [limit, limit],
  );
  return row && optionalBranded(row, 'stamp', isStamp);
}

const parseWidth = 16;
