import { sizeText } from '../../base/amounts';
import { withDuration } from '../../base/durations';
import { err, ok, type Result } from '../../base/result';
import { createChangeId } from '../../model/ids/createId';
import type { PushAnswer } from '../../protocol/changes';
import { readConflict } from '../../store/conflicts';
import { itemWireExtra } from '../../store/items';
import {
  changesInFlight,
  type Flight,
  freeze,
  leaveGroup,
  type OutboxChange,
  refuse,
  removeChange,
  sendableChanges,
  thaw,
} from '../../store/outbox';
import type { ReconcileReason } from '../../store/state';
import type { StoreTransaction } from '../../store/transaction';
import type { CycleError, CycleRun } from '../cycleRun';
import { readPage, reconcileReasonOf } from '../pull/pull';
import { type RecordState, sealItemChange, sealRecordChange } from '../sealing/sealing';
import type { Timed, TransportError } from '../transport/transport';
import { type SentChange, settleAnswers } from './pushAnswers';

/** Pushes the outbox: changes are frozen as they are first sent, and sent again, byte for byte, until answered. */

export type Pushed =
  | { readonly type: 'done' }
  /** Some changes met others and were put on top of them; or others pushed in between. Pull, then push again. */
  | { readonly type: 'again' }
  | { readonly type: 'reconcile'; readonly reason: ReconcileReason };

/** More batches than any outbox fills. */
const maxBatches = 100_000;
/** Batches in a row that leave something to be sent again; then it is time to pull first. */
const maxFruitlessBatches = 5;

/** Sends again what was sent and not answered. */
export async function resendInFlight(run: CycleRun): Promise<Result<Pushed, CycleError>> {
  for (let batch = 0; batch < maxBatches; batch++) {
    if (run.stopped()) return err({ type: 'stopped' });
    const flying = await run.read(({ store }) => firstInFlight(run, store));
    if (!flying.ok) return flying;
    const sent = flying.value;
    if (sent.length === 0) return ok({ type: 'done' });
    const answered = await send(run, sent);
    if (!answered.ok || answered.value.type === 'reconcile') return answered;
  }
  return ok({ type: 'again' });
}

/** Two batches may be in flight, and their groups lie in no order: one request is made of the first whole groups. */
function firstInFlight(run: CycleRun, store: StoreTransaction): readonly SentChange[] {
  const { batchChanges, batchBytes } = run.dependencies.atOnce;
  const groups = new Map<string, SentChange[]>();
  for (const change of changesInFlight(store, 2 * batchChanges)) {
    if (change.flight === undefined) continue;
    const sent = { change, flight: change.flight };
    const group = groups.get(change.groupId ?? sent.flight.changeId);
    if (group === undefined) groups.set(change.groupId ?? sent.flight.changeId, [sent]);
    else group.push(sent);
  }
  const first: SentChange[] = [];
  let bytes = 0;
  for (const group of groups.values()) {
    bytes += group.reduce((sum, { flight }) => sum + flight.frozen.length, 0);
    const isFull = bytes > batchBytes || first.length + group.length > batchChanges;
    if (isFull && first.length > 0) break;
    first.push(...group);
  }
  return first;
}

/**
 * While the server is at one batch, its answers to the one before are settled and the next one is sealed. What is then
 * not sent, or not settled, is in flight, and sent first next time.
 */
export async function pushAll(run: CycleRun): Promise<Result<Pushed, CycleError>> {
  let fruitless = 0;
  let again = false;
  let answered: AnsweredBatch | undefined;
  let frozen = await freezeBatch(run);
  for (let batch = 0; batch < run.dependencies.atOnce.batchesBeforePull; batch++) {
    if (run.stopped()) return err({ type: 'stopped' });
    if (!frozen.ok) return frozen;
    if (frozen.value === undefined && answered === undefined) return ok({ type: again ? 'again' : 'done' });
    const sent = frozen.value ?? [];
    // The cursor of answers that are not settled yet: a push acknowledges nothing.
    const asking = sent.length > 0 ? ask(run, sent, answered?.answer.answer.cursor ?? run.cursor) : undefined;
    const settled = answered && (await settle(run, answered));
    // The answers may have left something to be sent.
    frozen = settled === undefined || settled.ok ? await freezeBatch(run) : settled;
    const asked = await asking;
    if (settled?.ok === false) return settled;
    answered = asked?.ok ? { sent, answer: asked.value } : undefined;
    const other = asked?.ok === false ? await sendOtherwise(run, sent, asked.error) : undefined;
    if (other && (!other.ok || other.value.type === 'reconcile')) return other;
    for (const { value } of [settled, other].filter(outcome => outcome !== undefined)) {
      if (value.type === 'again') again = true;
      fruitless = value.type === 'again' ? fruitless + 1 : 0;
    }
    if (fruitless >= maxFruitlessBatches) break;
  }
  const settled = answered ? await settle(run, answered) : ok();
  return settled.ok ? ok({ type: 'again' }) : settled;
}

