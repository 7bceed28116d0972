import { err, ok, type Result } from '../../base/result';
import type { RemoteVersion } from '../../protocol/changes';
import {
  forgetHeldOverwrites,
  forgetOverwrites,
  holdOverwrites,
  type Overwrite,
} from '../../store/overwritten';
import { readState, writeState } from '../../store/state';
import { forgetUnopened, keepUnopened } from '../../store/synced/unopened';
import { correctedTime } from '../clock/clock';
import type { MergeContext } from '../context';
import type { CycleError, CycleRun } from '../cycleRun';
import { guardWindowMs, massChangeOf, overwritesOf } from '../guard';
import { isRejected, overwriting } from '../push/rejection';
import { type OpenError, type OpenedItem, type OpenedRecord, openItem, openRecord } from '../sealing/sealing';
import { type Applied, applyItem } from './applyItem';
import { applyRecord } from './conflictRecords';

/** Versions from the server, opened, guarded and applied some at a time. */

/** A version that was opened, or why it was not. */
export type OpenedVersion =
  | { readonly type: 'item'; readonly item: OpenedItem }
  | { readonly type: 'record'; readonly record: OpenedRecord }
  | UnreadableVersion;

export interface UnreadableVersion {
  readonly type: 'unopened';
  readonly version: RemoteVersion;
  readonly error: OpenError;
}

/** What became of a version; `kept`: this device holds a later state of the record. */
export type Outcome = Applied | 'kept' | 'unopened';

export function openVersion(run: CycleRun, version: RemoteVersion): OpenedVersion {
  const { keys } = run.dependencies;
  if (version.collection === 'item') {
    const item = openItem(version, keys);
    return item.ok ? { type: 'item', item: item.value } : { type: 'unopened', version, error: item.error };
  }
  const record = openRecord(version, keys);
  return record.ok
    ? { type: 'record', record: record.value }
    : { type: 'unopened', version, error: record.error };
}

/**
 * Applies pulled versions in order. `last` runs in the transaction of the last ones, so that the cursor moves with
 * what it stands for.
 */
export async function applyVersions(
  run: CycleRun,
  versions: readonly RemoteVersion[],
  last: ((context: MergeContext) => void) | undefined,
): Promise<Result<void, CycleError>> {
  const { appliedPerTransaction } = run.dependencies.atOnce;
  const opened = await run.share.map(versions, version => openVersion(run, version));
  const guarded = await guard(run, opened);
  if (!guarded.ok) return guarded;
  for (let from = 0; from < opened.length || (from === 0 && last); from += appliedPerTransaction) {
    const chunk = opened.slice(from, from + appliedPerTransaction);
    const isLast = from + appliedPerTransaction >= opened.length;
    const startedMs = run.dependencies.clock.monotonic();
    const applied = await run.write(context => {
      const outcomes = overwriting(run, context, overwritesOf(context, itemsOf(chunk)), () =>
        chunk.map(version => applyOpened(context, version)),
      );
      if (isLast) last?.(context);
      return outcomes;
    });
    run.report.mergeMs += run.dependencies.clock.monotonic() - startedMs;
    if (!applied.ok) return applied;
    for (const [index, outcome] of applied.value.entries()) tally(run, chunk[index], outcome);
  }
  return ok();
}

/** Stops before a mass change: keeps a snapshot and leaves the question to a person. */
export async function guard(
  run: CycleRun,
  opened: readonly OpenedVersion[],
): Promise<Result<void, CycleError>> {
  const items = itemsOf(opened);
  return items.length === 0 ? ok() : guardOverwrites(run, context => overwritesOf(context, items));
}

/** The same for what is deleted or overwritten in another way. */
export async function guardOverwrites(
  run: CycleRun,
  overwrites: (context: MergeContext) => readonly Overwrite[],
): Promise<Result<void, CycleError>> {
  const { settings, takeSnapshot, logger } = run.dependencies;
  if (settings.massChange === 'accept') return ok();
  const found = await run.read(context => {
    const rejected = isRejected(run, context.store);
    const counted = overwrites(context).filter(overwrite => !rejected(overwrite));
    return { counted, massChange: massChangeOf(context, counted, settings.guardMaxChangedPercent) };
  });
  if (!found.ok) return found;
  const { counted, massChange } = found.value;
  if (massChange === undefined) return ok();
  const snapshot = await takeSnapshot();
  if (!snapshot.ok) return snapshot;
  const held = { ...massChange, snapshot: snapshot.value };
  const written = await run.write(({ store, wallMs }) => {
    const heldMs = correctedTime(store, wallMs);
    // While one is being rejected another may be held: then what is still to be set back of the first is kept.
    if (readState(store, 'guard') === undefined) forgetHeldOverwrites(store);
    holdOverwrites(store, counted);
    writeState(store, 'guard', { ...held, heldMs });
    forgetOverwrites(store, heldMs - guardWindowMs);
  });
  if (!written.ok) return written;
  logger.warn('a mass change is held until a person has looked at it', {
    changed: held.changed,
    total: held.total,
  });
  return err({ type: 'massChange', ...held });
}

/** Applies one version in a transaction of the caller's. */
export function applyOpened(context: MergeContext, version: OpenedVersion): Outcome {
  switch (version.type) {
    case 'item':
      forgetUnopened(context.store, version.item.itemId);
      return applyItem(context, version.item);
    case 'record':
      forgetUnopened(context.store, version.record.conflictId);
      return applyRecord(context, version.record);
    case 'unopened':
      keepUnopened(context.store, version.version, version.error.type);
      return 'unopened';
  }
}

/** Counts what became of a version. */
export function tally(run: CycleRun, version: OpenedVersion | undefined, outcome: Outcome): void {
  const { report } = run;
  if (version?.type === 'record') {
    if (outcome === 'taken') report.conflictsChanged = true;
    return;
  }
  if (version?.type === 'item' && outcome !== 'known' && outcome !== 'replayed') {
    report.changedItems.add(version.item.itemId);
    report.pulled++;
  }
  if (outcome === 'merged') report.merged++;
  if (outcome === 'conflict') report.conflicts++;
  if (outcome === 'merged' || outcome === 'conflict') report.conflictsChanged = true;
  if (outcome === 'replayed' || outcome === 'unopened') {
    report.unsound++;
    run.dependencies.logger.warn('a version from the server was not applied', {
      reason: version?.type === 'unopened' ? version.error.type : outcome,
      item: version?.type === 'unopened' ? version.version.itemId : version?.item.itemId,
    });
  }
}

export function itemsOf(opened: readonly OpenedVersion[]): readonly OpenedItem[] {
  return opened.flatMap(version => (version.type === 'item' ? [version.item] : []));
}
