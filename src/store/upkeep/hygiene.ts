import { dayMs } from '../../base/time';
import { stampAfter, stampPrefix } from '../../model/ids/stamp';
import { closedConflictsOnServer, trimClosedConflicts } from '../conflicts';
import { putWaitingRecordChange } from '../outbox';
import { forgetOverwrites } from '../overwritten';
import { readState } from '../state';
import type { StoreTransaction } from '../transaction';

/** The bounds of what a device keeps besides its items and their histories. */
export const keepAcknowledgedDays = 30;
export const maxAcknowledgedChanges = 10_000;
export const keepClosedConflictDays = 90;
export const maxClosedConflicts = 1000;
/** Longer than the guard against mass changes looks back. */
export const keepOverwritesDays = 7;

/**
 * Lets go of some rows that are kept no longer.
 * @returns whether none are left
 */
export function pruneLogs(store: StoreTransaction, nowMs: number): boolean {
  forgetOverwrites(store, nowMs - keepOverwritesDays * dayMs);
  const changes = store.sql.run(
    `DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE acknowledged_ms IS NOT NULL
       AND (acknowledged_ms < ? OR id <= (SELECT id FROM changes WHERE acknowledged_ms IS NOT NULL
         ORDER BY id DESC LIMIT 1 OFFSET ?)) LIMIT ?)`,
    [nowMs - keepAcknowledgedDays * dayMs, maxAcknowledgedChanges, rowsPerStep],
  );
  const conflicts = trimClosedConflicts(store, {
    before: stampPrefix(nowMs - keepClosedConflictDays * dayMs),
    maxClosed: maxClosedConflicts,
    limit: rowsPerStep,
  });
  const deleted = deleteClosedConflicts(store, nowMs);
  return changes < rowsPerStep && conflicts < rowsPerStep && deleted < rowsPerStep;
}

/**
 * Records that were closed long ago go on the server too, by the first device that comes to it: their deletions wait to
 * be pushed. The others hear of it, and delete nothing once more.
 */
function deleteClosedConflicts(store: StoreTransaction, nowMs: number): number {
  const device = readState(store, 'device');
  if (device === undefined) return 0;
  const correctedMs = nowMs + (readState(store, 'clockOffsetMs') ?? 0);
  const before = stampPrefix(correctedMs - keepClosedConflictDays * dayMs);
  const closed = closedConflictsOnServer(store, { before, limit: rowsPerStep });
  for (const { id, stamp } of closed) {
    // Just after what it deletes: whoever opens the record again comes after it.
    putWaitingRecordChange(store, { conflictId: id, type: 'delete', stamp: stampAfter(stamp, device.id) });
  }
  return closed.length;
}

/** Rows that one transaction takes away, of each kind. */
const rowsPerStep = 500;
