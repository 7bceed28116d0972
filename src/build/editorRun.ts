import { writeFileSync } from 'node:fs';
import { describeResults, runHostTests } from '../../test/host/runHostTests';
import { messageOf } from '../base/errors';
import type { LayerResult } from './layerResult';
import { repositoryFolder } from './paths';

/** The inside of the layer whose tests run in a real extension host: `editorRun.ts RESULT_FILE`. */
async function main(resultFile: string): Promise<void> {
  const results = await runHostTests({ extensions: [repositoryFolder] });
  console.log(describeResults(results));
  const failed = results.filter(({ error }) => error !== undefined).length;
  const result: LayerResult = { passed: results.length - failed, failed, skipped: [] };
  writeFileSync(resultFile, JSON.stringify(result));
  process.exitCode = failed === 0 ? 0 : 1;
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  console.error(messageOf(error));
  process.exit(1);
});
