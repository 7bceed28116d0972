import { SeededRandom } from '../support/seededRandom';
import type { Plan } from './steps';
import type { Violation } from './violation';
import { Violation as Broken } from './violation';
import { World } from './world';

/** What came of a run. */
export interface RunResult {
  readonly events: number;
  readonly edits: number;
  readonly violation: Pick<Violation, 'invariant' | 'message'> | undefined;
}

/** Runs a plan from its first step to the quiet after its last. */
export async function run(plan: Plan): Promise<RunResult> {
  const world = new World(plan, new SeededRandom(`${plan.seed} world`));
  let violation: RunResult['violation'];
  try {
    await world.open();
    for (const step of plan.steps) await world.take(step);
    await world.settle();
  } catch (failure) {
    violation =
      failure instanceof Broken
        ? { invariant: failure.invariant, message: failure.message }
        : {
            invariant: 'nothing throws',
            message: failure instanceof Error ? (failure.stack ?? '') : String(failure),
          };
  }
  await world.close();
  return { events: world.time.events, edits: world.ledger.edits, violation };
}

/** The fewest steps of the plan with which the same invariant breaks: steps are left out while it still does. */
export async function shrink(plan: Plan, maxRuns: number): Promise<Plan> {
  const broken = (await run(plan)).violation?.invariant;
  if (broken === undefined) return plan;
  let kept = plan.steps;
  let runs = 0;
  for (
    let size = Math.ceil(kept.length / 2);
    size >= 1 && runs < maxRuns;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    let from = 0;
    while (from < kept.length && runs < maxRuns) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      runs++;
      if ((await run({ ...plan, steps: fewer })).violation?.invariant === broken) kept = fewer;
      else from += size;
    }
  }
  return { ...plan, steps: kept };
}
