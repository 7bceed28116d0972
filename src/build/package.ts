import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import * as z from 'zod';
import { launchBrowser, newProfile, openWorkbench } from '../../test/host/browser';
import { ensureFloorHost } from '../../test/host/floor';
import { ensureHost, isHostSystem, type ServerPaths } from '../../test/host/install';
import { terminalProgress } from '../../test/host/progress';
import { installExtension, startWorkbench } from '../../test/host/server';
import { editorTab, runCommand } from '../../test/host/workbenchPage';
import { messageOf } from '../base/errors';
import { parseJson } from '../base/json';
import { minuteMs, secondMs, systemClock, systemTimers } from '../base/time';
import { buildAll } from './bundles';
import { runNode } from './childProcess';
import { distFolder, repositoryFolder } from './paths';
import { takeNoOptions } from './scriptOptions';
import { extensionId, vsixName, vsixProblems, writeVsix } from './vsix';

const typedText = 'written in the packaged extension';
const saveLimitMs = 20 * secondMs;
const savePollMs = 250;

/**
 * `npm run package`: packs the extension into `scratch-sync-<version>.vsix` and checks it: what it contains, its size,
 * and that it installs and keeps a note in the newest and in the oldest editor that it is for. Where the editors that
 * npm carries do not run, it is packed and not tried.
 */
async function main(): Promise<void> {
  takeNoOptions('npm run package');
  const progress = terminalProgress();
  const vsix = path.join(repositoryFolder, vsixName);
  await progress.step('Building', buildAll);
  await progress.step('Packing the extension', () => writeVsix(vsix));
  const { size } = await stat(vsix);
  const packed = `${vsixName}: ${(size / 1024).toFixed(0)} KB`;
  if (!isHostSystem()) {
    console.log(`${packed}, not tried: the editor that npm carries for that runs on Linux on x64`);
    return;
  }
  const newest = await ensureHost(progress);
  const oldest = await ensureFloorHost(progress);
  const browser = await launchBrowser(newest);
  try {
    await progress.step('Trying it in the newest editor', () => tryIn(newest, browser, vsix));
    await progress.step('Trying it in the oldest editor', () => tryIn(oldest, browser, vsix));
  } finally {
    await browser.close();
  }
  console.log(`${packed}, works in the newest and the oldest editor`);
}

/** Installs the VSIX into a fresh editor, checks its files, and writes a note with it. Throws what is wrong. */
async function tryIn(host: ServerPaths, browser: Browser, vsix: string): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'scratch-package-'));
  try {
    const dataDir = path.join(folder, 'data');
    await installExtension(host, dataDir, vsix);
    const problems = await vsixProblems(vsix, await installedFolder(dataDir));
    if (problems.length > 0) throw new Error(`${vsixName} is not as it must be: ${problems.join('; ')}.`);
    const workbench = await startWorkbench(host, { dataDir, folder });
    try {
      const profile = await newProfile(browser);
      const page = await openWorkbench(profile, workbench);
      await runCommand(page, 'Scratch: New Note');
      await editorTab(page, /\.md$|Note|Untitled|\d/)
        .first()
        .waitFor({ timeout: minuteMs });
      await page.locator('.monaco-editor .view-lines').first().click();
      await page.keyboard.type(typedText);
      await page.keyboard.press('Control+S');
      await untilKept(path.join(workbench.globalStorageDir, extensionId));
      await profile.close();
    } finally {
      await workbench.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function installedFolder(dataDir: string): Promise<string> {
  const extensions = path.join(dataDir, 'extensions');
  const name = (await readdir(extensions)).find(entry => entry.startsWith(`${extensionId}-`));
  if (name === undefined) throw new Error(`the editor did not install ${extensionId}`);
  return path.join(extensions, name);
}

/** Waits until the terminal, another process on the same store, reads what was typed in the editor. */
async function untilKept(home: string): Promise<void> {
  const startedMs = systemClock.monotonic();
  let said = '';
  while (systemClock.monotonic() - startedMs < saveLimitMs) {
    const list = await scratch(home, ['list', '--json']);
    const items = z.array(z.looseObject({ id: z.string() })).safeParse(parseJson(list));
    const [item] = items.success ? items.data : [];
    said = item ? await scratch(home, ['show', item.id, '--body']) : list;
    if (said.includes(typedText)) return;
    await systemTimers.sleep(savePollMs);
  }
  throw new Error(`the note that was typed and saved is not in the store: ${said.trim() || 'nothing is'}`);
}

async function scratch(home: string, args: readonly string[]): Promise<string> {
  const { output } = await runNode({
    args: [path.join(distFolder, 'cli.js'), '--home', home, ...args],
    output: 'keep',
    limitMs: minuteMs,
  });
  return output;
}

main().catch((error: unknown) => {
  console.error(`The extension is not ready: ${messageOf(error)}`);
  process.exitCode = 1;
});
