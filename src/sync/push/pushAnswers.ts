import { err, ok, type Result } from '../../base/result';
import { ancestorsOf } from '../../model/ancestors';
import type { KeyId } from '../../model/ids/ids';
import type { ChangeAnswer, PushAnswer } from '../../protocol/changes';
import { readConflict } from '../../store/conflicts';
import { itemVersion } from '../../store/items';
import {
  acknowledge,
  dropReseals,
  dropWaiting,
  type Flight,
  type ItemChange,
  type OutboxChange,
  putWaitingItemChange,
  refuse,
  thaw,
  waitingItemChange,
} from '../../store/outbox';
import { writeState } from '../../store/state';
import { setVersionNumber } from '../../store/versions';
import { issueStamp } from '../clock/clock';
import { moveItemStamp, restampRefused } from '../clock/restamp';
import type { MergeContext } from '../context';
import type { CycleError, CycleRun } from '../cycleRun';
import { overwritesOf } from '../guard';
import { applyOpened, guard, type OpenedVersion, openVersion, tally } from '../pull/applyVersions';
import { holdRecordDeletion, recordMeeting } from '../pull/conflictRecords';
import { noBase } from '../reconcile/commonBase';
import { holdItemVersion, holdRecordVersion } from '../reconcile/heldVersions';
import { malformedAnswer } from '../transport/transport';
import { overwriting } from './rejection';

/** What each sent change becomes by its answer: acknowledged, put on top of what it met, or refused. */

/** A change with the exact text that is, or was, sent. */
export interface SentChange {
  readonly change: OutboxChange;
  readonly flight: Flight;
}

/** A sent change with its answer; `met` is the version that it met, opened. */
interface Answered extends SentChange {
  readonly answer: ChangeAnswer;
  readonly met: OpenedVersion | undefined;
}

interface SettledChange extends Answered {
  readonly outcome: Settled;
}

/** Settles a whole batch in one transaction, with which the cursor moves. `again` when something waits to be sent under a new id. */
export async function settleAnswers(
  run: CycleRun,
  sent: readonly SentChange[],
  answer: PushAnswer,
): Promise<Result<'done' | 'again', CycleError>> {
  const matched = matchAnswers(run, sent, answer);
  if (!matched.ok) return matched;
  const answered = matched.value;
  const guarded = await guard(
    run,
    answered.flatMap(({ met }) => met ?? []),
  );
  if (!guarded.ok) return guarded;

  const { cursor } = answer;
  const isMoved = cursor !== undefined && cursor !== run.cursor;
  const written = await run.write(context => {
    // All of them first: what becomes of one change of a group may touch the others.
    for (const { change, answer: each } of answered) {
      if (each.status !== 'accepted') thaw(context.store, change);
    }
    if (isMoved) writeState(context.store, 'cursor', cursor);
    if (cursor === undefined) writeState(context.store, 'pushedAhead', true);
    return answered.map(item => ({ ...item, outcome: settle(run, context, item, answer.serverTime) }));
  });
  if (!written.ok) return written;
  if (isMoved) run.cursor = cursor;
  countOutcomes(run, written.value);
  const { current } = run.dependencies.keys.ring;
  if (answered.some(each => wasRetired(each, current))) return err({ type: 'keyMissing', keyId: current });
  const isDone = written.value.every(({ outcome }) => outcome === 'accepted' || outcome === 'refused');
  return ok(isDone ? 'done' : 'again');
}

/** Each change with its answer, and the version that it met opened. */
function matchAnswers(
  run: CycleRun,
  sent: readonly SentChange[],
  { results }: PushAnswer,
): Result<readonly Answered[], CycleError> {
  const answers = new Map(results.map(result => [String(result.changeId), result]));
  const answered: Answered[] = [];
  for (const item of sent) {
    const answer = answers.get(item.flight.changeId);
    if (!answer) return err(unanswered);
    const met = metBy(run, item.change, answer);
    if (met === 'foreign') return err(unanswered);
    answered.push({ ...item, answer, met });
  }
  return ok(answered);
}

function countOutcomes(run: CycleRun, settled: readonly SettledChange[]): void {
  const { report } = run;
  for (const { change, met, outcome } of settled) {
    if (outcome === 'refused') report.refused++;
    else if (outcome !== 'accepted' && outcome !== 'again') tally(run, met, outcome);
    if (outcome !== 'accepted' || change.collection !== 'item') continue;
    if (change.reseal) report.resealed++;
    else report.pushed++;
    report.acknowledgedItems.add(change.itemId);
  }
}

/** True when this device's newest key is not the account's any more: it was rotated elsewhere. */
function wasRetired({ answer, flight }: Answered, current: KeyId): boolean {
  return answer.status === 'rejected' && answer.code === 'keyRetired' && flight.keyId === current;
}

const unanswered = malformedAnswer('the server did not answer each change');

