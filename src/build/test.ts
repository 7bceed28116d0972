import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors';
import { systemClock } from '../base/time';
import { buildAll } from './bundles';
import { seconds } from './childProcess';
import { type Layer, layers, runLayer } from './layers';
import { scriptOptions, WrongUsage } from './scriptOptions';

/**
 * `npm test` and `npm run test:<layer>`: builds what the tests start, runs the layers one after another, and ends with
 * one line that sums them. `--grep TEXT` and `--files PART` narrow a layer, `--spec` lists each test.
 */
async function main(): Promise<void> {
  const { values, chosen } = scriptOptions(usage, readOptions);
  if (chosen.some(layer => layer.needsBuild)) await buildAll();
  const sum = { passed: 0, failed: 0 };
  for (const layer of chosen) {
    console.log(`== ${layer.title}`);
    const startedMs = systemClock.monotonic();
    const result = await runLayer(layer, {
      reporter: values.spec ? 'spec' : 'dot',
      ...(values.grep === undefined ? {} : { grep: values.grep }),
      ...(values.files === undefined ? {} : { files: values.files }),
    });
    const failed = result.failed + result.skipped.length;
    const took = seconds(systemClock.monotonic() - startedMs);
    console.log(`${layer.title}: ${result.passed} passed and ${failed} failed in ${took}\n`);
    sum.passed += result.passed;
    sum.failed += failed;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
}

const layerNames = [...new Set(layers.map(({ name }) => name))];
const usage = `npm test -- [${layerNames.join('|')}]... [--grep TEXT] [--files PART] [--spec]`;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { grep: { type: 'string' }, files: { type: 'string' }, spec: { type: 'boolean' } },
  });
  return { values, chosen: chooseLayers(positionals) };
}

function chooseLayers(names: readonly string[]): readonly Layer[] {
  const unknown = names.filter(name => !layers.some(layer => layer.name === name));
  if (unknown.length > 0) throw new WrongUsage(`There is no layer ${unknown.join(', ')}`);
  return names.length === 0 ? layers : layers.filter(layer => names.includes(layer.name));
}

main().catch((error: unknown) => {
  console.error(`The tests were not run: ${messageOf(error)}`);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
});
