import { err, ok, type Result } from '../base/result';
import { hourMs } from '../base/time';
import { forgetRefusals, refusals } from '../store/outbox';
import { forgetHeldOverwrites, forgetOverwrites } from '../store/overwritten';
import { clearState, type HeldMassChange, type ReconcileReason, readState } from '../store/state';
import { hasUnopened } from '../store/synced/unopened';
import { type CycleDependencies, type CycleError, type CycleReport, CycleRun } from './cycleRun';
import { pullAll } from './pull/pull';
import { expectedDigest, missingKey, openWhatWaits } from './pull/unopenedVersions';
import { type Pushed, pushAll, resendInFlight } from './push/push';
import { resealEverything } from './push/reseal';
import { reconcile, resumeReconcile } from './reconcile/reconcile';

/**
 * One sync cycle: send again what was not answered, pull and merge, push, until nothing is left to do. Whatever was
 * done before an error stays done; the next cycle goes on from there.
 */
export interface CycleOutcome {
  readonly report: CycleReport;
  readonly error: CycleError | undefined;
  /** True when something was left that another cycle can do: others pushed all the time, or the server kept refusing. */
  readonly unfinished: boolean;
  readonly cursor: string | undefined;
}

/** Pull and push alternate so often while other devices push at the same time; the rest waits for the next cycle. */
const maxRounds = 10;
/** After a reconcile for a mismatch, another is not tried for so long. */
const digestReconcileEveryMs = hourMs;

export async function runCycle(dependencies: CycleDependencies): Promise<CycleOutcome> {
  const beginning = await dependencies.store.read(store => ({
    fence: readState(store, 'fence') ?? 0,
    cursor: readState(store, 'cursor'),
    offsetMs: readState(store, 'clockOffsetMs'),
    timeAnchor: readState(store, 'timeAnchor'),
    reconcile: readState(store, 'reconcile'),
    guard: readState(store, 'guard'),
    unopened: hasUnopened(store),
  }));
  if (!beginning.ok) {
    const nothing = new CycleRun(dependencies, { fence: 0, cursor: undefined, offsetMs: undefined });
    return { report: nothing.report, error: beginning.error, unfinished: false, cursor: undefined };
  }
  const run = new CycleRun(dependencies, beginning.value);
  const { guard, reconcile: pending, unopened } = beginning.value;
  const outcome = await steps(run, { guard, pending, unopened });
  return {
    report: run.report,
    error: outcome.ok ? undefined : outcome.error,
    unfinished: outcome.ok && outcome.value === 'unfinished',
    cursor: run.cursor,
  };
}

interface Beginning {
  readonly guard: HeldMassChange | undefined;
  readonly pending: ReconcileReason | undefined;
  readonly unopened: boolean;
}

async function steps(
  run: CycleRun,
  beginning: Beginning,
): Promise<Result<'finished' | 'unfinished', CycleError>> {
  if (beginning.guard && run.dependencies.settings.massChange === undefined) {
    const { changed, total, snapshot } = beginning.guard;
    return err({ type: 'massChange', changed, total, snapshot });
  }
  if (beginning.pending) {
    const reconciled = await resumeReconcile(run, beginning.pending);
    if (!reconciled.ok) return reconciled;
  }
  if (run.dependencies.settings.retryRefused) {
    const retried = await retryRefusals(run);
    if (!retried.ok) return retried;
  }
  let waitsToBeOpened = beginning.unopened;
  let finished = false;
  for (let round = 0; round < maxRounds && !finished; round++) {
    const caughtUp = await catchUp(run);
    if (!caughtUp.ok) return caughtUp;
    if (caughtUp.value === 'reconciled') continue;
    // Only now is it known whether the server still has what waits.
    if (waitsToBeOpened) {
      const opened = await openWhatWaits(run);
      if (!opened.ok) return opened;
      waitsToBeOpened = false;
    }
    const pushed = await push(run);
    if (!pushed.ok) return pushed;
    finished = pushed.value;
  }
  const missing = await missingKey(run);
  if (!missing.ok) return missing;
  if (run.dependencies.settings.massChange !== undefined) {
    const forgotten = await forgetGuard(run);
    if (!forgotten.ok) return forgotten;
  }
  if (missing.value !== undefined) return err({ type: 'keyMissing', keyId: missing.value });
  if (!finished) return ok('unfinished');
  const resealed = await resealEverything(run, () => oneRound(run));
  if (!resealed.ok) return resealed;
  return ok(resealed.value ? 'finished' : 'unfinished');
}

