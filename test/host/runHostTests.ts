import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests, TestRunFailedError } from '@vscode/test-electron';
import { build } from 'esbuild';
import { z } from 'zod';
import { messageOf, systemCodeOf } from '../../src/base/errors';
import { exists } from './files';
import { cacheFolder, hostFolder, repositoryFolder } from './folders';
import { ensureHost, isHostSystem } from './install';
import { quietSettings } from './server';
import { withSourceLines } from './sourceLines';
import { globalStorageVariable, resultsVariable, type TestResult } from './testResult';

export interface HostTestRun {
  /** Folders of the extensions under development. */
  readonly extensions: readonly string[];
  /** Added to the environment of the extension host. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Where the suites run: in the host that npm carries, or in a desktop VS Code, which `@vscode/test-electron`
   * downloads. The former when not given, on the systems that it runs on.
   */
  readonly host?: 'npm' | 'desktop';
}

/**
 * Runs the suites of `test/host/suite` inside a real extension host and answers one result for each test. A run that
 * ends without results (no start, a crash, a limit) throws.
 */
export async function runHostTests(run: HostTestRun): Promise<readonly TestResult[]> {
  const host = run.host ?? (isHostSystem() ? 'npm' : 'desktop');
  if (host === 'npm') await ensureHost();
  const suites = await bundleSuites();
  const data = await mkdtemp(path.join(tmpdir(), 'host-tests-'));
  const resultsFile = path.join(data, 'results.json');
  const workspace = path.join(data, 'workspace');
  await mkdir(workspace);
  await writeUserSettings(path.join(data, 'desktop'));
  try {
    const failure = await settle(
      runTests({
        ...(host === 'npm' ? { vscodeExecutablePath: path.join(hostFolder, 'code-shim') } : {}),
        extensionDevelopmentPath: [...run.extensions],
        extensionTestsPath: path.join(suites, 'suiteIndex.js'),
        extensionTestsEnv: {
          ...run.environment,
          [resultsVariable]: resultsFile,
          [globalStorageVariable]: path.join(data, 'desktop/User/globalStorage'), // the host of npm has its own
        },
        launchArgs: [
          workspace,
          `--user-data-dir=${path.join(data, 'desktop')}`,
          `--extensions-dir=${path.join(data, 'extensions')}`,
        ],
      }),
    );
    const results = await readResults(resultsFile);
    if (!results?.length || (failure && results.every(result => !result.error))) {
      throw new Error(`The extension host did not run the tests to their end: ${failure ?? 'it found none'}`);
    }
    return await Promise.all(results.map(result => inSources(result, suites)));
  } finally {
    await rm(data, { recursive: true, force: true });
    await rm(suites, { recursive: true, force: true });
  }
}

/** One line for each test, its error below it, then the sum. */
export function describeResults(results: readonly TestResult[]): string {
  const lines = results.map(({ title, durationMs, error }) =>
    error ? `  FAILED ${title}\n${error.replace(/^/gm, '    ')}` : `  ok ${title} (${durationMs} ms)`,
  );
  const failed = results.filter(result => result.error).length;
  return [...lines, `${results.length - failed} passed, ${failed} failed`].join('\n');
}

/** Bundles the suites beside their runner, into a folder of this process below the repository's `node_modules`. */
async function bundleSuites(): Promise<string> {
  const folder = path.join(cacheFolder, 'suites', String(process.pid));
  await build({
    entryPoints: [path.join(hostFolder, 'suiteIndex.ts'), path.join(hostFolder, 'suite/*.test.ts')],
    outdir: folder,
    outbase: hostFolder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: true,
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  });
  return folder;
}

async function inSources(result: TestResult, suites: string): Promise<TestResult> {
  if (result.error === undefined) return result;
  const script = path.join(suites, 'suite', `${path.basename(result.file, '.ts')}.js`);
  if (!(await exists(script))) return result;
  return { ...result, error: await withSourceLines(result.error, script) };
}

async function writeUserSettings(userData: string): Promise<void> {
  await mkdir(path.join(userData, 'User'), { recursive: true });
  await writeFile(path.join(userData, 'User/settings.json'), JSON.stringify(quietSettings));
}

/** Nothing when the run passed, else what it ended with; failed tests are told by their results. */
async function settle(run: Promise<number>): Promise<string | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    if (error instanceof TestRunFailedError) return messageOf(error);
    throw error;
  }
}

const resultsSchema: z.ZodType<readonly TestResult[]> = z.array(
  z.object({ file: z.string(), title: z.string(), durationMs: z.number(), error: z.string().optional() }),
);

async function readResults(file: string): Promise<readonly TestResult[] | undefined> {
  try {
    return resultsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function main(): Promise<void> {
  const results = await runHostTests({
    extensions: [repositoryFolder], // a window takes no more than one
    ...(process.argv.includes('--desktop') ? { host: 'desktop' } : {}),
  });
  console.log(describeResults(results));
  if (results.some(result => result.error)) process.exitCode = 1;
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
}
