import { err, ok, type Result } from '../../base/result';
import { type ConflictId, type ItemId, isConflictId, isItemId } from '../../model/ids/ids';
import type { ManifestEntry, RemoteVersion } from '../../protocol/changes';
import { readConflict, writeConflict } from '../../store/conflicts';
import { changesInFlight, dropReseals, type OutboxChange, thaw } from '../../store/outbox';
import { clearState, type ReconcileReason, readState, writeState } from '../../store/state';
import { setAsideLost } from '../../store/synced/lostVersions';
import {
  listSyncedItems,
  listSyncedRecords,
  syncedItem,
  syncedRecord,
} from '../../store/synced/syncedVersions';
import { forgetUnopened, listUnopened } from '../../store/synced/unopened';
import type { MergeContext } from '../context';
import type { CycleError, CycleRun } from '../cycleRun';
import { overwritesOf } from '../guard';
import {
  applyOpened,
  guard,
  guardOverwrites,
  type OpenedVersion,
  type Outcome,
  openVersion,
  tally,
  type UnreadableVersion,
} from '../pull/applyVersions';
import { applyReconciledRecord } from '../pull/conflictRecords';
import { endlessPages, readPage } from '../pull/pull';
import { overwriting } from '../push/rejection';
import { openSentRecord } from '../sealing/sealing';
import { everySubject, recomputeDigest } from './digest';
import { deletionOf, reconcileItem, reconcileMissingItem, reconcileMissingRecord } from './reconcileItem';
import { pushOverUnopened, putOnNothing } from './reconcileUnopened';

/**
 * Compares everything that this device holds with the server's manifest and fetches only what differs. Done when the
 * cursor is of no use (another epoch, or away for longer than tombstones are kept), or when the digests differ.
 */

const maxInFlight = 100_000;

export async function reconcile(run: CycleRun, reason: ReconcileReason): Promise<Result<void, CycleError>> {
  const compared = await compareAll(run, reason);
  if (!compared.ok || compared.value === 'done') return compared.ok ? ok() : compared;
  const anew = await compareAll(run, 'newEpoch');
  return anew.ok ? ok() : anew;
}

/**
 * Goes on with a comparison that was interrupted, or that a repair has asked for. The server may have been restored
 * since, and what it lacks means the opposite then.
 */
export async function resumeReconcile(
  run: CycleRun,
  reason: ReconcileReason,
): Promise<Result<void, CycleError>> {
  const ahead = await run.read(({ store }) => readState(store, 'pushedAhead') ?? false);
  if (!ahead.ok) return ahead;
  const isNewEpoch = reason === 'newEpoch' || (reason === 'digestMismatch' && ahead.value);
  if (isNewEpoch) return reconcile(run, 'newEpoch');
  const epoch = await epochOf(run);
  return epoch.ok ? reconcile(run, epoch.value === 'same' ? reason : 'newEpoch') : epoch;
}

/** Whether the server still knows the cursors up to which this device has read it, and has begun to compare. */
async function epochOf(run: CycleRun): Promise<Result<'same' | 'new', CycleError>> {
  if (run.cursor === undefined) return ok('new');
  const compared = await run.read(({ store }) => readState(store, 'comparedCursor'));
  if (!compared.ok) return compared;
  for (const cursor of [run.cursor, compared.value]) {
    if (cursor === undefined) continue;
    const page = await readPage(run, cursor, 1);
    if (!page.ok) return page;
    if (page.value.type === 'reconcile' && page.value.reason === 'newEpoch') return ok('new');
  }
  return ok('same');
}

