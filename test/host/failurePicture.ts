import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { cacheFolder } from './folders';
import { screenshot } from './workbenchPage';

/**
 * For `afterEach(picturesOfFailure(() => [page]))`: when a test failed, takes a picture of each window into
 * `.vscode-test/failures/` and prints where it is.
 */
export function picturesOfFailure(pages: () => readonly Page[]): Mocha.AsyncFunc {
  return async function (this: Mocha.Context) {
    const test = this.currentTest;
    if (test?.state !== 'failed') return;
    const folder = path.join(cacheFolder, 'failures');
    await mkdir(folder, { recursive: true });
    for (const [index, page] of pages().entries()) {
      if (page.isClosed()) continue;
      const name = `${test.fullTitle().replace(/[^\w]+/g, '-')}-${index + 1}`;
      console.error(`      picture: ${await screenshot(page, folder, name)}`);
    }
  };
}
