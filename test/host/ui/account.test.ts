import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import * as z from 'zod';
import { parseJson } from '../../../src/base/json';
import { minuteMs } from '../../../src/base/time';
import { newProfile, openWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import { dialog, notification, pickRow, pressButton, runCommand } from '../workbenchPage';
import { type Machine, password, Stage } from './devicePair';
import { answer, itemRow, pane, seenLimitMs, showItems, until } from './scratchPage';

const notes = ['Ant', 'Bee', 'Cat', 'Dog'];

describe('what the account asks of a person', function () {
  this.timeout(3 * minuteMs);
  let stage: Stage;
  let laptop: Machine;
  let desktop: Machine;
  let onLaptop: Page;
  let onDesktop: Page;

  before(async function () {
    this.timeout(20 * minuteMs); // the first run installs the host
    stage = await Stage.set();
    laptop = await stage.addMachine('laptop', 'signUp', {
      fixtures: ['writer-extension'],
      environment: { SCRATCH_WRITER_LOGS: stage.folder },
    });
    for (const title of notes) await stage.terminal(laptop.home, ['add', 'note', title]);
    await stage.terminal(laptop.home, ['add', 'note', 'Hidden heron', '--sensitive']);
    await stage.terminal(laptop.home, ['sync']);
    desktop = await stage.addMachine('desktop', 'signIn');
    onLaptop = await openWorkbench(await newProfile(stage.browser), laptop.workbench);
    onDesktop = await openWorkbench(await newProfile(stage.browser), desktop.workbench);
    await Promise.all([showItems(onLaptop), showItems(onDesktop)]);
    await itemRow(onDesktop, 'Dog').waitFor({ timeout: seenLimitMs });
  });

  after(async () => stage?.strike());
  afterEach(picturesOfFailure(() => [onLaptop, onDesktop]));

  it('stays with its server when the setting names another, and offers to sign in there', async () => {
    await runCommand(onLaptop, 'Writer: Name Another Server');
    const said = notification(onLaptop, 'You are still signed in to');
    await said.filter({ hasText: 'https://elsewhere.example' }).waitFor({ timeout: seenLimitMs });
    await said.locator('.monaco-button', { hasText: 'Sign In' }).waitFor();
  });

  it('holds a deletion of most items, and keeps them when a person wants to', async () => {
    // It goes by itself after a while, and may come before the terminal has ended.
    await Promise.all([deleteNotes(), pressButton(notification(onDesktop, 'of 5 items'), 'Review')]);
    const question = dialog(onDesktop, 'A sync would delete or overwrite 4 of 5 items');
    await question.filter({ hasText: 'A snapshot was taken' }).waitFor({ timeout: seenLimitMs });
    for (const title of notes) await itemRow(onDesktop, title).waitFor({ timeout: seenLimitMs });
    await pressButton(question, 'Keep Mine');
    await itemRow(onDesktop, 'Sync waits for you').waitFor({ state: 'detached', timeout: seenLimitMs });
    for (const page of [onDesktop, onLaptop]) {
      for (const title of notes) await itemRow(page, title).waitFor({ timeout: seenLimitMs });
    }
  });

  it('lets it happen when a person says so, from the first row of the tree', async () => {
    await deleteNotes();
    await itemRow(onDesktop, 'Sync waits for you: many items would change').click({ timeout: seenLimitMs });
    await pressButton(dialog(onDesktop, 'A sync would delete or overwrite'), 'Let It Happen');
    for (const title of notes) {
      await itemRow(onDesktop, title).waitFor({ state: 'detached', timeout: seenLimitMs });
    }
  });

  it('gives a new recovery phrase for the password', async () => {
    await runCommand(onLaptop, 'Scratch: New Recovery Phrase');
    await answer(onLaptop, 'Your password, please', 'not this one');
    await notification(onLaptop, 'password is wrong').waitFor({ timeout: seenLimitMs });
    await runCommand(onLaptop, 'Scratch: New Recovery Phrase');
    await answer(onLaptop, 'Your password, please', password);
    await pressButton(dialog(onLaptop, 'Write down your recovery phrase'), 'Copy');
  });

  it('rotates the key, for which other devices ask for the password once', async () => {
    await runCommand(onLaptop, 'Scratch: Rotate Key');
    await answer(onLaptop, 'Items are sealed anew', password);
    await pressButton(dialog(onLaptop, 'Write down your recovery phrase'), 'Copy');
    await runCommand(onDesktop, 'Scratch: Sync Now');
    await pressButton(notification(onDesktop, 'it was rotated elsewhere').first(), 'Unlock');
    await answer(onDesktop, 'The password of your account', password);
    await everythingSynced(onDesktop);
    await stage.terminal(laptop.home, ['add', 'note', 'After the change']);
    await stage.terminal(laptop.home, ['sync']);
    await itemRow(onDesktop, 'After the change').waitFor({ timeout: seenLimitMs });
  });

  it('unlocks a device whose keys are gone from the secret storage', async () => {
    await onLaptop.close();
    const secrets = path.join(laptop.home, 'secrets');
    for (const name of await readdir(secrets)) await rm(path.join(secrets, name));
    onLaptop = await openWorkbench(await newProfile(stage.browser), laptop.workbench);
    await showItems(onLaptop);
    await itemRow(onLaptop, 'Locked note').waitFor({ timeout: seenLimitMs });
    await itemRow(onLaptop, 'After the change').waitFor({ timeout: seenLimitMs });
    await itemRow(onLaptop, 'Locked: unlock with your password').click({ timeout: seenLimitMs });
    await answer(onLaptop, 'The keys of this device are not in the secret storage', 'not this one');
    await answer(onLaptop, /is wrong/, password);
    await itemRow(onLaptop, 'Hidden heron').waitFor({ timeout: seenLimitMs });
    await itemRow(onLaptop, 'Locked').waitFor({ state: 'detached', timeout: seenLimitMs });
    await everythingSynced(onLaptop);
  });

  it('lists its devices and revokes one of them, which hears of it', async () => {
    await runCommand(onLaptop, 'Scratch: List Devices');
    await pickRow(onLaptop, 'laptop').filter({ hasText: 'this device' }).waitFor({ timeout: seenLimitMs });
    await pickRow(onLaptop, 'desktop').click();
    await answer(onLaptop, 'It can no longer sync', password);
    await notification(onLaptop, '“desktop” is revoked').waitFor({ timeout: seenLimitMs });
    await runCommand(onDesktop, 'Scratch: Sync Now');
    await notification(onDesktop, 'Sign in again').first().waitFor({ timeout: seenLimitMs });
    await itemRow(onDesktop, 'After the change').waitFor({ timeout: seenLimitMs });
    await itemRow(onDesktop, 'Sync needs you').waitFor({ timeout: seenLimitMs });
    await runCommand(onLaptop, 'Scratch: Focus on Activity View');
    const activity = pane(onLaptop, 'Activity');
    await activity.locator('.monaco-list-row', { hasText: 'Sync log' }).waitFor({ timeout: seenLimitMs });
    await activity.locator('.monaco-list').focus();
    await onLaptop.keyboard.press('End');
    await activity.locator('.monaco-list-row.focused', { hasText: 'Devices' }).waitFor();
    await onLaptop.keyboard.press('ArrowRight');
    const own = activity.locator('.monaco-list-row.focused', { hasText: 'this device' });
    await until(async () => {
      await onLaptop.keyboard.press('End'); // the row comes below the others, when the server has answered
      return own.isVisible();
    }, 'this device in the tree');
  });

  async function deleteNotes(): Promise<void> {
    const listed = await stage.terminal(laptop.home, ['list', '--json']);
    for (const { id, title } of listSchema.parse(parseJson(listed))) {
      if (notes.includes(title)) await stage.terminal(laptop.home, ['rm', id]);
    }
    await stage.terminal(laptop.home, ['sync']);
  }
});

const listSchema = z.array(z.object({ id: z.string(), title: z.string() }));

async function everythingSynced(page: Page): Promise<void> {
  await page.locator('.statusbar-item[aria-label*="everything is synced"]').waitFor({ timeout: seenLimitMs });
}