/** @returns `otherEpoch` when the server was restored meanwhile, and nothing was deleted here */
async function compareAll(
  run: CycleRun,
  reason: ReconcileReason,
): Promise<Result<'done' | 'otherEpoch', CycleError>> {
  run.report.reconciled = true;
  run.dependencies.logger.info('comparing everything with the server', { reason });
  const begun = await run.write(context => {
    writeState(context.store, 'reconcile', reason);
    // Whether the server took them shows by their stamps.
    for (const change of changesInFlight(context.store, maxInFlight)) {
      restoreSentRecord(run, context, change);
      thaw(context.store, change);
    }
    // What is on the server may be sealed with any key, and what waits to be sealed anew may be gone.
    dropReseals(context.store);
    clearState(context.store, 'resealedWith');
  });
  if (!begun.ok) return begun;

  /** The current stamp of everything that the server holds. */
  const seen = new Map<string, string>();
  let cursor: string | undefined;
  let after: string | undefined;
  for (let told = 0; ; ) {
    if (run.stopped()) return err({ type: 'stopped' });
    const startedMs = run.dependencies.clock.monotonic();
    const manifest = await run.dependencies.transport.manifest(after);
    run.report.pullMs += run.dependencies.clock.monotonic() - startedMs;
    if (!manifest.ok) return manifest;
    const heard = await run.hear(manifest.value);
    if (!heard.ok) return heard;
    const { items, hasMore } = manifest.value.answer;
    if (cursor === undefined) {
      const first = manifest.value.answer.cursor;
      const kept = await run.write(({ store }) => writeState(store, 'comparedCursor', first));
      if (!kept.ok) return kept;
      cursor = first;
    }
    told += items.length;
    if (told > run.dependencies.atOnce.manifestEntries) return err(endlessPages);
    for (const entry of items) seen.set(entry.itemId, entry.timestamp);
    const applied = await reconcilePage(run, items, reason);
    if (!applied.ok) return applied;
    if (!hasMore) break;
    const last = items.at(-1)?.itemId;
    if (last === undefined || (after !== undefined && last <= after)) return err(endlessPages);
    after = last;
  }
  const missing = await reconcileMissing(run, seen, reason);
  if (!missing.ok || missing.value === 'otherEpoch') return missing;
  const ended = await run.write(context => {
    recomputeDigest(context.store);
    for (const key of ['reconcile', 'comparedCursor', 'pushedAhead'] as const) clearState(context.store, key);
    writeState(context.store, 'cursor', cursor ?? '');
    if (reason === 'digestMismatch') writeState(context.store, 'digestReconciledMs', context.wallMs);
  });
  if (!ended.ok) return ended;
  run.cursor = cursor;
  return ok('done');
}

/** A damage may have taken the row of a record whose change is in flight: then what was sent is all that is left of it. */
function restoreSentRecord(run: CycleRun, { store }: MergeContext, change: OutboxChange): void {
  if (change.collection !== 'conflict' || change.flight === undefined) return;
  if (readConflict(store, change.itemId) !== undefined) return;
  const conflict = openSentRecord(change.flight.frozen, run.dependencies.keys);
  if (conflict?.id === change.itemId) writeConflict(store, conflict);
}

async function reconcilePage(
  run: CycleRun,
  entries: readonly ManifestEntry[],
  reason: ReconcileReason,
): Promise<Result<void, CycleError>> {
  const differing = await run.read(({ store }) =>
    entries.filter(entry => {
      const held = isConflictId(entry.itemId)
        ? syncedRecord(store, entry.itemId)
        : syncedItem(store, entry.itemId);
      return held?.version !== entry.version || held.stamp !== entry.timestamp;
    }),
  );
  if (!differing.ok) return differing;
  const { fetchedPerTransaction } = run.dependencies.atOnce;
  for (let from = 0; from < differing.value.length; from += fetchedPerTransaction) {
    const fetched = await fetchAll(run, differing.value.slice(from, from + fetchedPerTransaction));
    if (!fetched.ok) return fetched;
    const opened = fetched.value.map(version => openVersion(run, version));
    const guarded = await guard(run, opened);
    if (!guarded.ok) return guarded;
    const startedMs = run.dependencies.clock.monotonic();
    const written = await run.write(context => {
      const items = opened.flatMap(version => (version.type === 'item' ? [version.item] : []));
      return overwriting(run, context, overwritesOf(context, items), () =>
        opened.map(version => reconcileOpened(context, version, reason)),
      );
    });
    run.report.mergeMs += run.dependencies.clock.monotonic() - startedMs;
    if (!written.ok) return written;
    for (const [index, outcome] of written.value.entries()) tally(run, opened[index], outcome);
  }
  return ok();
}

/** Settles one version of the server with what is held here, in a transaction of the caller's. */
export function reconcileOpened(
  context: MergeContext,
  version: OpenedVersion,
  reason: ReconcileReason,
): Outcome {
  if (reason === 'newEpoch') {
    const { subject, stamp } = placeOf(version);
    setAsideLost(context.store, subject, stamp);
  }
  switch (version.type) {
    case 'item':
      forgetUnopened(context.store, version.item.itemId);
      return reconcileItem(context, version.item, reason);
    case 'record':
      forgetUnopened(context.store, version.record.conflictId);
      return applyReconciledRecord(context, version.record);
    case 'unopened':
      return reason === 'newEpoch' ? reconcileUnopened(context, version) : applyOpened(context, version);
  }
}

function placeOf(version: OpenedVersion): { readonly subject: string; readonly stamp: string } {
  switch (version.type) {
    case 'item':
      return { subject: version.item.itemId, stamp: version.item.stamp };
    case 'record':
      return { subject: version.record.conflictId, stamp: version.record.stamp };
    case 'unopened':
      return { subject: version.version.itemId, stamp: version.version.timestamp };
  }
}

