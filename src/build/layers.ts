import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemCodeOf } from '../base/errors';
import { parseJson } from '../base/json';
import { minuteMs } from '../base/time';
import { runNode } from './childProcess';
import { type LayerResult, layerResultSchema } from './layerResult';
import { repositoryFolder } from './paths';
import type { RunOptions } from './testRun';

/** A layer of tests, run in a process of its own. */
export interface Layer {
  /** What a person asks for it by; two parts of one layer share it. */
  readonly name: string;
  readonly title: string;
  /** Where its test files are; those inside the editor know themselves. */
  readonly folders: readonly string[] | 'insideEditor';
  /** True when its tests start what the build makes. */
  readonly needsBuild: boolean;
  readonly testLimitMs: number;
  readonly layerLimitMs: number;
}

export const layers: readonly Layer[] = [
  {
    name: 'unit',
    title: 'unit',
    folders: ['test/unit', 'test/property', 'test/contract'],
    needsBuild: false,
    testLimitMs: minuteMs,
    layerLimitMs: 10 * minuteMs,
  },
  {
    name: 'simulation',
    title: 'simulation',
    folders: ['test/simulation'],
    needsBuild: false,
    testLimitMs: 10 * minuteMs,
    layerLimitMs: 20 * minuteMs,
  },
  {
    name: 'integration',
    title: 'integration',
    folders: ['test/integration'],
    needsBuild: true,
    testLimitMs: 3 * minuteMs,
    layerLimitMs: 30 * minuteMs,
  },
  {
    name: 'host',
    title: 'host, inside the editor',
    folders: 'insideEditor',
    needsBuild: true,
    testLimitMs: 3 * minuteMs,
    layerLimitMs: 30 * minuteMs,
  },
  {
    name: 'host',
    title: 'host, over its windows',
    folders: ['test/host/ui'],
    needsBuild: true,
    testLimitMs: 3 * minuteMs,
    layerLimitMs: 30 * minuteMs,
  },
];

/** What of a layer to run, and how to tell of it. */
export interface Choice {
  readonly reporter: RunOptions['reporter'];
  /** Only tests whose full title contains this. */
  readonly grep?: string;
  /** Only files whose path contains this. */
  readonly files?: string;
}

/** Runs a layer. A layer that finds no test, crashes or does not end counts as one failure. */
export async function runLayer(layer: Layer, choice: Choice): Promise<LayerResult> {
  const files = (await testFiles(layer.folders)).filter(file => file.includes(choice.files ?? ''));
  if (layer.folders !== 'insideEditor' && files.length === 0) {
    return broken(layer, 'it has no test file that fits', choice);
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'scratch-tests-'));
  try {
    const resultFile = path.join(folder, 'result.json');
    const options: RunOptions = {
      files: [...files],
      resultFile,
      reporter: choice.reporter,
      testLimitMs: layer.testLimitMs,
      ...(choice.grep === undefined ? {} : { grep: choice.grep }),
    };
    const script =
      layer.folders === 'insideEditor'
        ? ['editorRun.ts', resultFile]
        : ['testRun.ts', JSON.stringify(options)];
    const [name = '', argument = ''] = script;
    const end = await runNode({
      args: ['--import', 'tsx', path.join(__dirname, name), argument],
      output: choice.reporter === 'silent' ? 'keep' : 'show',
      limitMs: limitOf(layer, process.env),
    });
    const result = layerResultSchema.safeParse(parseJson(await readText(resultFile)));
    const fail = (why: string) => broken(layer, why, choice);
    if (!result.success) return fail(end.broken ?? `it ended with exit code ${end.code}`);
    for (const title of result.data.skipped) say(`skipped, which counts as failed: ${title}`, choice);
    if (result.data.passed + result.data.failed + result.data.skipped.length === 0) {
      return fail('no test of it was run');
    }
    return result.data;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How long a layer may take; the extended mode (`EXTENDED=1`) goes many more rounds. */
export function limitOf(
  { layerLimitMs }: Pick<Layer, 'layerLimitMs'>,
  environment: Readonly<Record<string, string | undefined>>,
): number {
  return environment['EXTENDED'] === '1' ? extendedFactor * layerLimitMs : layerLimitMs;
}

const extendedFactor = 10;

function broken(layer: Layer, why: string, choice: Choice): LayerResult {
  say(`The layer "${layer.title}" did not run to its end: ${why}.`, choice);
  return { passed: 0, failed: 1, skipped: [] };
}

function say(line: string, { reporter }: Choice): void {
  if (reporter !== 'silent') console.log(line);
}

async function testFiles(folders: Layer['folders']): Promise<readonly string[]> {
  if (folders === 'insideEditor') return [];
  const lists = await Promise.all(
    folders.map(async folder => {
      const names = await readdir(path.resolve(repositoryFolder, folder), { recursive: true }).catch(
        noneIfAbsent,
      );
      return names.filter(isTestFile).map(name => path.resolve(repositoryFolder, folder, name));
    }),
  );
  return lists.flat().sort();
}

function isTestFile(name: string): boolean {
  return name.endsWith('.test.ts') && !/(^|[\\/])(node_modules|fixtures)[\\/]/.test(name);
}

function noneIfAbsent(error: unknown): string[] {
  if (systemCodeOf(error) === 'ENOENT') return [];
  throw error;
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw error;
  });
}
