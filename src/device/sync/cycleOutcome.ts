import type { CycleOutcome } from '../../sync/cycle';
import type { CycleReport } from '../../sync/cycleRun';
import type { CycleEnd } from '../../sync/schedule/scheduler';
import type { SyncReportJson } from '../json';

/** What came of a cycle, as the schedule, a person and the log want to know it. */

export const failedEnd: CycleEnd = { type: 'failed', retryAfterMs: undefined };

export function endOf({ report, error, unfinished }: CycleOutcome): CycleEnd {
  if (error === undefined) {
    return unfinished ? { type: 'unfinished', sent: report.pushed + report.resealed > 0 } : { type: 'done' };
  }
  switch (error.type) {
    case 'fenced':
      return { type: 'again' };
    case 'stopped':
    case 'massChange':
    case 'keyMissing':
      return { type: 'needsPerson' };
    case 'problem':
      return error.status === 401
        ? { type: 'needsPerson' }
        : { type: 'failed', retryAfterMs: error.retryAfterMs };
    default:
      return failedEnd;
  }
}

export function didSomething(report: CycleReport): boolean {
  const { pushed, resealed, pulled, merged, conflicts, refused, unsound } = report;
  return pushed + resealed + pulled + merged + conflicts + refused + unsound > 0 || report.reconciled;
}

export function noticeJson(
  refused: number | undefined,
  notice: string | undefined,
): Pick<SyncReportJson, 'refused' | 'notice'> {
  return { ...(refused === undefined ? {} : { refused }), ...(notice === undefined ? {} : { notice }) };
}

export function reportJson({ report, cursor }: CycleOutcome, durationMs: number): SyncReportJson {
  return {
    pushed: report.pushed,
    pulled: report.pulled,
    merged: report.merged,
    conflicts: report.conflicts,
    durationMs: Math.round(durationMs),
    cursor: cursor ?? null,
  };
}

/** Counts and times of a cycle, for the log. */
export function cycleFacts({ report, error, unfinished }: CycleOutcome, ended: string, durationMs: number) {
  const { pushed, pulled, merged, conflicts, refused, unsound, requests, reconciled } = report;
  return {
    ended,
    error: error?.type,
    unfinished,
    ...{ pushed, pulled, merged, conflicts, refused, unsound, requests, reconciled },
    ...{ pullMs: Math.round(report.pullMs), mergeMs: Math.round(report.mergeMs) },
    ...{ pushMs: Math.round(report.pushMs), ms: Math.round(durationMs) },
  };
}