/** In a new epoch, a version that cannot be opened: not yet, or never again. */
function reconcileUnopened(context: MergeContext, unopened: UnreadableVersion): Outcome {
  const { version, error } = unopened;
  if (error.type === 'keyMissing' && pushOverUnopened(context, version)) {
    forgetUnopened(context.store, version.itemId);
    return 'kept';
  }
  putOnNothing(context, version.itemId);
  return applyOpened(context, unopened);
}

async function fetchAll(
  run: CycleRun,
  entries: readonly ManifestEntry[],
): Promise<Result<readonly RemoteVersion[], CycleError>> {
  const { fetchesAtOnce } = run.dependencies.atOnce;
  const versions: RemoteVersion[] = [];
  for (let from = 0; from < entries.length; from += fetchesAtOnce) {
    if (run.stopped()) return err({ type: 'stopped' });
    const startedMs = run.dependencies.clock.monotonic();
    const answers = await Promise.all(
      entries
        .slice(from, from + fetchesAtOnce)
        .map(async entry => ({ entry, answer: await run.dependencies.transport.item(entry.itemId) })),
    );
    run.report.pullMs += run.dependencies.clock.monotonic() - startedMs;
    for (const { entry, answer } of answers) {
      run.report.requests++;
      if (!answer.ok) return answer;
      run.report.bytesReceived += answer.value.bytesReceived;
      // Gone since the manifest was read: pulling will tell.
      const version = answer.value.answer;
      if (version !== null && version.itemId === entry.itemId) versions.push(version);
    }
  }
  return ok(versions);
}

async function reconcileMissing(
  run: CycleRun,
  seen: ReadonlyMap<string, string>,
  reason: ReconcileReason,
): Promise<Result<'done' | 'otherEpoch', CycleError>> {
  const { rowsAtOnce } = run.dependencies.atOnce;
  const found = await run.read(({ store }) => ({
    items: [...everySubject(store, listSyncedItems, rowsAtOnce)].flatMap(({ subject }) =>
      !seen.has(subject) && isItemId(subject) ? [subject] : [],
    ),
    records: [...everySubject(store, listSyncedRecords, rowsAtOnce)].flatMap(({ subject }) =>
      !seen.has(subject) && isConflictId(subject) ? [subject] : [],
    ),
    unopened: [...everySubject(store, listUnopened, rowsAtOnce)].flatMap(({ subject, stamp }) =>
      seen.get(subject) === stamp ? [] : [subject],
    ),
  }));
  if (!found.ok) return found;
  const { items: missingItems, records: missingRecords, unopened } = found.value;
  if (missingItems.length + missingRecords.length + unopened.length === 0) return ok('done');
  if (reason !== 'newEpoch') {
    const epoch = await epochOf(run);
    if (!epoch.ok) return epoch;
    if (epoch.value === 'new') return ok('otherEpoch');
    const guarded = await guardOverwrites(run, ({ store }) =>
      missingItems.flatMap(id => deletionOf(store, id) ?? []),
    );
    if (!guarded.ok) return guarded;
  }
  const items = await inChunks(run, missingItems, (context, id: ItemId) => {
    const deletion = reason === 'newEpoch' ? undefined : deletionOf(context.store, id);
    const outcome = overwriting(run, context, deletion === undefined ? [] : [deletion], () =>
      reconcileMissingItem(context, id, reason),
    );
    if (outcome === 'conflict') run.report.conflicts++;
    run.report.changedItems.add(id);
  });
  if (!items.ok) return items;
  const records = await inChunks(run, missingRecords, (context, id: ConflictId) =>
    reconcileMissingRecord(context, id, reason),
  );
  if (!records.ok) return records;
  const kept = await inChunks(run, unopened, ({ store }, subject: string) => {
    // In the same epoch it was deleted and pruned, or what came after it has been fetched.
    if (reason === 'newEpoch') setAsideLost(store, subject, undefined);
    else if (!seen.has(subject)) forgetUnopened(store, subject);
  });
  return kept.ok ? ok('done') : kept;
}

async function inChunks<Id>(
  run: CycleRun,
  ids: readonly Id[],
  work: (context: MergeContext, id: Id) => void,
): Promise<Result<void, CycleError>> {
  const { settledPerTransaction } = run.dependencies.atOnce;
  for (let from = 0; from < ids.length; from += settledPerTransaction) {
    const written = await run.write(context => {
      for (const id of ids.slice(from, from + settledPerTransaction)) work(context, id);
    });
    if (!written.ok) return written;
  }
  return ok();
}
