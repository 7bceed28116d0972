import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { minuteMs } from '../../src/base/time';
import { buildAll } from '../../src/build/bundles';
import { repositoryFolder } from '../../src/build/paths';
import { writeVsix } from '../../src/build/vsix';
import { launchBrowser, newProfile, openWorkbench } from '../host/browser';
import { ensureHost } from '../host/install';
import { startWorkbench, type WorkbenchServer } from '../host/server';
import { runCommand } from '../host/workbenchPage';
import type { Section } from './report';

/** Windows that are opened, each with an extension host of its own. */
const windows = 15;
const kibibyte = 1024;
const decisiveFiles = ['extension.js', 'worker.js', 'sql-wasm.wasm'];

/**
 * How long the editor's host thread is busy with the extension when it is activated, by the editor's own count in
 * "Show Running Extensions": loading the code and the call of `activate`.
 */
export async function benchActivation(progress: (line: string) => void): Promise<Section> {
  const host = await ensureHost();
  const folder = await mkdtemp(path.join(tmpdir(), 'activation-bench-'));
  await buildAll();
  const vsix = path.join(folder, 'extension.vsix');
  await writeVsix(vsix);
  const project = path.join(folder, 'project');
  await mkdir(project);
  const workbench = await startWorkbench(host, {
    ...{ dataDir: path.join(folder, 'data'), folder: project, extensions: [vsix] },
  });
  const browser = await launchBrowser(host);
  try {
    const tookMs: number[] = [];
    for (let window = 1; window <= windows; window++) {
      progress(`activation: window ${window} of ${windows}`);
      tookMs.push(await activationMs(browser, workbench));
    }
    return await sectionOf(tookMs);
  } finally {
    await browser.close();
    await workbench.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function activationMs(browser: Browser, workbench: WorkbenchServer): Promise<number> {
  const profile = await newProfile(browser);
  try {
    const page = await openWorkbench(profile, workbench);
    await runCommand(page, 'Developer: Show Running Extensions');
    const row = page.locator('.runtime-extensions-editor .monaco-list-row', { hasText: 'Scratch Sync' });
    const time = row.locator('.activation-time', { hasText: /\d+ms/ });
    await time.waitFor({ timeout: minuteMs });
    return Number(/(\d+)ms/.exec((await time.textContent()) ?? '')?.[1]);
  } finally {
    await profile.close();
  }
}

async function sectionOf(tookMs: readonly number[]): Promise<Section> {
  const sorted = [...tookMs].sort((left, right) => left - right);
  const at = (share: number) => `${sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]} ms`;
  const files = await Promise.all(
    decisiveFiles.map(async name => {
      const { size } = await stat(path.join(repositoryFolder, 'dist', name));
      return [name, `${Math.round(size / kibibyte)} KB`];
    }),
  );
  return {
    title: 'Activation',
    text: [
      `The extension in ${windows} windows of a real VS Code, one after another: how long its host's thread loads the code`,
      'of the extension and runs `activate`, as the editor counts it. Activation loads `extension.js`; the rest comes on',
      'first use. Wanted: a median under 60 ms, and under 150 KB.',
    ].join('\n'),
    tables: [
      { head: ['windows', 'least', 'median', 'p95'], rows: [[String(windows), at(0), at(0.5), at(0.95)]] },
      { head: ['file', 'size'], rows: files },
    ],
  };
}
