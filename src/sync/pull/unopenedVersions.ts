import { err, ok, type Result } from '../../base/result';
import { hourMs } from '../../base/time';
import type { KeyId } from '../../model/ids/ids';
import { type RemoteVersion, remoteVersionSchema } from '../../protocol/changes';
import { readState, writeState } from '../../store/state';
import { forgetLost, lostUnder } from '../../store/synced/lostVersions';
import {
  awaitedKey,
  forgetUnopened,
  keepUnopened,
  listUnopened,
  unopenedUnder,
  unsoundSubjects,
} from '../../store/synced/unopened';
import type { CycleError, CycleRun } from '../cycleRun';
import { overwritesOf } from '../guard';
import { overwriting } from '../push/rejection';
import { currentDigest, digestWithUnopened } from '../reconcile/digest';
import { reconcileOpened } from '../reconcile/reconcile';
import { reconcileItem, reconcileMissing } from '../reconcile/reconcileItem';
import { malformedAnswer } from '../transport/transport';
import { applyVersions, guard, itemsOf, type OpenedVersion, openVersion } from './applyVersions';
import { applyReconciledRecord } from './conflictRecords';

/** Versions that could not be opened, tried again: with a key that has come, or as the server gives them now. */

/** What is unsound may have been damaged on the way: the server is asked for it again, not more often than this. */
const fetchUnsoundEveryMs = hourMs;

export async function openWhatWaits(run: CycleRun): Promise<Result<void, CycleError>> {
  const { openedAtOnce, unopenedFetched } = run.dependencies.atOnce;
  const keyIds = run.dependencies.keys.ring.keys.map(({ keyId }) => keyId);
  for (let after = ''; ; ) {
    const page = await run.read(({ store }) => unopenedUnder(store, keyIds, after, openedAtOnce));
    if (!page.ok) return page;
    const versions = page.value.flatMap(({ wire }) => decoded(wire) ?? []);
    const [openable, damaged] = sorted(run, versions);
    if (openable.length > 0) {
      const applied = await applyVersions(run, openable, undefined);
      if (!applied.ok) return applied;
    }
    if (damaged.length > 0) {
      const marked = await run.write(({ store }) => {
        for (const version of damaged) keepUnopened(store, version, 'unsound');
      });
      if (!marked.ok) return marked;
    }
    const last = page.value.at(-1)?.subject;
    if (last === undefined) break;
    if (run.stopped()) return err({ type: 'stopped' });
    run.dependencies.heartbeat();
    after = last;
  }
  const brought = await bringLostBack(run, keyIds);
  if (!brought.ok) return brought;
  const unsound = await run.read(({ store }) => unsoundSubjects(store, unopenedFetched));
  if (!unsound.ok || unsound.value.length === 0) return unsound.ok ? ok() : unsound;
  return fetchUnsound(run, unsound.value);
}

/** A version as it came; undefined when it is none. */
function decoded(wire: unknown): RemoteVersion | undefined {
  const version = remoteVersionSchema.safeParse(wire);
  return version.success ? version.data : undefined;
}

/** Those that open now, and those that were damaged on the way, which shows only once their key is there. */
function sorted(
  run: CycleRun,
  versions: readonly RemoteVersion[],
): readonly [openable: readonly RemoteVersion[], damaged: readonly RemoteVersion[]] {
  const tried = versions.map(version => ({ version, opened: openVersion(run, version) }));
  return [
    tried.flatMap(({ version, opened }) => (opened.type === 'unopened' ? [] : [version])),
    tried.flatMap(({ version, opened }) => (isDamaged(opened) ? [version] : [])),
  ];
}

const isDamaged = (opened: OpenedVersion): boolean =>
  opened.type === 'unopened' && opened.error.type === 'unsound';

/** As many as a cycle fetches of what the server has lost and what opens now. */
async function bringLostBack(run: CycleRun, keyIds: readonly KeyId[]): Promise<Result<void, CycleError>> {
  const { openedAtOnce, unopenedFetched } = run.dependencies.atOnce;
  let broughtBack = 0;
  for (let after = 0; ; ) {
    const page = await run.read(({ store }) => lostUnder(store, keyIds, after, openedAtOnce));
    if (!page.ok) return page;
    for (const { id, wire } of page.value) {
      const lost = decoded(wire);
      const opened = lost && openVersion(run, lost);
      if (lost === undefined || opened === undefined || isDamaged(opened)) {
        const forgotten = await run.write(({ store }) => forgetLost(store, id));
        if (!forgotten.ok) return forgotten;
        continue;
      }
      if (opened.type === 'unopened') continue;
      if (broughtBack++ >= unopenedFetched) return ok();
      if (run.stopped()) return err({ type: 'stopped' });
      const brought = await bringBack(run, id, lost.itemId, opened);
      if (!brought.ok) return brought;
    }
    const last = page.value.at(-1)?.id;
    if (last === undefined) return ok();
    run.dependencies.heartbeat();
    after = last;
  }
}

