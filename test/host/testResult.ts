/** What one test inside the extension host came to. */
export interface TestResult {
  /** The suite's source file, relative to the repository. */
  readonly file: string;
  /** The titles of its suites and its own. */
  readonly title: string;
  readonly durationMs: number;
  /** The error's stack, when the test failed. */
  readonly error?: string | undefined;
}

/** The environment variable that tells the extension host which file to write its {@link TestResult}s to. */
export const resultsVariable = 'HOST_TEST_RESULTS';

/**
 * The environment variable that tells the suites where extensions keep their data: `<it>/<publisher>.<name>` is the
 * `globalStorageUri` of one.
 */
export const globalStorageVariable = 'HOST_TEST_GLOBAL_STORAGE';
