import { err, ok, type Result } from '../../base/result';
import { ancestorsOf } from '../../model/ancestors';
import type { ConflictId, ItemId, KeyId } from '../../model/ids/ids';
import { stampAfter } from '../../model/ids/stamp';
import { readConflict, writeConflict } from '../../store/conflicts';
import { readItem, restampItem } from '../../store/items';
import { putWaitingItemChange, putWaitingRecordChange } from '../../store/outbox';
import { readState, writeState } from '../../store/state';
import { itemsSealedOtherwise, recordsSealedOtherwise } from '../../store/synced/syncedVersions';
import { observeStamp } from '../clock/clock';
import type { MergeContext } from '../context';
import type { CycleError, CycleRun } from '../cycleRun';
import { openVersion } from '../pull/applyVersions';
import type { OpenedRecord } from '../sealing/sealing';

/**
 * After a rotation, everything that the server holds is sealed anew with the current key, some at a time: each as a
 * change that keeps the content and stands just after the version that it seals. Interrupted, it goes on with what is
 * still sealed otherwise. Tombstones and superseded versions are left to the server's pruning.
 */

/** More batches than any account fills. */
const maxBatches = 100_000;

/**
 * @param sync pulls, and pushes what waits; answers true when nothing is left to do
 * @returns false when something is left that another cycle can do
 */
export async function resealEverything(
  run: CycleRun,
  sync: () => Promise<Result<boolean, CycleError>>,
): Promise<Result<boolean, CycleError>> {
  const { ring } = run.dependencies.keys;
  if (ring.keys.length === 1) return ok(true);
  const known = await run.read(({ store }) => readState(store, 'resealedWith'));
  if (!known.ok) return known;
  if (known.value === ring.current) return ok(true);
  run.dependencies.logger.info('sealing everything with the new key');
  for (const waitBatch of [waitItems, waitRecords]) {
    let after = '';
    for (let batch = 0; batch < maxBatches; batch++) {
      if (run.stopped()) return err({ type: 'stopped' });
      const waiting = await waitBatch(run, ring.current, after);
      if (!waiting.ok) return waiting;
      if (waiting.value === undefined) break;
      after = waiting.value;
      const synced = await sync();
      if (!synced.ok || !synced.value) return synced;
    }
  }
  const ended = await run.write(({ store }) => writeState(store, 'resealedWith', ring.current));
  return ended.ok ? ok(true) : ended;
}

/** The last subject of a batch that waits now to be sent; undefined when there was none left. */
type Waiting = Promise<Result<string | undefined, CycleError>>;

async function waitItems(run: CycleRun, keyId: KeyId, after: string): Waiting {
  const { resealedAtOnce } = run.dependencies.atOnce;
  return run.write(context => {
    const ids = itemsSealedOtherwise(context.store, keyId, after, resealedAtOnce);
    for (const id of ids) waitItem(context, id);
    return ids.at(-1);
  });
}

function waitItem(context: MergeContext, id: ItemId): void {
  const { store, wallMs, device } = context;
  const held = readItem(store, id);
  if (held?.content === undefined || held.syncedStamp === undefined) return;
  const stamp = stampAfter(held.syncedStamp, device.id);
  observeStamp(store, wallMs, stamp);
  putWaitingItemChange(store, {
    itemId: id,
    type: 'upsert',
    stamp,
    rawMs: undefined,
    content: held.content,
    base: { version: held.version, stamp: held.syncedStamp, deleted: false, content: held.content },
    ancestors: ancestorsOf(held.syncedStamp, ...held.ancestors),
    reseal: true,
  });
  restampItem(store, id, stamp);
}

async function waitRecords(run: CycleRun, keyId: KeyId, after: string): Waiting {
  const { resealedAtOnce } = run.dependencies.atOnce;
  const found = await run.read(({ store }) =>
    recordsSealedOtherwise(store, keyId, after, resealedAtOnce).map(id => ({
      id,
      isTrimmed: readConflict(store, id)?.conflict === undefined,
    })),
  );
  if (!found.ok) return found;
  const fetched: OpenedRecord[] = [];
  for (const { id, isTrimmed } of found.value) {
    if (!isTrimmed) continue;
    if (run.stopped()) return err({ type: 'stopped' });
    const record = await fetchRecord(run, id);
    if (!record.ok) return record;
    if (record.value) fetched.push(record.value);
  }
  return run.write(context => {
    for (const { conflict } of fetched) if (conflict) writeConflict(context.store, conflict);
    for (const { id } of found.value) waitRecord(context, id);
    return found.value.at(-1)?.id;
  });
}

/** A record is never in conflict: of two states with one revision the later stamp is current. */
function waitRecord({ store, wallMs, device }: MergeContext, id: ConflictId): void {
  const conflict = readConflict(store, id)?.conflict;
  if (conflict === undefined) return;
  const stamp = stampAfter(conflict.stamp, device.id);
  observeStamp(store, wallMs, stamp);
  writeConflict(store, { ...conflict, stamp });
  putWaitingRecordChange(store, { conflictId: id, stamp });
}

/** A record of which this device has dropped the texts. */
async function fetchRecord(
  run: CycleRun,
  id: ConflictId,
): Promise<Result<OpenedRecord | undefined, CycleError>> {
  const answer = await run.dependencies.transport.item(id);
  if (!answer.ok) return answer;
  run.report.requests++;
  run.report.bytesReceived += answer.value.bytesReceived;
  const version = answer.value.answer;
  const opened = version && openVersion(run, version);
  return ok(opened?.type === 'record' && opened.record.conflictId === id ? opened.record : undefined);
}