/** A version that a restored server has lost meets what is held here, and then what the server has now. */
async function bringBack(
  run: CycleRun,
  id: number,
  subject: RemoteVersion['itemId'],
  opened: OpenedVersion,
): Promise<Result<void, CycleError>> {
  const fetched = await fetchCurrent(run, subject);
  if (!fetched.ok) return fetched;
  const current = fetched.value === null ? undefined : openVersion(run, fetched.value);
  const both = current === undefined ? [opened] : [opened, current];
  const guarded = await guard(run, both);
  if (!guarded.ok) return guarded;
  const written = await run.write(context =>
    overwriting(run, context, overwritesOf(context, itemsOf(both)), () => {
      forgetLost(context.store, id);
      if (opened.type === 'item') reconcileItem(context, opened.item, 'newEpoch');
      else if (opened.type === 'record') applyReconciledRecord(context, opened.record);
      if (current === undefined) reconcileMissing(context, subject, 'newEpoch');
      else reconcileOpened(context, current, 'newEpoch');
    }),
  );
  if (!written.ok) return written;
  if (opened.type === 'item') run.report.changedItems.add(opened.item.itemId);
  else run.report.conflictsChanged = true;
  return ok();
}

/** The key of a version that was pulled and that this device cannot open before the password was given. */
export async function missingKey(run: CycleRun): Promise<Result<KeyId | undefined, CycleError>> {
  const keyIds = run.dependencies.keys.ring.keys.map(({ keyId }) => keyId);
  return run.read(({ store }) => awaitedKey(store, keyIds));
}

/**
 * The digest that a server tells which holds what this device holds, and for what could not be opened here the version
 * that waits to be opened.
 */
export async function expectedDigest(run: CycleRun): Promise<Result<string, CycleError>> {
  const { rowsAtOnce } = run.dependencies.atOnce;
  const held = await run.read(({ store }) => currentDigest(store));
  if (!held.ok) return held;
  let digest = held.value;
  for (let after = ''; ; ) {
    const page = await run.read(({ store }) => {
      const unopened = listUnopened(store, after, rowsAtOnce);
      return { digest: digestWithUnopened(store, digest, unopened), last: unopened.at(-1)?.subject };
    });
    if (!page.ok) return page;
    const { last } = page.value;
    if (last === undefined) return ok(digest);
    run.dependencies.heartbeat();
    digest = page.value.digest;
    after = last;
  }
}

async function fetchUnsound(run: CycleRun, subjects: readonly string[]): Promise<Result<void, CycleError>> {
  const recently = await run.read(
    ({ store, wallMs }) =>
      // A wall clock that was ahead then does not put the next time off for long.
      Math.abs(wallMs - (readState(store, 'unsoundFetchedMs') ?? 0)) < fetchUnsoundEveryMs,
  );
  if (!recently.ok || recently.value) return recently.ok ? ok() : recently;
  const fetched: RemoteVersion[] = [];
  const gone: string[] = [];
  for (const subject of subjects) {
    if (run.stopped()) return err({ type: 'stopped' });
    const answer = await fetchCurrent(run, subject);
    if (!answer.ok) return answer;
    if (answer.value === null) gone.push(subject);
    else fetched.push(answer.value);
  }
  return applyVersions(run, fetched, ({ store, wallMs }) => {
    for (const subject of gone) forgetUnopened(store, subject);
    writeState(store, 'unsoundFetchedMs', wallMs);
  });
}

/** The version of a subject that the server has now; null when it has none. */
async function fetchCurrent(
  run: CycleRun,
  subject: string,
): Promise<Result<RemoteVersion | null, CycleError>> {
  const answer = await run.dependencies.transport.item(subject);
  if (!answer.ok) return answer;
  run.report.requests++;
  run.report.bytesReceived += answer.value.bytesReceived;
  const version = answer.value.answer;
  if (version !== null && version.itemId !== subject) return err(foreignAnswer);
  return ok(version);
}

const foreignAnswer = malformedAnswer('the server told of another item than was asked for');
