import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { minuteMs } from '../../../src/base/time';
import { launchBrowser, newProfile, openWorkbench, reloadWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import { packFixture } from '../fixtureVsix';
import { ensureHost, type HostPaths } from '../install';
import { startWorkbench, type WorkbenchServer } from '../server';
import {
  notification,
  quickInput,
  runCommand,
  screenshot,
  setFocus,
  statusBarItem,
  treeRow,
} from '../workbenchPage';

describe('a workbench of the test host', function () {
  this.timeout(2 * minuteMs);
  let folder: string;
  let vsix: string;
  let host: HostPaths;
  let browser: Browser;

  before(async function () {
    this.timeout(20 * minuteMs); // the first run installs the host
    host = await ensureHost();
    folder = await mkdtemp(path.join(tmpdir(), 'host-ui-'));
    vsix = await packFixture('hello-extension', folder);
    browser = await launchBrowser(host);
  });

  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const runner of ['direct', 'wrapper'] as const) {
    describe(`with the runner ${runner}`, () => {
      let workbench: WorkbenchServer;
      let page: Page;

      before(async () => {
        const data = path.join(folder, runner);
        await mkdir(data);
        workbench = await startWorkbench(host, { dataDir: data, folder, extensions: [vsix], runner });
        page = await openWorkbench(await newProfile(browser), workbench);
      });

      after(async () => workbench?.stop());
      afterEach(picturesOfFailure(() => [page]));

      it('runs a command of an installed extension and shows its notification', async () => {
        await runCommand(page, 'Hello: Say Hello');
        await notification(page, 'Hello from the extension host').waitFor();
        const picture = await screenshot(page, folder, `notification-${runner}`);
        assert.ok((await stat(picture)).size > smallestPictureBytes);
      });

      it('shows a tree view', async () => {
        await runCommand(page, 'Explorer: Focus on Hello Tree View');
        await treeRow(page, 'hello two').waitFor();
      });

      it('loses and gains the focus', async () => {
        await setFocus(page, false);
        await statusBarItem(page, 'hello blurred').waitFor();
        await setFocus(page, true);
        await statusBarItem(page, 'hello focused').waitFor();
      });

      it('keeps secrets over a reload', async () => {
        await runCommand(page, 'Hello: Remember');
        await quickInput(page, 'apple');
        await notification(page, 'Remembered').waitFor();
        await reloadWorkbench(page);
        await runCommand(page, 'Hello: Recall');
        await notification(page, 'Recalled: apple').waitFor();
      });
    });
  }
});

/** An empty page of that size compresses to less. */
const smallestPictureBytes = 10_000;
