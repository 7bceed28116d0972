import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { isExtended } from '../support/extended';
import { bundleSimulator } from './bundle';
import { runSeries } from './pool';
import { run } from './run';
import { planSchema } from './steps';

const normalRuns = 300;
/** The same runs each time, so that a failure speaks of the change at hand; other seeds are for soaking. */
const usualSeed = 502;
const extendedRuns = 10_000;

/** `SEED` chooses another first seed, `EXTENDED=1` many more runs. */
describe('the simulation', () => {
  const kept = z
    .array(z.object({ about: z.string(), plan: planSchema }))
    .parse(JSON.parse(readFileSync(join(__dirname, 'seeds.json'), 'utf8')));

  for (const { about, plan } of kept) {
    it(`still holds where it once broke: ${about}`, async () => {
      assert.equal((await run(plan)).violation, undefined);
    });
  }

  it('holds every invariant in every run', async function () {
    const runs = isExtended ? extendedRuns : normalRuns;
    const seed = Number(process.env['SEED'] ?? usualSeed);
    const script = await bundleSimulator(`test-${process.pid}`);
    this.timeout(runs * maxMsPerRun);
    const result = await runSeries({ script, seed, runs, stopsAtViolation: false });
    const told = result.violations.map(report => `seed ${report.seed}: ${report.violation?.message}`);
    assert.deepEqual(told, []);
    assert.equal(result.runs, runs);
    console.log(
      `      ${runs} runs from seed ${seed}: ${result.events} events, ${result.edits} edits, ${result.seconds.toFixed(0)} s`,
    );
  });
});

/** A run that hangs ends the test; a slow machine does not. */
const maxMsPerRun = 4000;
