import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';
import { secondMs } from '../../src/base/time';
import { resultsVariable, type TestResult } from './testResult';

const testLimitMs = 30 * secondMs;

/**
 * VS Code calls this inside its extension host, in place of opening a window to work in. Runs every bundled suite and
 * writes the results to the file that the environment names. Rejects when a test failed.
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const mocha = new Mocha({
    ui: 'bdd',
    color: false,
    timeout: testLimitMs,
    forbidOnly: true,
    forbidPending: true,
  });
  const suites = path.join(__dirname, 'suite');
  for (const file of readdirSync(suites))
    if (file.endsWith('.test.js')) mocha.addFile(path.join(suites, file));

  const results: TestResult[] = [];
  const record = (test: Mocha.Runnable, error?: Error) => {
    const file = `test/host/suite/${path.basename(test.file ?? 'unknown', '.js')}.ts`;
    const stack = error && (error.stack ?? error.message);
    results.push({
      file,
      title: test.fullTitle(),
      durationMs: test.duration ?? 0,
      ...(stack && { error: stack }),
    });
  };
  const failures = await new Promise<number>(resolve => {
    // Loads the suites first, and throws what they throw.
    const runner = mocha.run(resolve);
    runner.on('pass', test => record(test));
    runner.on('fail', record);
  }).catch((error: unknown) => {
    const text = error instanceof Error ? error.stack : undefined;
    results.push({
      file: 'test/host/suite',
      title: 'loads its suites',
      durationMs: 0,
      error: text ?? String(error),
    });
    return 1;
  });
  const resultsFile = process.env[resultsVariable];
  if (resultsFile) writeFileSync(resultsFile, JSON.stringify(results, undefined, 2));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
