import * as z from 'zod';
import { type DurationBuckets, durationQuantileMs } from '../../base/durations';
import { ok, type Result } from '../../base/result';
import { isoTime } from '../../base/time';
import { countClosedConflicts, countOpenConflicts } from '../../store/conflicts';
import { countPendingItems } from '../../store/outbox';
import { type HeldMassChange, readState, type SyncCounters, type SyncTrouble } from '../../store/state';
import { readLogEntries } from '../../store/synced/syncLog';
import { requireSession } from '../account/accountEntry';
import { type DeviceCore, read } from '../core';
import type { DeviceSync } from '../device';
import { type DeviceError, type DeviceErrorCode, deviceErrorCodes } from '../deviceError';
import { failure } from '../failures';
import type { CountersJson, DeviceState, LogEntryJson, RequestTimesJson, StatusJson } from '../json';
import { refusedChanges } from './notices';
import type { SyncControl } from './syncControl';
import { noCounters, sumOf } from './syncCounters';

const maxLogEntriesRead = 1000;

export function createDeviceSync(core: DeviceCore, control: SyncControl): DeviceSync {
  return {
    status: () => statusOf(core, control),
    now: ({ trigger, acceptMassChange }) => control.runNow(trigger, acceptMassChange ? 'accept' : undefined),
    rejectMassChange: async () => {
      const guard = await read(core, store => ok(readState(store, 'guard')));
      if (!guard.ok) return guard;
      if (!guard.value) return failure('badInput', 'No mass change waits for an answer.');
      const rejected = await control.runNow('command', 'reject');
      return rejected.ok ? ok() : rejected;
    },
    pause: () => control.setPaused(true),
    resume: () => control.setPaused(false),
    start: () => control.start(),
    setFocused: async focused => control.setFocused(focused),
    log: limit =>
      read(core, store =>
        ok(
          readLogEntries(store, Math.min(limit, maxLogEntriesRead)).flatMap(entry => {
            const decoded = logEntrySchema.safeParse(entry);
            return decoded.success ? [decoded.data] : [];
          }),
        ),
      ),
  };
}

export async function statusOf(
  core: DeviceCore,
  control: SyncControl,
): Promise<Result<StatusJson, DeviceError>> {
  const session = await requireSession(core);
  const facts = await read(core, store =>
    ok({
      name: readState(store, 'device')?.name ?? '',
      account: readState(store, 'account'),
      signedIn: readState(store, 'signedIn') ?? false,
      pending: countPendingItems(store),
      openConflicts: countOpenConflicts(store),
      cursor: readState(store, 'cursor') ?? null,
      clockOffsetMs: readState(store, 'clockOffsetMs') ?? null,
      lastSyncMs: readState(store, 'lastSyncMs'),
      paused: readState(store, 'paused') ?? false,
      guard: readState(store, 'guard'),
      counters: readState(store, 'counters') ?? noCounters,
      closed: countClosedConflicts(store),
      kept: readState(store, 'syncTrouble'),
      refused: refusedChanges(store)?.message,
      locked: !store.payloads.unlocked,
    }),
  );
  if (!facts.ok) return facts;
  const {
    name,
    account,
    signedIn,
    lastSyncMs,
    paused,
    guard,
    counters,
    closed,
    locked,
    kept,
    refused,
    ...rest
  } = facts.value;
  // Read after the session, so that a sign-out in between does not look like lost keys.
  const isLocked = locked || (signedIn && !session.ok && session.error.code === 'locked');
  const trouble = troubleOf(control.unkeptTrouble ?? kept, refused);
  const attention = guard
    ? `Sync is held: ${guard.changed} of ${guard.total} items would be deleted or overwritten. Accept it, or reject it and keep what this device holds.`
    : trouble.message;
  const lastMs = Math.max(lastSyncMs ?? 0, control.lastIdleMs ?? 0);
  return ok({
    device: { id: core.deviceId, name },
    login: signedIn ? (account?.login ?? null) : null,
    server: account?.server ?? null,
    ...rest,
    lastSync: lastMs === 0 ? null : isoTime(lastMs),
    state: stateOf({ signedIn, isLocked, paused, control, trouble, guard: guard !== undefined }),
    ...(attention === undefined ? {} : { attention }),
    ...(guard || trouble.code === undefined ? {} : { attentionCode: trouble.code }),
    ...(guard === undefined ? {} : { guard: guardJson(guard) }),
    counters: countersJson(sumOf(counters, control.uncounted), closed),
  });
}

