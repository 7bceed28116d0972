import { noDurations, sumOfDurations } from '../../base/durations';
import type { SyncCounters } from '../../store/state';
import type { CycleReport } from '../../sync/cycleRun';

/** What the sync cycles of a device have cost, added up over its life. */

export const noCounters: SyncCounters = {
  succeeded: 0,
  failed: 0,
  pulls: 0,
  pullMs: 0,
  pullDurations: noDurations,
  pushes: 0,
  pushMs: 0,
  pushDurations: noDurations,
  bytesSent: 0,
  bytesReceived: 0,
};

/** One cycle. A cycle that made way for another window has neither succeeded nor failed. */
export function countersOf(report: CycleReport, ended: 'succeeded' | 'failed' | 'madeWay'): SyncCounters {
  return {
    succeeded: ended === 'succeeded' ? 1 : 0,
    failed: ended === 'failed' ? 1 : 0,
    pulls: report.pulls,
    pullMs: report.pullMs,
    pullDurations: report.pullDurations,
    pushes: report.pushes,
    pushMs: report.pushMs,
    pushDurations: report.pushDurations,
    bytesSent: report.bytesSent,
    bytesReceived: report.bytesReceived,
  };
}

export function sumOf(left: SyncCounters, right: SyncCounters): SyncCounters {
  return {
    succeeded: left.succeeded + right.succeeded,
    failed: left.failed + right.failed,
    pulls: left.pulls + right.pulls,
    pullMs: left.pullMs + right.pullMs,
    pullDurations: sumOfDurations(left.pullDurations, right.pullDurations),
    pushes: left.pushes + right.pushes,
    pushMs: left.pushMs + right.pushMs,
    pushDurations: sumOfDurations(left.pushDurations, right.pushDurations),
    bytesSent: left.bytesSent + right.bytesSent,
    bytesReceived: left.bytesReceived + right.bytesReceived,
  };
}
