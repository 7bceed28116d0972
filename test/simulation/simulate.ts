import { parseArgs } from 'node:util';
import * as z from 'zod';
import { scriptOptions } from '../../src/build/scriptOptions';
import { bundleSimulator } from './bundle';
import { catchMutation, mutationLine } from './mutationRuns';
import { mutations } from './mutations';
import { runChild, runSeries } from './pool';
import { describeStep, faultNames, type Plan, type PlanLimits, planOf } from './steps';

const usage = `npm run simulate -- [--seed S] [--runs N] [--devices 1-9] [--faults ${faultNames.join(',')}] [--mutations [--only TEXT]] [--json]`;

/**
 * Runs the seeds S to S + N - 1; a seed that breaks an invariant is told, with the fewest steps that still break it.
 */
const optionsSchema = z.object({
  seed: z.coerce.number().int().default(1),
  runs: z.coerce.number().int().min(1).default(100),
  devices: z.coerce.number().int().min(1).max(9).exactOptional(),
  faults: z
    .string()
    .transform(text => text.split(',').filter(name => name !== ''))
    .pipe(z.array(z.enum(faultNames)))
    .exactOptional(),
  mutations: z.boolean().default(false),
  only: z.string().default(''),
  json: z.boolean().default(false),
});
type Options = z.infer<typeof optionsSchema>;

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      runs: { type: 'string' },
      devices: { type: 'string' },
      faults: { type: 'string' },
      mutations: { type: 'boolean' },
      only: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  return optionsSchema.parse(values);
}

async function main(): Promise<void> {
  const options = scriptOptions(usage, readOptions);
  const isSound = options.mutations ? await tryMutations(options) : await simulate(options);
  process.exitCode = isSound ? 0 : 1;
}

async function simulate(options: Options): Promise<boolean> {
  const { seed, runs, devices, faults } = options;
  const script = await bundleSimulator(`run-${process.pid}`);
  const limits: PlanLimits = {
    ...(devices === undefined ? {} : { devices }),
    ...(faults === undefined ? {} : { faults }),
  };
  let done = 0;
  const result = await runSeries({
    script,
    seed,
    runs,
    ...limits,
    stopsAtViolation: false,
    told: report => {
      done++;
      if (report.violation !== undefined) console.log(`seed ${report.seed}: ${report.violation.message}`);
      if (done % runsBetweenSigns === 0) console.log(`${done} runs`);
    },
  });
  const [first] = result.violations;
  if (first !== undefined) await tellReplay(script, planOf(first.seed, limits), options.json);
  const { events, edits, seconds, violations } = result;
  console.log(
    `seeds ${seed} to ${seed + runs - 1}: ${result.runs} runs, ${events} events, ${edits} edits of people, ` +
      `${violations.length} violations, ${seconds.toFixed(0)} s`,
  );
  return violations.length === 0;
}

const runsBetweenSigns = 500;
const maxShrinkRuns = 400;

async function tellReplay(script: string, plan: Plan, asJson: boolean): Promise<void> {
  await runChild(script, { type: 'shrink', plan, maxRuns: maxShrinkRuns }, report => {
    if (report.type !== 'shrunk') return;
    const { steps, ...rest } = report.plan;
    console.log(`the fewest steps that break it:\n${steps.map(describeStep).join('\n')}`);
    console.log(`with ${JSON.stringify(rest)}`);
    if (asJson) console.log(JSON.stringify(report.plan));
  });
}

async function tryMutations({ seed, only }: Options): Promise<boolean> {
  let isSound = true;
  for (const mutation of mutations.filter(({ name }) => name.includes(only))) {
    const caught = await catchMutation(mutation, seed);
    if (caught.type === 'escaped') isSound = false;
    console.log(mutationLine(mutation, caught));
  }
  return isSound;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
