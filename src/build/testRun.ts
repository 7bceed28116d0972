import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import * as z from 'zod';
import type { LayerResult } from './layerResult';

/**
 * The inside of a layer: `node --import tsx testRun.ts OPTIONS`, with the options as JSON. Runs test files in this
 * process and writes a {@link LayerResult} when all have ended, so that a process that dies leaves none.
 */
const runOptionsSchema = z.object({
  files: z.array(z.string()).min(1),
  resultFile: z.string(),
  /** `silent` is for tests of the test run itself: failures are only counted. */
  reporter: z.enum(['dot', 'spec', 'silent']),
  grep: z.string().exactOptional(),
  /** For one test, unless it sets its own. */
  testLimitMs: z.int().positive(),
});
export type RunOptions = z.infer<typeof runOptionsSchema>;

async function main(text: string): Promise<void> {
  const options = runOptionsSchema.parse(JSON.parse(text));
  const mocha = new Mocha({
    reporter: options.reporter === 'silent' ? Mocha.reporters.Base : options.reporter,
    timeout: options.testLimitMs,
    forbidOnly: true,
    ...(options.grep === undefined ? {} : { fgrep: options.grep }),
  });
  for (const file of options.files) mocha.addFile(file);
  await mocha.loadFilesAsync();
  const skipped: string[] = [];
  const runner = mocha.run(() => {
    const { passes, failures } = runner.stats ?? { passes: 0, failures: 0 };
    const result: LayerResult = { passed: passes, failed: failures, skipped };
    writeFileSync(options.resultFile, JSON.stringify(result));
    // A test that leaves a handle open must not hold up the layers after it.
    process.exit(failures + skipped.length === 0 ? 0 : 1);
  });
  runner.on('pending', test => skipped.push(test.fullTitle()));
}

if (require.main === module) {
  main(process.argv[2] ?? '').catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