/**
 * Seals and freezes what waits, within the limits of one request. Sealing happens outside the transaction, which then
 * leaves out what was edited meanwhile.
 * @returns undefined when nothing waits
 */
async function freezeBatch(run: CycleRun): Promise<Result<readonly SentChange[] | undefined, CycleError>> {
  const { clock, atOnce } = run.dependencies;
  const waiting = await run.read(({ store }) =>
    sendableChanges(store, atOnce.batchChanges).map(change => ({
      change,
      seal: sealerOf(run, store, change),
    })),
  );
  if (!waiting.ok) return waiting;
  if (waiting.value.length === 0) return ok(undefined);
  const { batch, tooLarge, pointless } = await sealBatch(run, waiting.value);
  const refusedGroups = new Set(tooLarge.map(({ change }) => change.groupId).filter(id => id !== undefined));
  const sendable = batch.filter(
    ({ change }) => change.groupId === undefined || !refusedGroups.has(change.groupId),
  );
  const written = await run.write(({ store }) => {
    for (const { change, reason } of tooLarge) refuse(store, change, reason);
    for (const change of pointless) removeChange(store, change);
    return freezeWholeGroups(store, sendable, clock.now());
  });
  if (!written.ok) return written;
  run.report.refused += tooLarge.length;
  return ok(written.value);
}

interface SealableChange {
  readonly change: OutboxChange;
  /** Undefined for a record that was pruned. */
  readonly seal: ReturnType<typeof sealerOf>;
}

interface SealedBatch {
  readonly batch: readonly SentChange[];
  readonly tooLarge: readonly { readonly change: OutboxChange; readonly reason: string }[];
  readonly pointless: readonly OutboxChange[];
}

/** Seals one change after the other, until a request is full. */
async function sealBatch(run: CycleRun, waiting: readonly SealableChange[]): Promise<SealedBatch> {
  const { random, keys, atOnce } = run.dependencies;
  const keyId = keys.ring.current;
  const batch: SentChange[] = [];
  const tooLarge: SealedBatch['tooLarge'][number][] = [];
  const pointless: OutboxChange[] = [];
  let bytes = 0;
  for (const { change, seal } of waiting) {
    if (seal === undefined) {
      pointless.push(change);
      continue;
    }
    await run.share.begin();
    const changeId = createChangeId(random);
    const frozen = seal(changeId);
    run.share.end();
    if (!frozen.ok) {
      tooLarge.push({ change, reason: tooLargeReason(frozen.error.maxBytes) });
      continue;
    }
    const startsGroup = change.groupId === undefined || batch.at(-1)?.change.groupId !== change.groupId;
    if (bytes + frozen.value.length > atOnce.batchBytes && batch.length > 0 && startsGroup) break;
    bytes += frozen.value.length;
    batch.push({ change, flight: { changeId, frozen: frozen.value, keyId } });
  }
  return { batch, tooLarge, pointless };
}

/** Prepares the sealing of a change with what is stored beside it; undefined for a record that was pruned. */
function sealerOf(run: CycleRun, store: StoreTransaction, change: OutboxChange) {
  const { keys, limits, random, device } = run.dependencies;
  const common = { keys, limits, random };
  if (change.collection === 'item') {
    const wireExtra = itemWireExtra(store, change.itemId);
    return (changeId: Flight['changeId']) =>
      sealItemChange({ ...common, change, changeId, deviceName: device.name, wireExtra });
  }
  const held = readConflict(store, change.itemId);
  const isDeletion = change.type === 'delete';
  if (held === undefined || (isDeletion ? held.deleted : held.conflict === undefined)) return undefined;
  const { version, syncedStamp, revision, conflict, wireExtra } = held;
  const record: RecordState = isDeletion
    ? { id: change.itemId, revision, stamp: change.stamp, conflict: undefined }
    : { id: change.itemId, revision, stamp: held.stamp, conflict };
  const base = { version, stamp: syncedStamp };
  return (changeId: Flight['changeId']) =>
    sealRecordChange({ ...common, record, changeId, groupId: change.groupId, base, wireExtra });
}

function freezeWholeGroups(
  store: StoreTransaction,
  batch: readonly SentChange[],
  nowMs: number,
): readonly SentChange[] {
  const failedGroups = new Set<string>();
  const frozen = batch.filter(({ change, flight }) => {
    const done = freeze(store, change, flight, nowMs);
    if (!done && change.groupId !== undefined) failedGroups.add(change.groupId);
    return done;
  });
  const isBroken = ({ change }: SentChange) =>
    change.groupId !== undefined && failedGroups.has(change.groupId);
  for (const { change } of frozen.filter(isBroken)) thaw(store, change);
  return frozen.filter(sent => !isBroken(sent));
}

/** A batch that the server has answered, and its answer. */
interface AnsweredBatch {
  readonly sent: readonly SentChange[];
  readonly answer: Timed<PushAnswer>;
}

