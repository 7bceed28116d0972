/**
 * Stands in for VS Code's desktop executable, for `runTests({ vscodeExecutablePath })` of `@vscode/test-electron`: takes
 * its flags, runs the tests in the extension host of a headless workbench, and exits as it would: 0 when all passed,
 * 1 when a test failed or the run could not start, 98 when the host gave no answer in time.
 */
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { format, parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { messageOf } from '../../src/base/errors';
import { minuteMs, systemTimers } from '../../src/base/time';
import { launchBrowser, loadWorkbench, newProfile } from './browser';
import { ensureHost, type HostPaths } from './install';
import { globalStorageOf, startWorkbench, type WorkbenchServer } from './server';
import { globalStorageVariable } from './testResult';

const runLimitMs = 10 * minuteMs;
const noAnswerExitCode = 98;

interface DesktopArguments {
  readonly extensions: readonly string[];
  readonly tests: string;
  readonly folder: string | undefined;
}

async function main(): Promise<number> {
  const given = desktopArguments(process.argv.slice(2));
  const host = await ensureHost();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'code-shim-'));
  const folder = given.folder === undefined ? {} : { folder: given.folder };
  const environment = { [globalStorageVariable]: globalStorageOf(dataDir) };
  const workbench = await startWorkbench(host, { dataDir, testDriver: true, environment, ...folder });
  const exitCode = await runInWindow(host, workbench, given).finally(() => workbench.stop());
  if (exitCode === 0) await rm(dataDir, { recursive: true, force: true });
  else console.error(`The window's log and picture, and the server's log, are in ${dataDir}.`);
  return exitCode;
}

async function runInWindow(
  host: HostPaths,
  workbench: WorkbenchServer,
  given: DesktopArguments,
): Promise<number> {
  const browser = await launchBrowser(host);
  try {
    const page = await (await newProfile(browser)).newPage();
    const exitCode = await exitCodeOf(page, workbench, given);
    await page.screenshot({ path: path.join(workbench.dataDir, 'window.png') });
    return exitCode;
  } finally {
    await browser.close();
  }
}

/** The window calls `codeAutomationLog` with all that it and its extension host log, and at the end `codeAutomationExit`. */
async function exitCodeOf(page: Page, workbench: WorkbenchServer, given: DesktopArguments): Promise<number> {
  const log = path.join(workbench.dataDir, 'window.log');
  await page.exposeFunction('codeAutomationLog', (_level: string, values: readonly unknown[]) => {
    appendFileSync(log, `${format(...values)}\n`);
  });
  const ended = new Promise<number>((resolve, reject) => {
    page.exposeFunction('codeAutomationExit', resolve).catch(reject);
  });
  await loadWorkbench(page, workbench, { payload: payloadOf(given, workbench) });
  const late = systemTimers.sleep(runLimitMs).then(() => noAnswerExitCode);
  return Promise.race([ended, late]);
}

function desktopArguments(args: readonly string[]): DesktopArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: false, // the flags of a desktop that mean nothing here
    options: {
      extensionDevelopmentPath: { type: 'string', multiple: true },
      extensionTestsPath: { type: 'string' },
    },
  });
  const tests = values.extensionTestsPath;
  if (typeof tests !== 'string') throw new Error('code-shim needs --extensionTestsPath=MODULE');
  const extensions = (values.extensionDevelopmentPath ?? []).filter(value => typeof value === 'string');
  return { extensions, tests, folder: positionals[0] };
}

function payloadOf(
  given: DesktopArguments,
  workbench: WorkbenchServer,
): readonly (readonly [string, string])[] {
  const remote = (file: string) => `vscode-remote://${workbench.authority}${path.resolve(file)}`;
  return [
    ...given.extensions.map(folder => ['extensionDevelopmentPath', remote(folder)] as const),
    ['extensionTestsPath', remote(given.tests)],
  ];
}

main().then(
  // The limit's timer would otherwise keep the process for its ten minutes.
  code => process.exit(code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(1);
  },
);
