import type { Locator, Page } from 'playwright-core';
import { secondMs } from '../../../src/base/time';
import { editorTab, runCommand, treeRow } from '../workbenchPage';

/** How long a change may take until it is seen, here or on the other machine. */
export const seenLimitMs = 20 * secondMs;

/** Shows the Items view. */
export async function showItems(page: Page): Promise<void> {
  await runCommand(page, 'Scratch: Focus on Items View');
  await pane(page, 'Items').waitFor({ timeout: seenLimitMs });
}

/** A view of the side bar, by the title of its pane. */
export function pane(page: Page, title: string): Locator {
  return page.locator('.pane', { has: page.locator(`.pane-header[aria-label^="${title}"]`) });
}

/** Opens an item from the Items view for good. */
export async function openItem(page: Page, title: string): Promise<void> {
  const row = pane(page, 'Items').locator('.monaco-list-row', { hasText: title }).first();
  await row.dblclick({ timeout: seenLimitMs });
  await editorTab(page, title).first().waitFor({ timeout: seenLimitMs });
  await editor(page).waitFor({ timeout: seenLimitMs });
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

export async function untilText(page: Page, isIt: (text: string) => boolean, what: string): Promise<string> {
  let text = '';
  for (let waitedMs = 0; waitedMs < seenLimitMs; waitedMs += pollMs) {
    text = await editorText(page);
    if (isIt(text)) return text;
    await page.waitForTimeout(pollMs);
  }
  throw new Error(`${what} was not seen; the editor shows ${JSON.stringify(text)}`);
}

/** Replaces the whole text by typing. */
export async function retype(page: Page, text: string): Promise<void> {
  await editor(page).locator('.view-lines').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

/** Types at the end of a line, counted from 1. */
export async function typeAtLine(page: Page, line: number, text: string): Promise<void> {
  await editor(page).locator('.view-lines').click();
  await page.keyboard.press('Control+Home');
  for (let down = 1; down < line; down++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  await page.keyboard.type(text);
}

export async function save(page: Page): Promise<void> {
  await page.keyboard.press('Control+S');
  await page
    .locator('.tabs-container .tab.active.dirty')
    .waitFor({ state: 'detached', timeout: seenLimitMs });
}

/** A row of the Conflicts view. */
export function conflictRow(page: Page, title: string): Locator {
  return pane(page, 'Conflicts').locator('.monaco-list-row', { hasText: title });
}

/** The button with this tooltip at the right of the tabs. */
export function editorAction(page: Page, label: string): Locator {
  return page.locator(`.editor-actions .action-label[aria-label^="${label}"]`);
}

export function itemRow(page: Page, title: string): Locator {
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

const pollMs = 50;
