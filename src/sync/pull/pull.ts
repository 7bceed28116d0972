import { withDuration } from '../../base/durations';
import { err, ok, type Result } from '../../base/result';
import type { PullAnswer } from '../../protocol/changes';
import { type ReconcileReason, writeState } from '../../store/state';
import type { CycleError, CycleRun } from '../cycleRun';
import { malformedAnswer, type TransportError } from '../transport/transport';
import { applyVersions } from './applyVersions';

/** Pulls page after page until there is no more. */

/** More pages than any account fills; a server that never ends is given up. */
const maxPages = 100_000;

export type Pulled =
  /** Everything was pulled; `digest` is the server's at the cursor, when it told one. */
  | { readonly type: 'done'; readonly digest: string | undefined }
  /** The cursor is of no use any more. */
  | { readonly type: 'reconcile'; readonly reason: ReconcileReason };

/**
 * The next page is on its way while one is applied. For so long the server takes for acknowledged what is not durable
 * here yet: should this process end then, the cursor that is held is still good, or the server says that it is not.
 */
export async function pullAll(run: CycleRun): Promise<Result<Pulled, CycleError>> {
  const { pageChanges } = run.dependencies.atOnce;
  let page = await readPage(run, run.cursor, pageChanges);
  for (let count = 0; count < maxPages; count++) {
    if (run.stopped()) return err({ type: 'stopped' });
    if (!page.ok) return page;
    if (page.value.type === 'reconcile') return ok(page.value);
    const { changes, cursor, hasMore, digest } = page.value.answer;
    const moved = cursor !== run.cursor;
    if (hasMore && !moved) return err(endlessPages);
    const following = hasMore ? readFollowing(run, cursor, pageChanges) : undefined;
    const applied = await applyVersions(
      run,
      changes,
      moved ? ({ store }) => writeState(store, 'cursor', cursor) : undefined,
    );
    const next = await following;
    if (!applied.ok) return applied;
    run.cursor = cursor;
    run.dependencies.logger.debug('pulled a page', { changes: changes.length, hasMore });
    if (next === undefined) return ok({ type: 'done', digest });
    page = next;
  }
  return err(endlessPages);
}

type Page =
  | { readonly type: 'page'; readonly answer: PullAnswer }
  | Extract<Pulled, { readonly type: 'reconcile' }>;

/** Reads one page of what is new since a cursor, which acknowledges what came before it, and hears the server's time. */
export async function readPage(
  run: CycleRun,
  since: string | undefined,
  limit: number,
): Promise<Result<Page, CycleError>> {
  const { transport, clock } = run.dependencies;
  const startedMs = clock.monotonic();
  const pulled = await transport.pull(since, limit);
  const tookMs = clock.monotonic() - startedMs;
  run.report.pullMs += tookMs;
  run.report.pulls++;
  run.report.pullDurations = withDuration(run.report.pullDurations, tookMs);
  if (!pulled.ok) {
    const reason = reconcileReasonOf(pulled.error);
    return reason === undefined ? pulled : ok({ type: 'reconcile', reason });
  }
  const heard = await run.hear(pulled.value);
  return heard.ok ? ok({ type: 'page', answer: pulled.value.answer }) : heard;
}

/**
 * A window that was asleep while another one pushed must not acknowledge what it reads then: the server would forget
 * that it has accepted what the other one still sends again.
 */
async function readFollowing(run: CycleRun, since: string, limit: number): Promise<Result<Page, CycleError>> {
  const holds = await run.holdsLease();
  return holds.ok ? readPage(run, since, limit) : holds;
}

export const endlessPages = malformedAnswer('the server sends pages without end');

/** The reconcile that an error of pulling or pushing asks for. */
export function reconcileReasonOf(error: TransportError): ReconcileReason | undefined {
  if (error.type !== 'problem') return undefined;
  if (error.code === 'epochChanged') return 'newEpoch';
  return error.code === 'cursorExpired' ? 'cursorExpired' : undefined;
}
