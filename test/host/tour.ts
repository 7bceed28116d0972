import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { messageOf } from '../../src/base/errors';
import { secondMs, systemClock } from '../../src/base/time';
import { type Demo, startDemo } from '../../src/build/demo';
import { repositoryFolder } from '../../src/build/paths';
import { takeNoOptions } from '../../src/build/scriptOptions';
import { launchBrowser, newProfile, openWorkbench } from './browser';
import { ensureHost } from './install';
import { terminalProgress } from './progress';
import {
  conflictRow,
  editorAction,
  editorText,
  itemRow,
  openItem,
  overwrite,
  save,
  showItems,
  untilShown,
  untilText,
} from './ui/scratchPage';
import { editorTab, quickPick, runCommand, screenshot, statusBarItem } from './workbenchPage';

/**
 * `npm run tour`: drives the two workbenches of `npm start` through the main job, prints what it saw with times, and
 * writes the pictures that the README shows. Ends with 1 when anything is not seen.
 */

const pictures = path.join(repositoryFolder, 'docs/images');
const limitMs = 60 * secondMs;
/** Pictures of this size are readable in a README, and on a screen with many pixels. */
const view: BrowserContextOptions = { viewport: { width: 1200, height: 720 }, deviceScaleFactor: 1 };
const note = 'Release checklist';

interface Windows {
  readonly laptop: Page;
  readonly desktop: Page;
}

async function main(): Promise<void> {
  takeNoOptions('npm run tour');
  await mkdir(pictures, { recursive: true });
  const demo = await startDemo({
    progress: terminalProgress(),
    note: message => console.log(message),
    testDriver: false,
  });
  const browser = await launchBrowser(await ensureHost());
  try {
    const open = async (machine: 'laptop' | 'desktop') =>
      openWorkbench(await newProfile(browser, view), demo[machine]);
    const windows = { laptop: await open('laptop'), desktop: await open('desktop') };
    await Promise.all([showItems(windows.laptop), showItems(windows.desktop)]);
    await picturedOnFailure(windows, async () => {
      await openFolder(windows);
      await writeOnOne(windows);
      await editBothOffline(demo, windows);
      await compareAndResolve(windows);
      await showThemes(windows.laptop);
    });
    console.log(`\nThe pictures are in ${path.relative(process.cwd(), pictures) || '.'}. Look at them.`);
  } finally {
    await browser.close();
    await demo.stop();
  }
}

async function writeOnOne(windows: Windows): Promise<void> {
  const { laptop, desktop } = windows;
  await Promise.all([openItem(laptop, note), openItem(desktop, note)]);
  const text = await editorText(laptop);
  await seen('A note written on the laptop is on the desktop', async () => {
    await overwrite(laptop, text.replace('- [ ] Tests are green', '- [x] Tests are green'));
    await save(laptop);
    await untilText(desktop, shown => shown.includes('- [x] Tests are green'), 'the edit');
  });
  await seen('A new note on the desktop is listed on the laptop', async () => {
    await runCommand(desktop, 'Scratch: New Note');
    await untilShown(desktop, 'Note 20');
    await untilText(desktop, shown => shown === '', 'an empty note');
    await overwrite(desktop, '# Ideas\n\n- A tour that drives itself\n');
    await save(desktop);
    await itemRow(laptop, 'Note 20').waitFor({ timeout: limitMs });
  });
  await openItem(laptop, note);
  await screenshot(laptop, pictures, 'items');
}

async function editBothOffline(demo: Demo, { laptop, desktop }: Windows): Promise<void> {
  await Promise.all([openItem(laptop, note), openItem(desktop, note)]);
  const text = await editorText(laptop);
  await demo.stopServer();
  await seen('Both are edited without the server, and each says so quietly', async () => {
    await overwrite(laptop, text.replace('ten minutes', 'half an hour'));
    await save(laptop);
    await overwrite(desktop, text.replace('ten minutes', 'an hour'));
    await save(desktop);
    await laptop.locator('.statusbar-item[aria-label*="offline"]').waitFor({ timeout: limitMs });
    await desktop.locator('.statusbar-item[aria-label*="offline"]').waitFor({ timeout: limitMs });
  });
  await screenshot(laptop, pictures, 'offline');
  await demo.startServer();
  await seen('Back online, the conflict waits on both, and the later edit is current', async () => {
    await runCommand(laptop, 'Scratch: Sync Now');
    await runCommand(desktop, 'Scratch: Sync Now');
    await conflictRow(laptop, note).waitFor({ timeout: limitMs });
    await conflictRow(desktop, note).waitFor({ timeout: limitMs });
    await untilText(laptop, shown => shown.includes('an hour'), 'the later edit');
    await statusBarItem(laptop, 'Scratch 1').waitFor({ timeout: limitMs });
  });
}

async function compareAndResolve({ laptop, desktop }: Windows): Promise<void> {
  await seen('The two sides are compared in the diff editor', async () => {
    await conflictRow(laptop, note).click();
    await editorTab(laptop, '↔').waitFor({ timeout: limitMs });
    await laptop.locator('.monaco-diff-editor .line-insert').first().waitFor({ timeout: limitMs });
  });
  await laptop.mouse.move(0, 0);
  await screenshot(laptop, pictures, 'conflict');
  await seen('The side that had lost is kept, and the conflict is gone on both', async () => {
    await editorAction(laptop, 'Keep Local').click();
    await conflictRow(laptop, note).waitFor({ state: 'detached', timeout: limitMs });
    await conflictRow(desktop, note).waitFor({ state: 'detached', timeout: limitMs });
    await untilText(desktop, shown => shown.includes('half an hour'), 'the side that was kept');
  });
}

async function showThemes(page: Page): Promise<void> {
  await openItem(page, 'Measure a block');
  await runCommand(page, 'Notifications: Clear All Notifications');
  for (const { theme, file } of [
    { theme: 'Dark Modern', file: 'items-dark' },
    { theme: 'Dark High Contrast', file: 'items-high-contrast' },
  ]) {
    await runCommand(page, 'Preferences: Color Theme');
    await quickPick(page, theme, theme);
    await page.locator('.quick-input-widget:visible').waitFor({ state: 'hidden', timeout: limitMs });
    await screenshot(page, pictures, file);
  }
}

/** The sample note lies in a folder, which is closed at first. */
async function openFolder({ laptop, desktop }: Windows): Promise<void> {
  for (const page of [laptop, desktop]) {
    await runCommand(page, 'Notifications: Clear All Notifications');
    await itemRow(page, 'work').first().click({ timeout: limitMs });
    await itemRow(page, note).waitFor({ timeout: limitMs });
  }
}

/** What the windows showed when something was not seen says more than the words of the error. */
async function picturedOnFailure({ laptop, desktop }: Windows, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const folder = await mkdtemp(path.join(tmpdir(), 'scratch-tour-'));
    await screenshot(laptop, folder, 'laptop');
    await screenshot(desktop, folder, 'desktop');
    throw new Error(`${messageOf(error)}\nWhat the windows showed is in ${folder}.`, { cause: error });
  }
}

async function seen(what: string, look: () => Promise<void>): Promise<void> {
  const startedMs = systemClock.monotonic();
  await look();
  console.log(`  seen  ${what} (${((systemClock.monotonic() - startedMs) / secondMs).toFixed(1)} s)`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`\nThe tour has not seen everything: ${messageOf(error)}`);
    process.exit(1);
  },
);
