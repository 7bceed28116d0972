import path from 'node:path';
import { errors, type Locator, type Page } from 'playwright-core';
import { secondMs, systemClock } from '../../src/base/time';

/** How long a helper waits for what it looks for. */
const actionLimitMs = 30 * secondMs;
/** How long the palette is given to list a command before it is asked again. */
const paletteLimitMs = 2 * secondMs;
/** Longer: a press that was taken and not yet answered must not be made twice. */
const pressLimitMs = 10 * secondMs;

/**
 * Runs the command with this title, such as `Scratch: New Note`, through the palette. A window that is still settling
 * may close the palette, or have opened it before the extension's commands were there: so it is asked more than once.
 */
export async function runCommand(page: Page, title: string): Promise<void> {
  const startedMs = systemClock.monotonic();
  const labels = [`="${title}"`, `^="${title},"`, `^="${title}…"`]; // alone, with its keys, or asking for more
  const row = page
    .locator(labels.map(label => `.quick-input-list .monaco-list-row[aria-label${label}]`).join(', '))
    .first();
  for (;;) {
    try {
      if (!(await quickInputBox(page).isVisible())) await page.keyboard.press('F1');
      await quickInputBox(page).fill('>', { timeout: paletteLimitMs });
      await quickInputBox(page).fill(`>${title}`, { timeout: paletteLimitMs });
      await row.waitFor({ timeout: paletteLimitMs });
      await row.click({ timeout: pressLimitMs });
      break;
    } catch (error) {
      const isLate = systemClock.monotonic() - startedMs > actionLimitMs;
      if (isLate || !(error instanceof errors.TimeoutError)) throw error;
    }
  }
  await untilPaletteGone(page);
}

/** The press closed the palette; what the command asks may open in its place. */
async function untilPaletteGone(page: Page): Promise<void> {
  const isGone = `![...document.querySelectorAll('.quick-input-widget')].some(
    widget => widget.style.display !== 'none' && widget.querySelector('input[type="text"]')?.value.startsWith('>'))`;
  await page.waitForFunction(isGone, undefined, { timeout: actionLimitMs });
}

/** Answers the open input box: fills in `text` and accepts it. */
export async function quickInput(page: Page, text: string): Promise<void> {
  const input = quickInputBox(page);
  await input.fill(text, { timeout: actionLimitMs });
  await input.press('Enter');
}

/** Picks the row with this label in the open quick pick, typing `filter` first when given. */
export async function quickPick(page: Page, label: string, filter?: string): Promise<void> {
  if (filter !== undefined) await quickInputBox(page).fill(filter, { timeout: actionLimitMs });
  await pickRow(page, label).first().click({ timeout: actionLimitMs });
}

/** The text field of the open palette, quick pick or input box. */
export function quickInputBox(page: Page): Locator {
  return page.locator('.quick-input-widget:visible input[type="text"]').first();
}

/** Rows of the open quick pick that hold `label`. */
export function pickRow(page: Page, label: string): Locator {
  return page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row', { hasText: label });
}

/** The notification that holds `text`; wait on it, or press a button in it with {@link pressButton}. */
export function notification(page: Page, text: string | RegExp): Locator {
  return page.locator('.notifications-toasts .notification-list-item', { hasText: text });
}

/** The modal dialog that holds `text`. */
export function dialog(page: Page, text: string): Locator {
  return page.locator('.monaco-dialog-box', { hasText: text });
}

/** Presses the button with this label in a notification or dialog. */
export async function pressButton(within: Locator, label: string): Promise<void> {
  await within.locator('.monaco-button', { hasText: label }).first().click({ timeout: actionLimitMs });
}

/** The status bar item that shows `text`. */
export function statusBarItem(page: Page, text: string | RegExp): Locator {
  return page.locator('.part.statusbar .statusbar-item', { hasText: text });
}

/** The row of a tree view that shows `text`. */
export function treeRow(page: Page, text: string | RegExp): Locator {
  return page.locator('.pane-body .monaco-list-row', { hasText: text });
}

/** The tab with this title. */
export function editorTab(page: Page, title: string | RegExp): Locator {
  return page.locator('.tabs-container .tab', { hasText: title });
}

/**
 * Makes the window believe that it has the focus or lost it. A headless page looks focused for ever, so what follows
 * a focus change can only be seen this way.
 */
export async function setFocus(page: Page, focused: boolean): Promise<void> {
  await page.evaluate(`{
    document.hasFocus = () => ${focused};
    window.dispatchEvent(new Event('${focused ? 'focus' : 'blur'}'));
  }`);
}

/** Writes a picture of the window to `folder/name.png` and answers its path. */
export async function screenshot(page: Page, folder: string, name: string): Promise<string> {
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  return file;
}
