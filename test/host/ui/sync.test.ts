import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { systemCodeOf } from '../../../src/base/errors';
import { secondMs, systemClock } from '../../../src/base/time';
import { newProfile, openWorkbench, reloadWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import { editorTab, notification, pressButton, runCommand, setFocus, statusBarItem } from '../workbenchPage';
import { type Machine, Stage } from './devicePair';
import {
  activeTab,
  conflictRow,
  dirtyTab,
  editorAction,
  focusItems,
  itemRow,
  openItem,
  pane,
  pressRowAction,
  pressUntil,
  retype,
  save,
  seenLimitMs,
  showItems,
  typeAtLine,
  until,
  untilShown,
  untilText,
} from './scratchPage';

/** Focus syncs not more often than this. */
const focusIntervalMs = 10 * secondMs;

/** The backoff after a while without a server may be that long. */
const recoveryLimitMs = 150 * secondMs;

describe('two machines and their windows', function () {
  this.timeout(180 * secondMs);
  let stage: Stage;
  let laptop: Machine;
  let desktop: Machine;
  let onLaptop: Page;
  let onDesktop: Page;

  before(async function () {
    this.timeout(20 * 60 * secondMs); // the first run installs the host
    stage = await Stage.set();
    const text = 'first\nsecond\nthird\nfourth\nfifth\n';
    laptop = await stage.addMachine('laptop', 'signUp');
    for (const title of ['Shopping', 'Poem', 'Quarrel', 'Windows', 'Reload']) {
      await stage.terminal(laptop.home, ['add', 'note', title, '--body', text]);
    }
    await stage.terminal(laptop.home, ['sync']);
    desktop = await stage.addMachine('desktop', 'signIn');
    onLaptop = await openWorkbench(await newProfile(stage.browser), laptop.workbench);
    onDesktop = await openWorkbench(await newProfile(stage.browser), desktop.workbench);
    await Promise.all([showItems(onLaptop), showItems(onDesktop)]);
  });

  after(async () => stage?.strike());
  afterEach(picturesOfFailure(() => [onLaptop, onDesktop]));

  it('show an edit of one on the other by itself', async () => {
    await Promise.all([openItem(onLaptop, 'Shopping'), openItem(onDesktop, 'Shopping')]);
    await retype(onLaptop, 'milk\neggs\n');
    const savedMs = systemClock.monotonic();
    await save(onLaptop);
    await untilText(onDesktop, text => text.startsWith('milk\neggs'), 'the edit');
    console.log(`      seen ${Math.round(systemClock.monotonic() - savedMs)} ms after Ctrl+S`);
  });

  it('sync after a save, which the server logs', async () => {
    const pushes = stage.requests('POST', '/v1/changes');
    await retype(onLaptop, 'milk\neggs\nbread\n');
    await save(onLaptop);
    await until(() => stage.requests('POST', '/v1/changes') > pushes, 'a push in the log of the server');
  });

  it('sync when a window gets the focus, which the server logs', async () => {
    await setFocus(onDesktop, false);
    await onDesktop.waitForTimeout(focusIntervalMs);
    const pulls = stage.requests('GET', '/v1/changes');
    await setFocus(onDesktop, true);
    await until(() => stage.requests('GET', '/v1/changes') > pulls, 'a pull in the log of the server');
  });

  it('merge at the save what arrived while a document had unsaved text, of the same length too', async () => {
    await Promise.all([openItem(onLaptop, 'Poem'), openItem(onDesktop, 'Poem')]);
    await typeAtLine(onDesktop, 1, 'X');
    await retype(onLaptop, 'first\nsecond\nthird\nfourth\nfifthY\n');
    await save(onLaptop);
    await until(
      async () => /fifthY/.test(await showBody('Poem')),
      'the change in the store of the other machine',
    );
    await untilText(onDesktop, text => text === 'firstX\nsecond\nthird\nfourth\nfifth\n', 'what was typed');
    await save(onDesktop);
    await untilText(onDesktop, text => text === 'firstX\nsecond\nthird\nfourth\nfifthY\n', 'both edits');
    await untilText(onLaptop, text => text === 'firstX\nsecond\nthird\nfourth\nfifthY\n', 'both edits');
  });

  it('go on without the server, say so quietly, and catch up by themselves', async () => {
    await stage.stopServer();
    await Promise.all([openItem(onLaptop, 'Shopping'), openItem(onDesktop, 'Shopping')]);
    await retype(onLaptop, 'written offline\n');
    await save(onLaptop);
    await onLaptop
      .locator('.statusbar-item[aria-label*="offline, 1 change waits"]')
      .waitFor({ timeout: seenLimitMs });
    assert.equal(await notification(onLaptop, /scratch|sync|server|network/i).count(), 0);
    await stage.startServer();
    await onLaptop
      .locator('.statusbar-item[aria-label*="everything is synced"]')
      .waitFor({ timeout: recoveryLimitMs });
    // It hears of it only when its own event stream has come back, for which it may have backed off for long.
    const isThere = (text: string) => text.startsWith('written offline');
    await untilText(onDesktop, isThere, 'what was written offline', recoveryLimitMs);
  }).timeout(3 * recoveryLimitMs);

  it('record a conflict of one line edited on both, show it on both, and let it be resolved in the diff', async () => {
    await Promise.all([openItem(onLaptop, 'Quarrel'), openItem(onDesktop, 'Quarrel')]);
    await stage.stopServer();
    await retype(onLaptop, 'first\nlaptop says\nthird\n');
    await save(onLaptop);
    await retype(onDesktop, 'first\ndesktop says\nthird\n');
    await save(onDesktop);
    await stage.startServer();
    await Promise.all([
      runCommand(onLaptop, 'Scratch: Sync Now'),
      runCommand(onDesktop, 'Scratch: Sync Now'),
    ]);
    await Promise.all([
      conflictRow(onLaptop, 'Quarrel').waitFor({ timeout: recoveryLimitMs }),
      conflictRow(onDesktop, 'Quarrel').waitFor({ timeout: recoveryLimitMs }),
    ]);
    for (const page of [onLaptop, onDesktop]) {
      await untilText(page, text => text === 'first\ndesktop says\nthird\n', 'the later edit');
      await statusBarItem(page, 'Scratch 1').waitFor({ timeout: seenLimitMs });
    }

    await pressUntil(
      () => conflictRow(onLaptop, 'Quarrel').click(),
      editorTab(onLaptop, 'local, laptop ↔ remote, desktop'),
    );
    await onLaptop.locator('.monaco-diff-editor .line-insert').first().waitFor({ timeout: seenLimitMs });
    await editorAction(onLaptop, 'Keep Local').click();
    await conflictRow(onLaptop, 'Quarrel').waitFor({ state: 'detached', timeout: seenLimitMs });
    await conflictRow(onDesktop, 'Quarrel').waitFor({ state: 'detached', timeout: recoveryLimitMs });
    await untilText(onDesktop, text => text === 'first\nlaptop says\nthird\n', 'the side that was kept');
  });

  it("lose no write of two windows on one store, and show each the other's", async () => {
    const second = await openWorkbench(await newProfile(stage.browser), laptop.workbench);
    await showItems(second);
    await Promise.all([openItem(onLaptop, 'Windows'), openItem(second, 'Windows')]);
    for (let round = 1; round <= 3; round++) {
      await typeAtLine(onLaptop, 1, `a${round}`);
      await typeAtLine(second, 3, `b${round}`);
      await Promise.all([save(onLaptop), save(second)]);
      const expected = (text: string) => text.includes(`a${round}`) && text.includes(`b${round}`);
      await Promise.all([
        untilText(onLaptop, expected, 'both writes'),
        untilText(second, expected, 'both writes'),
      ]);
    }
    const both = 'firsta1a2a3\nsecond\nthirdb1b2b3\nfourth\nfifth\n';
    await untilText(second, text => text === both, 'all writes of both');
    await until(async () => (await showBody('Windows', laptop)) === both, 'all writes in the store');
    await second.close();
  });

  it('keep unsaved text over a reload, and merge it with what came meanwhile', async () => {
    await openItem(onLaptop, 'Reload');
    await typeAtLine(onLaptop, 1, ' typed');
    await until(async () => isInBackup(laptop, 'first typed'), 'the backup of the unsaved text');
    const changed = 'first\nsecond\nthird\nfourth\nfifth changed\n';
    await stage.terminal(laptop.home, ['edit', await idOf('Reload'), '--body', changed]);
    await reloadWorkbench(onLaptop);
    await editorTab(onLaptop, 'Reload').click({ timeout: seenLimitMs });
    const restored = 'first typed\nsecond\nthird\nfourth\nfifth\n';
    await untilText(onLaptop, shown => shown === restored, 'the unsaved text');
    await dirtyTab(onLaptop).waitFor({ timeout: seenLimitMs });
    await typeAtLine(onLaptop, 3, ' more');
    await save(onLaptop);
    const merged = 'first typed\nsecond\nthird more\nfourth\nfifth changed\n';
    await untilText(onLaptop, shown => shown === merged, 'all three edits');
    await until(async () => (await showBody('Reload', laptop)) === merged, 'all three edits in the store');
    const conflicts = await stage.terminal(laptop.home, ['conflicts', '--json']);
    assert.deepEqual(JSON.parse(conflicts), []);
  });

  it('rename, pin and delete from the tree with the keyboard and the mouse, and undo', async () => {
    await pressUntil(() => itemRow(onLaptop, 'Poem').click(), activeTab(onLaptop, 'Poem'));
    await untilShown(onLaptop, 'Poem');
    await onLaptop.locator('.editor-instance .monaco-editor.focused').waitFor({ timeout: seenLimitMs });
    await focusItems(onLaptop);
    await pane(onLaptop, 'Items').locator('.monaco-list-row.focused', { hasText: 'Poem' }).waitFor();
    await onLaptop.keyboard.press('F2');
    const input = onLaptop.locator('.quick-input-widget:visible', { hasText: 'Rename' }).locator('input');
    await input.fill('Ode');
    await input.press('Enter');
    await itemRow(onDesktop, 'Ode').waitFor({ timeout: seenLimitMs });
    await editorTab(onLaptop, 'Ode').waitFor({ timeout: seenLimitMs });

    await pressRowAction(onLaptop, 'Ode', 'Pin or Unpin Item');
    await onLaptop
      .locator('.monaco-list-row[aria-label*="Ode, note, pinned"]')
      .waitFor({ timeout: seenLimitMs });

    await pressRowAction(onLaptop, 'Ode', 'Delete Item');
    await pressButton(notification(onLaptop, 'Deleted “Ode”'), 'Undo');
    await onLaptop
      .locator('.monaco-list-row[aria-label*="Ode, note, pinned"]')
      .waitFor({ timeout: seenLimitMs });
  });

  it('delete from the tree by the keyboard alone the row with the focus, whatever an editor shows', async () => {
    await openItem(onLaptop, 'Shopping');
    await focusItems(onLaptop);
    const items = pane(onLaptop, 'Items');
    await itemRow(onLaptop, 'Windows').waitFor({ timeout: seenLimitMs });
    await items
      .locator('.monaco-list-row.focused', { hasText: 'Shopping' })
      .waitFor({ timeout: seenLimitMs });
    await onLaptop.keyboard.press('ArrowDown');
    await items.locator('.monaco-list-row.focused', { hasText: 'Windows' }).waitFor({ timeout: seenLimitMs });
    await onLaptop.keyboard.press('Delete');
    await notification(onLaptop, 'Deleted “Windows”').waitFor({ timeout: seenLimitMs });
    await pressButton(notification(onLaptop, 'Deleted “Windows”'), 'Undo');
    await itemRow(onDesktop, 'Windows').waitFor({ timeout: seenLimitMs });
    await itemRow(onLaptop, 'Shopping').waitFor({ timeout: seenLimitMs });
  });

  async function idOf(title: string, machine = laptop): Promise<string> {
    const items: unknown = JSON.parse(await stage.terminal(machine.home, ['list', '--json']));
    assert.ok(Array.isArray(items));
    const item: unknown = items.find(each => each.title === title);
    assert.ok(typeof item === 'object' && item !== null && 'id' in item && typeof item.id === 'string');
    return item.id;
  }

  async function showBody(title: string, machine = desktop): Promise<string> {
    const shown: unknown = JSON.parse(
      await stage.terminal(machine.home, ['show', await idOf(title, machine), '--json']),
    );
    assert.ok(
      typeof shown === 'object' && shown !== null && 'body' in shown && typeof shown.body === 'string',
    );
    return shown.body;
  }
});

/** Whether the editor's backups of unsaved text, which it writes a while after the typing, hold this. */
async function isInBackup(machine: Machine, text: string): Promise<boolean> {
  const folder = path.join(machine.workbench.dataDir, 'user-data/User/Backups');
  const names = await readdir(folder, { recursive: true }).catch(noneYet);
  const contents = await Promise.all(
    names.map(name => readFile(path.join(folder, name), 'utf8').catch(() => '')), // folders, and files that go
  );
  return contents.some(content => content.includes(text));
}

/** The editor makes the folder with its first backup, and takes folders below it away with their last. */
function noneYet(error: unknown): readonly string[] {
  if (systemCodeOf(error) === 'ENOENT') return [];
  throw error;
}