async function send(run: CycleRun, sent: readonly SentChange[]): Promise<Result<Pushed, CycleError>> {
  const asked = await ask(run, sent, run.cursor);
  return asked.ok ? settle(run, { sent, answer: asked.value }) : sendOtherwise(run, sent, asked.error);
}

async function ask(
  run: CycleRun,
  sent: readonly SentChange[],
  cursor: string | undefined,
): Promise<Result<Timed<PushAnswer>, TransportError>> {
  const { transport, clock } = run.dependencies;
  const startedMs = clock.monotonic();
  const answer = await transport.push(
    cursor,
    sent.map(({ flight }) => flight.frozen),
  );
  const tookMs = clock.monotonic() - startedMs;
  run.report.pushMs += tookMs;
  run.report.pushes++;
  run.report.pushDurations = withDuration(run.report.pushDurations, tookMs);
  return answer;
}

async function settle(
  run: CycleRun,
  { sent, answer }: AnsweredBatch,
): Promise<Result<Exclude<Pushed, { readonly type: 'reconcile' }>, CycleError>> {
  const heard = await run.hear(answer);
  if (!heard.ok) return heard;
  const settled = await settleAnswers(run, sent, answer.answer);
  if (!settled.ok) return settled;
  run.dependencies.logger.debug('pushed a batch', { changes: sent.length, outcome: settled.value });
  const { cursor } = answer.answer;
  return ok(settled.value === 'again' || cursor === undefined ? { type: 'again' } : { type: 'done' });
}

/**
 * The server has not taken the request as it was: sends it so that it may.
 * @param hasAcknowledged the server has just been told what need not be remembered any more
 */
async function sendOtherwise(
  run: CycleRun,
  sent: readonly SentChange[],
  error: TransportError,
  hasAcknowledged = false,
): Promise<Result<Pushed, CycleError>> {
  const reason = reconcileReasonOf(error);
  if (reason !== undefined) return ok({ type: 'reconcile', reason });
  if (error.type !== 'problem') return err(error);
  if (error.code === 'tooLarge') return sendLess(run, sent);
  if (error.code !== 'tooManyRequests' || hasAcknowledged) return err(error);
  const acknowledged = await acknowledge(run);
  if (!acknowledged.ok) return acknowledged;
  if (acknowledged.value !== undefined) return ok(acknowledged.value);
  const asked = await ask(run, sent, run.cursor);
  return asked.ok ? settle(run, { sent, answer: asked.value }) : sendOtherwise(run, sent, asked.error, true);
}

/**
 * A server remembers no more answers than so many, and then takes nothing before some are acknowledged. What the cursor
 * stands for is held durably; what comes after it is left to the next pull.
 */
async function acknowledge(
  run: CycleRun,
): Promise<Result<Extract<Pushed, { readonly type: 'reconcile' }> | undefined, CycleError>> {
  const page = await readPage(run, run.cursor, 1);
  if (!page.ok) return page;
  return ok(page.value.type === 'reconcile' ? page.value : undefined);
}

/**
 * The request was too large as a whole: half of it, or, when it is one change or one group, none. A group of several
 * resolutions of one item lets go of their records but the first, which then follow it one by one.
 */
async function sendLess(run: CycleRun, sent: readonly SentChange[]): Promise<Result<Pushed, CycleError>> {
  const first = sent[0];
  if (first === undefined) return ok({ type: 'done' });
  const middle = splitPoint(sent);
  if (middle === sent.length) {
    const further = sent.filter(({ change }) => change.collection === 'conflict').slice(1);
    const written = await run.write(({ store }) => {
      for (const { change } of sent) {
        thaw(store, change);
        if (further.length === 0) refuse(store, change, tooLargeReason());
      }
      for (const { change } of further) leaveGroup(store, change);
    });
    if (!written.ok) return written;
    if (further.length > 0) return ok({ type: 'again' });
    run.report.refused += sent.length;
    return ok({ type: 'done' });
  }
  const earlier = await send(run, sent.slice(0, middle));
  if (!earlier.ok || earlier.value.type === 'reconcile') return earlier;
  const later = await send(run, sent.slice(middle));
  return later.ok && later.value.type === 'done' ? earlier : later;
}

/** The first place from the middle on that cuts no group in two, or the last one before it; the end when there is none. */
function splitPoint(sent: readonly SentChange[]): number {
  const cutsGroup = (at: number) => {
    const before = sent[at - 1]?.change.groupId;
    return before !== undefined && before === sent[at]?.change.groupId;
  };
  const middle = Math.ceil(sent.length / 2);
  for (let at = middle; at < sent.length; at++) if (!cutsGroup(at)) return at;
  for (let at = middle - 1; at > 0; at--) if (!cutsGroup(at)) return at;
  return sent.length;
}

/** @param maxBytes undefined when the request was refused as a whole, by the server or by a proxy before it */
function tooLargeReason(maxBytes?: number): string {
  const limit = maxBytes === undefined ? 'what the server takes' : `the ${sizeText(maxBytes)} of the server`;
  return `sealed, it is larger than ${limit}: shorten it, or split it in two`;
}
