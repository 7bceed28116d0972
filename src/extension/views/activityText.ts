import { dayMs, hourMs, minuteMs } from '../../base/time';
import type { CountersJson, LogEntryJson, SyncTrigger } from '../../device/json';
import { counted } from './statusText';

/** What a cycle did, in a line. */
export function entryText(entry: LogEntryJson): string {
  if (entry.error !== undefined) return entry.error;
  const parts = [
    entry.pushed > 0 && `${entry.pushed} sent`,
    entry.pulled > 0 && `${entry.pulled} received`,
    entry.merged > 0 && `${entry.merged} merged`,
    entry.conflicts > 0 && counted(entry.conflicts, 'conflict'),
    entry.resealed !== undefined && `${entry.resealed} sealed with the new key`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'nothing to do';
}

/** When and why, in a few words. */
export function entryWhen(entry: LogEntryJson, nowMs: number): string {
  return `${ago(Date.parse(entry.at), nowMs)}, ${triggerText(entry.trigger)}`;
}

/** The figures of a cycle, for who wants to know more. */
export function entryFigures(entry: LogEntryJson): string {
  const { durationMs, pullMs, mergeMs, pushMs, bytesSent, bytesReceived } = entry;
  return [
    `${Math.round(durationMs)} ms (pull ${Math.round(pullMs)}, merge ${Math.round(mergeMs)}, push ${Math.round(pushMs)})`,
    `${bytesSent} bytes sent, ${bytesReceived} received`,
  ].join('\n');
}

/** What all syncs of this device have done and cost: a line, and what is behind it. */
export function countersText(counters: CountersJson): { readonly line: string; readonly figures: string } {
  const { cycles, conflictsResolved, pulls, pushes, bytesSent, bytesReceived } = counters;
  const all = cycles.succeeded + cycles.failed;
  const mean = ({ count, totalMs }: CountersJson['pulls']) =>
    count === 0 ? '–' : `${Math.round(totalMs / count)} ms`;
  return {
    line:
      all === 0 ? '' : `${counted(all, 'sync')}, ${Math.floor((100 * cycles.succeeded) / all)} % succeeded`,
    figures: [
      `${counted(all, 'sync')}, ${cycles.failed} of them failed`,
      `${counted(conflictsResolved.automatically, 'conflict')} merged, ${conflictsResolved.byPerson} resolved by hand`,
      `mean time: pull ${mean(pulls)}, push ${mean(pushes)}`,
      `${bytesSent} bytes sent, ${bytesReceived} received`,
    ].join('\n'),
  };
}

export function ago(thenMs: number, nowMs: number): string {
  const passedMs = Math.max(0, nowMs - thenMs);
  if (passedMs < minuteMs) return 'just now';
  if (passedMs < hourMs) return `${Math.floor(passedMs / minuteMs)} min ago`;
  if (passedMs < dayMs) return `${Math.floor(passedMs / hourMs)} h ago`;
  return `${counted(Math.floor(passedMs / dayMs), 'day')} ago`;
}

function triggerText(trigger: SyncTrigger): string {
  switch (trigger) {
    case 'save':
      return 'after a save';
    case 'focus':
      return 'on focus';
    case 'start':
      return 'at start';
    case 'event':
      return 'woken by the server';
    case 'timer':
      return 'by timer';
    case 'command':
      return 'asked for';
    case 'retry':
      return 'tried again';
  }
}
