import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Route,
} from 'playwright-core';
import { minuteMs } from '../../src/base/time';
import type { HostPaths } from './install';
import type { WorkbenchServer } from './server';

/** Starts the headless Chromium of the host. Close it when done. */
export async function launchBrowser(host: HostPaths): Promise<Browser> {
  return chromium.launch({
    executablePath: host.chromium.executable,
    env: { ...stringsOf(process.env), ...host.chromium.environment },
    args: chromiumFlags,
  });
}

export interface WindowOptions {
  /** The folder to open; the server's own when not given. */
  readonly folder?: string;
  /** Further `[name, value]` pairs for the window, which only a server with `testDriver` heeds. */
  readonly payload?: readonly (readonly [string, string])[];
}

/**
 * A browser of its own, as one person has it: its windows share storage, and with it the secrets. All requests but
 * those to the loopback address are aborted.
 */
export async function newProfile(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await context.route(
    url => !isLoopback(url),
    route => route.abort(),
  );
  return context;
}

/** Opens a window of `workbench` and waits until it can be used. */
export async function openWorkbench(
  context: BrowserContext,
  workbench: WorkbenchServer,
  options: WindowOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  await loadWorkbench(page, workbench, options);
  await untilUsable(page);
  return page;
}

/** Begins to load a window of `workbench` in a page that may have been prepared; waits for nothing in it. */
export async function loadWorkbench(
  page: Page,
  workbench: WorkbenchServer,
  options: WindowOptions = {},
): Promise<void> {
  if (workbench.runner === 'direct') await page.route(isKeyRequest(workbench), answerKey);
  await page.goto(addressOf(workbench, options), { timeout: openLimitMs });
}

/** Loads the window anew, as F5 in the browser does, and waits until it can be used again. */
export async function reloadWorkbench(page: Page): Promise<void> {
  await page.reload({ timeout: openLimitMs });
  await untilUsable(page);
}

const openLimitMs = minuteMs;

const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The remote indicator comes once the window is connected; the status bar is filled when the window is restored. */
async function untilUsable(page: Page): Promise<void> {
  await page.waitForSelector('.monaco-workbench .part.editor', { timeout: openLimitMs });
  await page.waitForSelector('.part.statusbar [id="status.host"]', { timeout: openLimitMs });
  await page.waitForSelector('.part.statusbar [id="status.notifications"]', { timeout: openLimitMs });
}

function addressOf(workbench: WorkbenchServer, options: WindowOptions): string {
  const address = new URL(workbench.origin);
  if (options.folder) address.searchParams.set('folder', options.folder);
  const payload = [['skipWelcome', 'true'], ...(options.payload ?? [])];
  address.searchParams.set('payload', JSON.stringify(payload));
  return address.href;
}

function isLoopback(url: URL): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
}

function isKeyRequest(workbench: WorkbenchServer): (url: URL) => boolean {
  return url => url.origin === workbench.origin && url.pathname === '/mint-key';
}

/** The half of a key that code-server's wrapper would keep; without it a window forgets its secrets on reload. */
async function answerKey(route: Route): Promise<void> {
  const keyBytes = 32;
  await route.fulfill({ contentType: 'application/octet-stream', body: Buffer.alloc(keyBytes) });
}

function stringsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const strings: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) strings[name] = value;
  return strings;
}
