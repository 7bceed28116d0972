import * as z from 'zod';
import { run, shrink } from './run';
import { scenarios } from './scenarios';
import { faultNames, planOf, planSchema } from './steps';

/** The inside of a simulation: takes what to run as JSON, tells of each run as a line of JSON. */
export const orderSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('seeds'),
    from: z.int(),
    count: z.int().min(0),
    step: z.int().min(1),
    devices: z.int().exactOptional(),
    faults: z.array(z.enum(faultNames)).exactOptional(),
    stopsAtViolation: z.boolean(),
  }),
  z.object({ type: z.literal('scenarios') }),
  z.object({ type: z.literal('plan'), plan: planSchema }),
  z.object({ type: z.literal('shrink'), plan: planSchema, maxRuns: z.int() }),
]);
export type Order = z.infer<typeof orderSchema>;

export const reportSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run'),
    seed: z.string(),
    events: z.int(),
    edits: z.int(),
    violation: z.object({ invariant: z.string(), message: z.string() }).optional(),
  }),
  z.object({ type: z.literal('shrunk'), plan: planSchema }),
]);
export type Report = z.infer<typeof reportSchema>;

async function main(text: string): Promise<void> {
  const order = orderSchema.parse(JSON.parse(text));
  switch (order.type) {
    case 'seeds': {
      const { devices, faults, stopsAtViolation } = order;
      const limits = {
        ...(devices === undefined ? {} : { devices }),
        ...(faults === undefined ? {} : { faults }),
      };
      for (let index = 0; index < order.count; index++) {
        const plan = planOf(String(order.from + index * order.step), limits);
        const result = await run(plan);
        tell({ type: 'run', seed: plan.seed, ...result });
        if (stopsAtViolation && result.violation !== undefined) return;
      }
      return;
    }
    case 'scenarios':
      for (const [name, play] of Object.entries(scenarios)) {
        const violation = await play().then(
          () => undefined,
          (error: unknown) => ({ invariant: name, message: String(error) }),
        );
        tell({ type: 'run', seed: name, events: 0, edits: 0, violation });
      }
      return;
    case 'plan':
      tell({ type: 'run', seed: order.plan.seed, ...(await run(order.plan)) });
      return;
    case 'shrink':
      tell({ type: 'shrunk', plan: await shrink(order.plan, order.maxRuns) });
      return;
  }
}

function tell(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

if (require.main === module) {
  main(process.argv[2] ?? '').catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