function guardJson({ changed, total, snapshot }: HeldMassChange): NonNullable<StatusJson['guard']> {
  return { changed, total, snapshot };
}

function countersJson(
  counters: SyncCounters,
  conflictsResolved: CountersJson['conflictsResolved'],
): CountersJson {
  const { succeeded, failed, pulls, pullMs, pushes, pushMs, bytesSent, bytesReceived } = counters;
  return {
    cycles: { succeeded, failed },
    conflictsResolved,
    pulls: { count: pulls, totalMs: Math.round(pullMs), ...quantiles(counters.pullDurations) },
    pushes: { count: pushes, totalMs: Math.round(pushMs), ...quantiles(counters.pushDurations) },
    bytesSent,
    bytesReceived,
  };
}

function quantiles(durations: DurationBuckets): Pick<RequestTimesJson, 'p50Ms' | 'p95Ms'> {
  const at = (share: number) => {
    const ms = durationQuantileMs(durations, share);
    return ms === undefined ? null : Math.round(ms);
  };
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}

function stateOf(facts: {
  readonly signedIn: boolean;
  readonly isLocked: boolean;
  readonly paused: boolean;
  readonly guard: boolean;
  readonly control: SyncControl;
  readonly trouble: Trouble;
}): DeviceState {
  if (facts.isLocked) return 'locked';
  if (!facts.signedIn) return 'signedOut';
  if (facts.guard) return 'attention';
  if (facts.control.running) return 'syncing';
  if (facts.paused) return 'paused';
  if (facts.trouble.code !== undefined && passingCodes.has(facts.trouble.code)) return 'offline';
  return facts.trouble.message === undefined ? 'idle' : 'attention';
}

/** Of what a sync may get over by itself. A certificate is not trusted behind a captive portal, too. */
const passingCodes: ReadonlySet<DeviceErrorCode> = new Set(['unreachable', 'certificate', 'tooManyRequests']);

/** What is wrong although no mass change is held: nothing, when there is no message. */
interface Trouble {
  readonly code?: DeviceErrorCode;
  readonly message?: string;
}

function troubleOf(kept: SyncTrouble | undefined, refused: string | undefined): Trouble {
  const code = failureCodeSchema.safeParse(kept?.code).data;
  // It has been answered: nothing is held any more.
  const ended = code === 'massChange' ? undefined : kept;
  if (ended !== undefined && code !== undefined) return { code, message: ended.message };
  const message = [refused, ended?.message].filter(each => each !== undefined).join(' ');
  return message === '' ? {} : { message };
}

const failureCodeSchema = z.enum(deviceErrorCodes);

const logEntrySchema: z.ZodType<LogEntryJson> = z.object({
  pushed: z.number(),
  pulled: z.number(),
  merged: z.number(),
  conflicts: z.number(),
  durationMs: z.number(),
  cursor: z.string().nullable(),
  at: z.string(),
  trigger: z.enum(['save', 'focus', 'start', 'event', 'timer', 'command', 'retry']),
  bytesSent: z.number(),
  bytesReceived: z.number(),
  pullMs: z.number(),
  mergeMs: z.number(),
  pushMs: z.number(),
  clockOffsetMs: z.number().exactOptional(),
  resealed: z.number().exactOptional(),
  refused: z.number().exactOptional(),
  notice: z.string().exactOptional(),
  error: z.string().exactOptional(),
});
