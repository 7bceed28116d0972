import { stat } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { analyzeMetafile } from 'esbuild';
import { messageOf } from '../base/errors';
import { systemClock } from '../base/time';
import { type BuiltFile, buildAll, buildSome, bundleNames } from './bundles';
import { seconds } from './childProcess';
import { scriptOptions, WrongUsage } from './scriptOptions';

/**
 * `npm run build [-- BUNDLE... --report]`: everything that ships, or the named bundles, into `dist/`; the report tells
 * what each file is made of.
 */
async function main(): Promise<void> {
  const { values, positionals } = scriptOptions(usage, readOptions);
  const startedMs = systemClock.monotonic();
  const built = positionals.length > 0 ? await buildSome(positionals) : await buildAll();
  for (const file of built) await describe(file, values.report);
  console.log(`built in ${seconds(systemClock.monotonic() - startedMs)}`);
}

const usage = `npm run build -- [${bundleNames.join('|')}]... [--report]`;

function readOptions() {
  const read = parseArgs({
    allowPositionals: true,
    options: { report: { type: 'boolean', default: false } },
  });
  const unknown = read.positionals.filter(name => !bundleNames.includes(name));
  if (unknown.length > 0) throw new WrongUsage(`There is no bundle ${unknown.join(', ')}`);
  return read;
}

async function describe({ file, metafile }: BuiltFile, withReport: boolean): Promise<void> {
  const { size } = await stat(file);
  console.log(`${path.basename(file).padEnd(24)}${(size / 1024).toFixed(0).padStart(6)} KB`);
  if (withReport) console.log(await analyzeMetafile(metafile));
}

main().catch((error: unknown) => {
  console.error(`The build failed: ${messageOf(error)}`);
  process.exitCode = 1;
});
