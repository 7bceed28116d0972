import assert from 'node:assert/strict';
import { errors, type Locator, type Page } from 'playwright-core';
import { secondMs, systemClock, systemTimers } from '../../../src/base/time';
import { runCommand, treeRow } from '../workbenchPage';

/** How long a change may take until it is seen, here or on the other machine. */
export const seenLimitMs = 30 * secondMs;

/** Shows the Items view. */
export async function showItems(page: Page): Promise<void> {
  await runCommand(page, 'Scratch: Focus on Items View');
  await pane(page, 'Items').waitFor({ timeout: seenLimitMs });
}

/** Shows the Items view, and waits until keys go to its tree: the palette is gone before the command has run. */
export async function focusItems(page: Page): Promise<void> {
  await showItems(page);
  await pane(page, 'Items').locator('.monaco-list:focus-within').waitFor({ timeout: seenLimitMs });
}

/** A view of the side bar, by the title of its pane. */
export function pane(page: Page, title: string): Locator {
  return page.locator('.pane', { has: page.locator(`.pane-header[aria-label^="${title}"]`) });
}

/** Opens an item from the Items view for good. */
export async function openItem(page: Page, title: string): Promise<void> {
  const row = pane(page, 'Items').locator('.monaco-list-row', { hasText: title }).first();
  await pressUntil(() => row.dblclick({ timeout: rowLimitMs }), activeTab(page, title));
  await untilShown(page, title);
}

/**
 * Presses a row of a tree until it has done what it does. A tree that is drawn anew may move another row under the mouse,
 * and then that one is pressed.
 */
export async function pressUntil(press: () => Promise<void>, seen: Locator): Promise<void> {
  const startedMs = systemClock.monotonic();
  for (;;) {
    try {
      await press();
      await seen.waitFor({ timeout: pressedLimitMs });
      return;
    } catch (error) {
      const isLate = systemClock.monotonic() - startedMs > seenLimitMs;
      if (isLate || !(error instanceof errors.TimeoutError)) throw error;
    }
  }
}

/** Waits until the editor shows the item: its tab comes before its text, and the former text stays until then. */
export async function untilShown(page: Page, title: string): Promise<void> {
  await activeTab(page, title).waitFor({ timeout: seenLimitMs });
  const address = `[data-uri^="scratch:"][data-uri*=${JSON.stringify(encodeURIComponent(title))}]`;
  await page.locator(`.editor-instance .monaco-editor${address}`).waitFor({ timeout: seenLimitMs });
}

/** The tab that is shown, when it is of this title. */
export function activeTab(page: Page, title: string): Locator {
  return page.locator('.tabs-container .tab.active', { hasText: title });
}

/** The text editor that is shown; the right one of a diff. */
export function editor(page: Page): Locator {
  return page.locator('.editor-instance .monaco-editor').last();
}

/** The text that the editor shows: all of it as long as it fits the window. */
export async function editorText(page: Page): Promise<string> {
  const text: unknown = await page.evaluate(`
    [...[...document.querySelectorAll('.editor-instance .monaco-editor')].at(-1)?.querySelectorAll('.view-line') ?? []]
      .sort((left, right) => parseFloat(left.style.top) - parseFloat(right.style.top))
      .map(line => line.textContent.replaceAll('\\u00a0', ' '))
      .join('\\n')
  `);
  return typeof text === 'string' ? text : '';
}

export async function untilText(
  page: Page,
  isIt: (text: string) => boolean,
  what: string,
  limitMs = seenLimitMs,
): Promise<string> {
  const startedMs = systemClock.monotonic();
  for (;;) {
    const text = await editorText(page);
    if (isIt(text)) return text;
    if (systemClock.monotonic() - startedMs > limitMs)
      throw new Error(`${what} was not seen; the editor shows ${JSON.stringify(text)}`);
    await page.waitForTimeout(pollMs);
  }
}

/** Replaces the whole text by typing. An editor that saves by itself may have saved it then. */
export async function overwrite(page: Page, text: string): Promise<void> {
  await editor(page).locator('.view-lines').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

/** Replaces the whole text by typing; it is unsaved then. */
export async function retype(page: Page, text: string): Promise<void> {
  await overwrite(page, text);
  await dirtyTab(page).waitFor({ timeout: seenLimitMs });
}

/** Types at the end of a line, counted from 1; the text is unsaved then. */
export async function typeAtLine(page: Page, line: number, text: string): Promise<void> {
  await editor(page).locator('.view-lines').click();
  await page.keyboard.press('Control+Home');
  for (let down = 1; down < line; down++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  await page.keyboard.type(text);
  await dirtyTab(page).waitFor({ timeout: seenLimitMs });
}

export async function save(page: Page): Promise<void> {
  await page.keyboard.press('Control+S');
  await dirtyTab(page).waitFor({ state: 'detached', timeout: seenLimitMs });
}

/** The tab that is shown, when it has unsaved text. */
export function dirtyTab(page: Page): Locator {
  return page.locator('.tabs-container .tab.active.dirty');
}

/** A row of the Conflicts view. */
export function conflictRow(page: Page, title: string): Locator {
  return pane(page, 'Conflicts').locator('.monaco-list-row', { hasText: title });
}

/** Presses a button of a tree row, which shows while the mouse is over the row and goes when the tree is drawn anew. */
export async function pressRowAction(page: Page, title: string, label: string): Promise<void> {
  const row = itemRow(page, title);
  const startedMs = systemClock.monotonic();
  for (;;) {
    try {
      await row.hover({ timeout: rowLimitMs });
      const action = row.locator(`.action-label[aria-label^="${label}"]`);
      await action.waitFor({ timeout: rowLimitMs });
      // Long enough that a press which was made is not taken for one that was not, and made again.
      await action.click({ timeout: pressedLimitMs });
      return;
    } catch (error) {
      const isLate = systemClock.monotonic() - startedMs > seenLimitMs;
      if (isLate || !(error instanceof errors.TimeoutError)) throw error;
    }
  }
}

/** The button with this tooltip at the right of the tabs. */
export function editorAction(page: Page, label: string): Locator {
  return page.locator(`.editor-actions .action-label[aria-label^="${label}"]`);
}

export function itemRow(page: Page, title: string | RegExp): Locator {
  return treeRow(page, title);
}

/** Answers an input box that asks `question`, a password included. */
export async function answer(page: Page, question: string | RegExp, text: string): Promise<void> {
  const box = page.locator('.quick-input-widget:visible', { hasText: question });
  await box.waitFor({ timeout: seenLimitMs });
  const input = box.locator('.quick-input-box input');
  await input.fill(text);
  await input.press('Enter');
}

/** Waits until something outside the windows is so, such as a line in the log of the server. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  limitMs = seenLimitMs,
): Promise<void> {
  const startedMs = systemClock.monotonic();
  while (!(await isSo())) {
    assert.ok(systemClock.monotonic() - startedMs < limitMs, `${what} was not seen`);
    await systemTimers.sleep(pollMs);
  }
}

const pollMs = 50;
/** One try to reach a row, and what a press may take until something of it is seen. */
const rowLimitMs = 2 * secondMs;
const pressedLimitMs = 10 * secondMs;
