import { counted, sizeText } from '../base/amounts';
import type { CountersJson, LogEntryJson, StatusJson, SyncReportJson } from '../device/json';
import { withCommands } from './failure';
import { type Cell, facts, localTime, type Page, plain, table } from './page';

export function statusText(status: StatusJson, page: Page): string {
  return facts(page, [
    ['state', stateCell(status)],
    ['attention', attentionCell(status)],
    [
      'account',
      status.login === null ? undefined : `${status.login} at ${status.server ?? 'an unknown server'}`,
    ],
    ['device', `${status.device.name} (${status.device.id})`],
    ['waiting', status.pending === 0 ? 'nothing' : `${counted(status.pending, 'item')} to be pushed`],
    ['conflicts', conflictsCell(status.openConflicts)],
    ['last sync', status.lastSync === null ? 'never' : localTime(status.lastSync, true)],
    ['clock', clockText(status.clockOffsetMs)],
    ...countersFacts(status.counters),
  ]);
}

function countersFacts(counters: CountersJson): readonly (readonly [string, string | undefined])[] {
  const { cycles, conflictsResolved, pulls, pushes, bytesSent, bytesReceived } = counters;
  const all = cycles.succeeded + cycles.failed;
  if (all === 0) return [];
  const share = ((100 * cycles.succeeded) / all).toFixed(0);
  const { automatically, byPerson } = conflictsResolved;
  const mean = ({ count: number, totalMs }: CountersJson['pulls']) =>
    number === 0 ? 'none yet' : `${Math.round(totalMs / number)} ms`;
  const spread = ({ p50Ms, p95Ms }: CountersJson['pulls']) =>
    p50Ms === null || p95Ms === null ? 'none yet' : `${p50Ms} / ${p95Ms} ms`;
  return [
    ['syncs', `${all}, of which ${share} % succeeded`],
    ['resolved', `${counted(automatically, 'conflict')} by merging, ${byPerson} by hand`],
    ['mean time', `pull ${mean(pulls)}, push ${mean(pushes)}`],
    ['p50 / p95', `pull ${spread(pulls)}, push ${spread(pushes)}`],
    ['traffic', `${sizeText(bytesSent)} sent, ${sizeText(bytesReceived)} received`],
  ];
}

export function reportText(report: SyncReportJson, page: Page): string {
  const { pushed, pulled, merged, conflicts, durationMs, refused } = report;
  const left = refused === undefined ? '' : `, ${page.paint('warning', `refused ${refused}`)}`;
  const moved = `pushed ${pushed}, pulled ${pulled}, merged ${merged}${left}`;
  const took = page.paint('quiet', `(${Math.round(durationMs)} ms)`);
  if (conflicts === 0) return `Synced: ${moved} ${took}`;
  const found = page.paint('warning', `${counted(conflicts, 'new conflict')}`);
  return `Synced: ${moved}, ${found} ${took}\nscratch conflicts shows what met; nothing was lost.`;
}

/** The cycles as a table, each with what was wrong, whole, on a line below it. */
export function logText(entries: readonly LogEntryJson[], page: Page): string {
  if (entries.length === 0) return 'No sync has done anything yet.';
  const rows = table(
    page,
    [
      { title: 'WHEN' },
      { title: 'WHY' },
      { title: 'PUSHED', alignRight: true },
      { title: 'PULLED', alignRight: true },
      { title: 'MERGED', alignRight: true },
      { title: 'MS', alignRight: true },
      { title: 'OUTCOME', stretches: true },
    ],
    entries.map(entry => [
      { text: localTime(entry.at, true), tone: 'quiet' },
      entry.trigger,
      String(entry.pushed),
      String(entry.pulled),
      String(entry.merged),
      String(Math.round(entry.durationMs)),
      outcomeCell(entry),
    ]),
  ).split('\n');
  const [titles = '', ...cycles] = rows;
  const told = cycles.map((row, index) => {
    const { error, notice, clockOffsetMs = 0 } = entries[index] ?? {};
    const tone = error === undefined ? 'warning' : 'bad';
    const words = error ?? notice;
    const clock = isOff(clockOffsetMs) ? [page.paint('quiet', `clock: ${clockText(clockOffsetMs)}`)] : [];
    const below = [...(words === undefined ? [] : [page.paint(tone, plain(words))]), ...clock];
    return [row, ...below.map(line => `    ${line}`)].join('\n');
  });
  return [titles, ...told].join('\n');
}

const stateTexts: Readonly<Record<StatusJson['state'], Cell>> = {
  signedOut: 'not signed in: scratch sign-in or scratch sign-up',
  idle: { text: 'in order', tone: 'good' },
  syncing: 'syncing',
  offline: { text: 'the server is not reachable; changes wait', tone: 'warning' },
  paused: { text: 'sync is paused', tone: 'warning' },
  locked: { text: 'locked: scratch unlock', tone: 'warning' },
  attention: { text: 'needs your attention', tone: 'bad' },
};

function stateCell({ state }: StatusJson): Cell {
  return stateTexts[state];
}

function attentionCell({ attention, attentionCode, guard }: StatusJson): Cell | undefined {
  if (attention === undefined) return undefined;
  const code = guard === undefined ? attentionCode : 'massChange';
  const { message } = withCommands({ message: attention, ...(code === undefined ? {} : { code }) });
  return { text: message, tone: 'warning' };
}

function conflictsCell(open: number): Cell {
  return open === 0 ? 'none' : { text: `${open} open: scratch conflicts`, tone: 'warning' };
}

function clockText(offsetMs: number | null): string | undefined {
  if (offsetMs === null) return undefined;
  if (!isOff(offsetMs)) return 'agrees with the server';
  const seconds = Math.abs(offsetMs) / 1000;
  return `${seconds.toFixed(0)} s ${offsetMs > 0 ? 'behind' : 'ahead of'} the server, which is allowed for`;
}

/** Less is what a network's delay alone can look like. */
const shownFromMs = 2000;

function isOff(offsetMs: number): boolean {
  return Math.abs(offsetMs) >= shownFromMs;
}

function outcomeCell(entry: LogEntryJson): Cell {
  if (entry.error !== undefined) return { text: 'failed', tone: 'bad' };
  if (entry.refused !== undefined) return { text: `${entry.refused} refused`, tone: 'warning' };
  if (entry.resealed !== undefined) return `${counted(entry.resealed, 'item')} sealed with the new key`;
  return entry.conflicts > 0 ? { text: counted(entry.conflicts, 'conflict'), tone: 'warning' } : 'ok';
}
