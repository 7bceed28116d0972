import { bundleSimulator } from './bundle';
import type { Mutation } from './mutation';
import { type RunReport, runChild, runSeries } from './pool';

/** Whether the simulator notices a mutant. */
export type Caught =
  | { readonly type: 'caught'; readonly runs: number; readonly seed: string; readonly invariant: string }
  | { readonly type: 'escaped'; readonly runs: number };

/** A mutant that is not noticed in so many runs has escaped. */
export const maxMutantRuns = 2000;

/** Lets a mutant run from a seed on until an invariant breaks; when none does, lets it play the scenes. */
export async function catchMutation(
  mutation: Mutation,
  seed: number,
  limits: { readonly maxRuns?: number; readonly processes?: number } = {},
): Promise<Caught> {
  const { maxRuns = maxMutantRuns } = limits;
  const name = mutation.name.replace(/\W+/g, '-');
  const script = await bundleSimulator(`${name}-${process.pid}`, mutation.replacements);
  const scene = mutation.isCaughtByScene ? await failingScene(script) : undefined;
  if (scene !== undefined) return { type: 'caught', runs: 1, seed: '-', invariant: scene.seed };
  const { processes } = limits;
  let runs = 0;
  while (runs < maxRuns) {
    const result = await runSeries({
      script,
      seed: seed + runs,
      runs: maxRuns - runs,
      stopsAtViolation: true,
      ...(processes === undefined ? {} : { processes }),
    });
    const [first] = result.violations;
    if (first?.violation === undefined) return { type: 'escaped', runs: maxRuns };
    runs = Number(first.seed) - seed + 1;
    // What breaks without the mutation as well is not of its making.
    if (await holdsUnmutated(first.seed)) {
      return { type: 'caught', runs, seed: first.seed, invariant: first.violation.invariant };
    }
  }
  return { type: 'escaped', runs: maxRuns };
}

async function holdsUnmutated(seed: string): Promise<boolean> {
  const script = await bundleSimulator(`unmutated-${process.pid}`);
  const result = await runSeries({ script, seed: Number(seed), runs: 1, stopsAtViolation: true });
  return result.violations.length === 0;
}

/** A mutation and what became of it, as a row of a table. */
export function mutationLine({ name, rule }: Mutation, caught: Caught): string {
  const what =
    caught.type === 'escaped'
      ? `ESCAPED ${caught.runs} runs`
      : `caught in run ${caught.runs} (seed ${caught.seed}) by: ${caught.invariant}`;
  return `| ${name} | ${rule} | ${what} |`;
}

async function failingScene(script: string): Promise<RunReport | undefined> {
  let failing: RunReport | undefined;
  await runChild(script, { type: 'scenarios' }, report => {
    if (report.type === 'run' && report.violation !== undefined) failing ??= report;
  });
  return failing;
}
