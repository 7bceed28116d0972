import { secondMs } from '../../base/time';
import { parseStamp } from '../../model/ids/stamp';
import { readItem, type StoredItem } from '../../store/items';
import { isHeldOverwrite, type Overwrite } from '../../store/overwritten';
import { readState } from '../../store/state';
import type { StoreTransaction } from '../../store/transaction';
import type { MergeContext } from '../context';
import type { CycleRun } from '../cycleRun';
import { editItem } from '../edits/localEdits';
import { noteOverwritten } from '../guard';

/**
 * A person's rejection of a mass change. It is about what others had deleted or overwritten when it was held, and
 * nothing else: what they wrote anew, or write after that, is applied and guarded as ever, and what was edited here
 * stays.
 */
export function isRejected(
  run: CycleRun,
  store: StoreTransaction,
): (overwrite: Pick<Overwrite, 'itemId' | 'stamp'>) => boolean {
  const guard = readState(store, 'guard');
  if (run.dependencies.settings.massChange !== 'reject' || guard === undefined) return () => false;
  const untilMs = guard.heldMs === undefined ? Number.MAX_SAFE_INTEGER : guard.heldMs + clockNoiseMs;
  // What lies on pages that were not read yet is known by its time alone.
  return ({ itemId, stamp }) =>
    (stamp !== undefined && parseStamp(stamp).millis <= untilMs) || isHeldOverwrite(store, { itemId, stamp });
}

/** Corrected clocks differ by so much without anybody minding. */
const clockNoiseMs = 10 * secondMs;

/**
 * Applies what overwrites content here, and counts it. What a person has rejected of it is set back, in the same
 * transaction, to what was held, as an edit of this device; the state that was rejected stays in the item's history.
 */
export function overwriting<T>(
  run: CycleRun,
  context: MergeContext,
  overwrites: readonly Overwrite[],
  apply: () => T,
): T {
  const { store } = context;
  const rejected = isRejected(run, store);
  noteOverwritten(
    context,
    overwrites.filter(overwrite => !rejected(overwrite)),
  );
  const held = overwrites.filter(rejected).flatMap(({ itemId }) => readItem(store, itemId) ?? []);
  const outcome = apply();
  for (const item of held) setBack(context, item);
  return outcome;
}

function setBack(context: MergeContext, { id, content }: StoredItem): void {
  if (content === undefined) return;
  // What has become sensitive does not come back into the clear.
  const sensitive = content.sensitive || readItem(context.store, id)?.content?.sensitive === true;
  editItem(context, id, { content: { ...content, sensitive }, deleted: false });
}
