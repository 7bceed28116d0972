import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { systemRandom } from '../../../src/base/random';
import { minuteMs, systemClock } from '../../../src/base/time';
import { createItemId } from '../../../src/model/ids/createId';
import type { Store } from '../../../src/store/store';
import { editItem } from '../../../src/sync/edits/localEdits';
import { inStore, laptop, note } from '../../support/storeFixture';
import { newProfile, openWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import {
  dialog,
  notification,
  pressButton,
  quickInputBox,
  runCommand,
  statusBarItem,
} from '../workbenchPage';
import { type Machine, Stage } from './devicePair';
import { withStore } from './machineStore';
import { itemRow, pane, seenLimitMs, showItems, until, untilShown } from './scratchPage';

const items = process.env['EXTENDED'] === '1' ? 100_000 : 2_000;
/** As many as the tree shows at first. */
const pageItems = 500;
const itemsAtOnce = 1000;

describe(`a store of ${items} items in the tree`, function () {
  this.timeout(3 * minuteMs);
  let stage: Stage;
  let machine: Machine;
  let page: Page;

  before(async function () {
    this.timeout(20 * minuteMs); // the first run installs the host
    stage = await Stage.set();
    machine = await stage.addMachine('laptop', 'none');
    await mkdir(machine.home, { recursive: true });
    await withStore(machine, fill);
    page = await openWorkbench(await newProfile(stage.browser), machine.workbench);
  });

  after(async () => stage?.strike());
  afterEach(picturesOfFailure(() => [page]));

  it('shows the folders with their counts first', async () => {
    const startedMs = systemClock.monotonic();
    await page.locator('.activitybar .action-label[aria-label^="Scratch"]').click();
    await itemRow(page, new RegExp(`^many\\s*${items}$`)).waitFor({ timeout: seenLimitMs });
    console.log(
      `      the tree stood ${Math.round(systemClock.monotonic() - startedMs)} ms after it was asked for`,
    );
  });

  it('shows a folder in pages, by the keyboard alone, and says how many more there are', async () => {
    const focused = (text: string) =>
      pane(page, 'Items').locator('.monaco-list-row.focused', { hasText: text }).waitFor();
    await pane(page, 'Items').locator('.monaco-list').focus();
    await page.keyboard.press('Home');
    await focused('Sign in to sync');
    await page.keyboard.press('ArrowDown');
    await focused('Notes');
    await page.keyboard.press('ArrowDown');
    await focused('many');
    await page.keyboard.press('ArrowRight');
    await itemRow(page, title(0)).waitFor({ timeout: seenLimitMs });
    await page.keyboard.press('End');
    const more = pane(page, 'Items').locator('.monaco-list-row.focused');
    await more
      .and(page.locator(`[aria-label^="Show ${pageItems} more of ${items - pageItems}…"]`))
      .waitFor({ timeout: seenLimitMs });
    await page.keyboard.press('Enter');
    await more.filter({ hasText: title(pageItems) }).waitFor({ timeout: seenLimitMs });
    await page.keyboard.press('End');
    await itemRow(page, `more of ${items - 2 * pageItems}…`).waitFor({ timeout: seenLimitMs });
  });

  it('takes a snapshot, rolls back to it, and shows that the doctor is at work', async () => {
    const atWork = await seenNotifications(page);
    // It is shown for a few seconds only.
    const taken = statusBarItem(page, `Took a snapshot of ${items} items`).waitFor({ timeout: seenLimitMs });
    await Promise.all([runCommand(page, 'Scratch: Take Snapshot'), taken]);
    await runCommand(page, 'Scratch: Roll Back to Snapshot');
    await page.locator('.quick-input-list .monaco-list-row.focused').waitFor({ timeout: seenLimitMs });
    await page.keyboard.press('Enter');
    await pressButton(dialog(page, 'Roll back to the snapshot'), 'Roll Back');
    await notification(page, 'Rolled back 0 items').waitFor({ timeout: seenLimitMs });
    await runCommand(page, 'Scratch: Run Doctor');
    await quickInputBox(page).waitFor({ timeout: seenLimitMs });
    await page.keyboard.press('Escape');
    // The others may be done before the editor shows that they have begun.
    const seen = await atWork();
    assert.ok(
      seen.some(text => text.includes('Checking everything')),
      seen.join(' | '),
    );
  });

  it('shows what is written now', async () => {
    await runCommand(page, 'Scratch: New Note');
    await untilShown(page, 'Note 2');
    await showItems(page);
    await pane(page, 'Items').locator('.monaco-list').focus();
    await until(async () => {
      await page.keyboard.press('End'); // the row comes below the others, when the tree is drawn anew
      return itemRow(page, 'Note 2').isVisible();
    }, 'the new note in the tree');
  });
});

/** Collects the texts of notifications, however shortly they are shown; answers a look at what was seen so far. */
async function seenNotifications(page: Page): Promise<() => Promise<readonly string[]>> {
  // A text, because it runs in the page, whose types the tests do not have.
  const collected = await page.evaluateHandle<Set<string>>(`(() => {
    const texts = new Set();
    new MutationObserver(() => {
      for (const shown of document.querySelectorAll('.notification-list-item')) texts.add(shown.textContent);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
    return texts;
  })()`);
  return () => collected.evaluate(texts => [...texts]);
}

async function fill(store: Store): Promise<void> {
  const device = { id: laptop, name: 'laptop' };
  const body = 'The quick brown fox jumps over the lazy dog. '.repeat(20);
  for (let from = 0; from < items; from += itemsAtOnce) {
    await inStore(store, tx => {
      for (let index = from; index < from + itemsAtOnce; index++) {
        editItem(
          { store: tx, device, wallMs: systemClock.now(), random: systemRandom },
          createItemId(systemRandom),
          {
            content: note(title(index), body, { folder: 'many' }),
            deleted: false,
          },
        );
      }
    });
  }
}

function title(index: number): string {
  return `Item ${String(index).padStart(6, '0')}`;
}
