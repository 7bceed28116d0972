import { dayMs, hourMs, minuteMs } from '../../base/time';
import type { CountersJson, LogEntryJson, SyncTrigger } from '../../device/json';
import { conflictsText, type Say } from './say';

/** What a cycle did, in a line. */
export function entryText(entry: LogEntryJson, say: Say): string {
  if (entry.error !== undefined) return entry.error;
  const parts = [
    entry.pushed > 0 && say('{0} pushed', entry.pushed),
    entry.pulled > 0 && say('{0} pulled', entry.pulled),
    entry.merged > 0 && say('{0} merged', entry.merged),
    entry.conflicts > 0 && conflictsText(entry.conflicts, say),
    entry.resealed !== undefined && say('{0} sealed with the new key', entry.resealed),
  ].filter(Boolean);
  if (entry.notice !== undefined) return [parts.join(', '), entry.notice].filter(Boolean).join('. ');
  return parts.length > 0 ? parts.join(', ') : say('nothing to do');
}

/** When and why, in a few words. */
export function entryWhen(entry: LogEntryJson, nowMs: number, say: Say): string {
  return `${ago(Date.parse(entry.at), nowMs, say)}, ${triggerText(entry.trigger, say)}`;
}

/** The figures of a cycle, for who wants to know more. */
export function entryFigures(entry: LogEntryJson, say: Say): string {
  const { durationMs, pullMs, mergeMs, pushMs, bytesSent, bytesReceived, clockOffsetMs } = entry;
  const [all, pull, merge, push] = [durationMs, pullMs, mergeMs, pushMs].map(Math.round);
  return [
    say('{0} ms (pull {1}, merge {2}, push {3})', all ?? 0, pull ?? 0, merge ?? 0, push ?? 0),
    say('{0} bytes sent, {1} received', bytesSent, bytesReceived),
    ...(clockOffsetMs === undefined ? [] : [say('server clock less this one: {0} ms', clockOffsetMs)]),
  ].join('\n');
}

/** What all syncs of this device have done and cost: a line, and what is behind it. */
export function countersText(
  counters: CountersJson,
  say: Say,
): { readonly line: string; readonly figures: string } {
  const { cycles, conflictsResolved, pulls, pushes, bytesSent, bytesReceived } = counters;
  const all = cycles.succeeded + cycles.failed;
  const mean = ({ count, totalMs }: CountersJson['pulls']) =>
    count === 0 ? '–' : say('{0} ms', Math.round(totalMs / count));
  const spread = ({ p50Ms, p95Ms }: CountersJson['pulls']) =>
    p50Ms === null || p95Ms === null ? '–' : say('{0} / {1} ms', p50Ms, p95Ms);
  const syncs = all === 1 ? say('1 sync') : say('{0} syncs', all);
  const merged = conflictsText(conflictsResolved.automatically, say);
  return {
    line: all === 0 ? '' : say('{0}, {1} % succeeded', syncs, Math.floor((100 * cycles.succeeded) / all)),
    figures: [
      say('{0}, {1} of them failed', syncs, cycles.failed),
      say('{0} merged, {1} resolved by hand', merged, conflictsResolved.byPerson),
      say('mean time: pull {0}, push {1}', mean(pulls), mean(pushes)),
      say('p50 / p95: pull {0}, push {1}', spread(pulls), spread(pushes)),
      say('{0} bytes sent, {1} received', bytesSent, bytesReceived),
    ].join('\n'),
  };
}

export function ago(thenMs: number, nowMs: number, say: Say): string {
  const passedMs = Math.max(0, nowMs - thenMs);
  if (passedMs < minuteMs) return say('just now');
  if (passedMs < hourMs) return say('{0} min ago', Math.floor(passedMs / minuteMs));
  if (passedMs < dayMs) return say('{0} h ago', Math.floor(passedMs / hourMs));
  const days = Math.floor(passedMs / dayMs);
  return days === 1 ? say('1 day ago') : say('{0} days ago', days);
}

function triggerText(trigger: SyncTrigger, say: Say): string {
  switch (trigger) {
    case 'save':
      return say('after a save');
    case 'focus':
      return say('on focus');
    case 'start':
      return say('at start');
    case 'event':
      return say('woken by the server');
    case 'timer':
      return say('by timer');
    case 'command':
      return say('asked for');
    case 'retry':
      return say('tried again');
  }
}