function metBy(
  run: CycleRun,
  change: OutboxChange,
  answer: ChangeAnswer,
): OpenedVersion | 'foreign' | undefined {
  if (answer.status !== 'conflict' || answer.current === null) return undefined;
  const { current } = answer;
  return current.collection === change.collection && current.itemId === change.itemId
    ? openVersion(run, current)
    : 'foreign';
}

type Settled = 'accepted' | 'refused' | 'again' | ReturnType<typeof applyOpened>;

function settle(
  run: CycleRun,
  context: MergeContext,
  { change, flight, answer, met }: Answered,
  serverMs: number,
): Settled {
  switch (answer.status) {
    case 'accepted':
      accept(context, change, flight, answer.version);
      return 'accepted';
    case 'conflict':
      if (met === undefined) return lost(context, change);
      return overwriting(run, context, met.type === 'item' ? overwritesOf(context, [met.item]) : [], () =>
        applyOpened(context, met),
      );
    case 'rejected':
      return reject(context, change, answer, serverMs);
  }
}

function accept(context: MergeContext, change: OutboxChange, { keyId }: Flight, version: number): void {
  const { store } = context;
  acknowledge(store, change, context.wallMs);
  if (change.collection === 'conflict') {
    const held = readConflict(store, change.itemId);
    if (held === undefined || version <= held.version) return;
    if (change.type === 'upsert') {
      holdRecordVersion(store, change.itemId, { version, stamp: change.stamp, deleted: held.deleted, keyId });
      return;
    }
    // What waits behind a deletion has opened the record again.
    holdRecordDeletion(context, change.itemId, { version, stamp: change.stamp, deleted: true, keyId }, true);
    return;
  }
  const held = itemVersion(store, change.itemId);
  if (held === undefined || version <= held) return;
  const deleted = change.type === 'delete';
  holdItemVersion(store, change.itemId, {
    version,
    stamp: change.stamp,
    deleted,
    ancestors: change.ancestors,
    keyId,
  });
  setVersionNumber(store, change.itemId, change.stamp, version);
  const behind = waitingItemChange(store, change.itemId);
  if (behind?.content === undefined) return;
  putWaitingItemChange(store, {
    ...behind,
    content: behind.content,
    base: { version, stamp: change.stamp, deleted, content: change.content },
    ancestors: ancestorsOf(change.stamp, ...change.ancestors),
  });
}

/**
 * The server has no version of the item: its tombstone was pruned while this change waited. The edit survives as a
 * new first version, with a record that says so.
 */
function lost(context: MergeContext, change: OutboxChange): 'again' | 'conflict' {
  if (change.collection === 'conflict') {
    holdRecordVersion(context.store, change.itemId, undefined);
    return 'again';
  }
  return surviveDeletion(context, change.itemId) ? 'conflict' : 'again';
}

/**
 * Puts an unpushed edit of an item that the server has deleted and pruned onto nothing, as a new first version, and
 * records that it met a deletion.
 * @returns false when no edit waits that met a deletion
 */
export function surviveDeletion(context: MergeContext, itemId: ItemChange['itemId']): boolean {
  const { store } = context;
  const waiting = waitingItemChange(store, itemId);
  if (waiting?.content === undefined) return false;
  if (waiting.reseal) {
    dropReseals(store, itemId);
    return false;
  }
  const { base } = waiting;
  holdItemVersion(store, itemId, undefined);
  if (waiting.type === 'delete') {
    dropWaiting(store, itemId);
    return false;
  }
  putWaitingItemChange(store, {
    ...waiting,
    content: waiting.content,
    base: noBase,
  });
  if (base.stamp === undefined) return false;
  // Devices that hold the tombstone take what stands above it.
  const { stamp } = issueStamp(store, context.wallMs, context.device.id, waiting.stamp);
  const renewed = waitingItemChange(store, itemId);
  if (renewed) moveItemStamp(store, renewed, stamp);
  // Who brought back what they knew to be deleted has met nothing.
  if (base.deleted) return false;
  recordMeeting(context, {
    itemId,
    base,
    left: { stamp, version: 0, deleted: false, content: waiting.content },
    right: {
      stamp: base.stamp,
      version: base.version,
      deleted: true,
      content: base.content ?? waiting.content,
    },
    outcome: 'lastWriterWins',
    keys: [],
    open: true,
  });
  return true;
}

function reject(
  context: MergeContext,
  change: OutboxChange,
  { code, detail }: Extract<ChangeAnswer, { readonly status: 'rejected' }>,
  serverMs: number,
): 'again' | 'refused' {
  switch (code) {
    case 'stampAhead':
    case 'stampNotGrowing': {
      const current = change.collection === 'item' ? waitingItemChange(context.store, change.itemId) : change;
      if (current) restampRefused(context, current, serverMs);
      return 'again';
    }
    case 'tooLarge':
    case 'quotaExceeded':
    case 'malformed': {
      const current = change.collection === 'item' ? waitingItemChange(context.store, change.itemId) : change;
      if (current) refuse(context.store, current, detail);
      return 'refused';
    }
    default:
      // Also what a newer server says: not accepted; pull, then try again.
      return 'again';
  }
}