/** @returns true when nothing is left to do */
async function oneRound(run: CycleRun): Promise<Result<boolean, CycleError>> {
  const caughtUp = await catchUp(run);
  if (!caughtUp.ok) return caughtUp;
  return caughtUp.value === 'reconciled' ? ok(false) : push(run);
}

/** Sends again what was not answered, and pulls. */
async function catchUp(run: CycleRun): Promise<Result<'done' | 'reconciled', CycleError>> {
  const resent = await resendInFlight(run);
  if (!resent.ok) return resent;
  if (resent.value.type === 'reconcile') return reconciled(run, resent.value);
  const pulled = await pullAll(run);
  if (!pulled.ok) return pulled;
  if (pulled.value.type === 'reconcile') return reconciled(run, pulled.value);
  const compared = await compareDigest(run, pulled.value.digest);
  if (!compared.ok) return compared;
  return ok(compared.value === 'reconciled' ? 'reconciled' : 'done');
}

/** @returns true when nothing is left to do */
async function push(run: CycleRun): Promise<Result<boolean, CycleError>> {
  const pushed = await pushAll(run);
  if (!pushed.ok) return pushed;
  if (pushed.value.type !== 'reconcile') return ok(pushed.value.type === 'done');
  const done = await reconciled(run, pushed.value);
  return done.ok ? ok(false) : done;
}

async function reconciled(
  run: CycleRun,
  needed: Extract<Pushed, { readonly type: 'reconcile' }>,
): Promise<Result<'reconciled', CycleError>> {
  const done = await reconcile(run, needed.reason);
  return done.ok ? ok('reconciled') : done;
}

async function compareDigest(
  run: CycleRun,
  digest: string | undefined,
): Promise<Result<'same' | 'reconciled', CycleError>> {
  if (digest === undefined) return ok('same');
  const expected = await expectedDigest(run);
  if (!expected.ok) return expected;
  const differs = expected.value !== digest;
  const held = await run.read(({ store, wallMs }) => ({
    pushedAhead: readState(store, 'pushedAhead') ?? false,
    // A wall clock that was ahead then does not put the next one off for long.
    recently: Math.abs(wallMs - (readState(store, 'digestReconciledMs') ?? 0)) < digestReconcileEveryMs,
  }));
  if (!held.ok) return held;
  const { pushedAhead, recently } = held.value;
  if (!differs && pushedAhead) {
    const cleared = await run.write(({ store }) => clearState(store, 'pushedAhead'));
    return cleared.ok ? ok('same') : cleared;
  }
  if (!differs) return ok('same');
  if (pushedAhead) {
    // The server knows the cursor, but not what it accepted after it: it was restored from between the two.
    const done = await reconcile(run, 'newEpoch');
    return done.ok ? ok('reconciled') : done;
  }
  if (recently) {
    run.report.diverged = true;
    run.dependencies.logger.warn('this device and the server hold different versions after a reconcile');
    return ok('same');
  }
  const done = await reconcile(run, 'digestMismatch');
  return done.ok ? ok('reconciled') : done;
}

/** Lets what was refused be sent once more: a person asked, or the limits may have changed. */
async function retryRefusals(run: CycleRun): Promise<Result<void, CycleError>> {
  const refused = await run.read(({ store }) => refusals(store, 1).length > 0);
  if (!refused.ok || !refused.value) return refused.ok ? ok() : refused;
  return run.write(({ store }) => forgetRefusals(store));
}

async function forgetGuard(run: CycleRun): Promise<Result<void, CycleError>> {
  return run.write(({ store }) => {
    clearState(store, 'guard');
    forgetHeldOverwrites(store);
    forgetOverwrites(store, Number.MAX_SAFE_INTEGER);
  });
}
