import { err, ok, type Result } from '../base/result';
import { type ReconcileReason, writeState } from '../store/state';
import { applyVersions } from './applyVersions';
import type { CycleError, CycleRun } from './cycleRun';
import type { TransportError } from './transport';

/** Pulls page after page until there is no more. */

/** More pages than any account fills; a server that never ends is given up. */
const maxPages = 100_000;

export type Pulled =
  /** Everything was pulled; `digest` is the server's at the cursor, when it told one. */
  | { readonly type: 'done'; readonly digest: string | undefined }
  /** The cursor is of no use any more. */
  | { readonly type: 'reconcile'; readonly reason: ReconcileReason };

export async function pullAll(run: CycleRun): Promise<Result<Pulled, CycleError>> {
  const { transport, clock, atOnce } = run.dependencies;
  for (let page = 0; page < maxPages; page++) {
    if (run.stopped()) return err({ type: 'stopped' });
    const startedMs = clock.monotonic();
    const pulled = await transport.pull(run.cursor, atOnce.pageChanges);
    run.report.pullMs += clock.monotonic() - startedMs;
    run.report.pulls++;
    if (!pulled.ok) {
      const reason = reconcileReasonOf(pulled.error);
      return reason === undefined ? pulled : ok({ type: 'reconcile', reason });
    }
    const heard = await run.hear(pulled.value);
    if (!heard.ok) return heard;
    const { changes, cursor, hasMore, digest } = pulled.value.answer;
    const moved = cursor !== run.cursor;
    if (hasMore && !moved) return err(endless);
    const applied = await applyVersions(
      run,
      changes,
      moved ? ({ store }) => writeState(store, 'cursor', cursor) : undefined,
    );
    if (!applied.ok) return applied;
    run.cursor = cursor;
    if (!hasMore) return ok({ type: 'done', digest });
  }
  return err(endless);
}

const endless = {
  type: 'malformedAnswer',
  status: 200,
  detail: 'the server sends pages without end',
} as const;

/** The reconcile that an error of pulling or pushing asks for. */
export function reconcileReasonOf(error: TransportError): ReconcileReason | undefined {
  if (error.type !== 'problem') return undefined;
  if (error.code === 'epochChanged') return 'newEpoch';
  return error.code === 'cursorExpired' ? 'cursorExpired' : undefined;
}
