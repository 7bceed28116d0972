import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { newProfile, openWorkbench, reloadWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import { dialog, notification, pressButton, runCommand, statusBarItem } from '../workbenchPage';
import { login, type Machine, password, Stage } from './devicePair';
import {
  answer,
  itemRow,
  openItem,
  retype,
  save,
  seenLimitMs,
  showItems,
  untilShown,
  untilText,
} from './scratchPage';

describe('a note on two machines, by hand', function () {
  this.timeout(180_000);
  let stage: Stage;
  let laptop: Machine;
  let desktop: Machine;
  let onLaptop: Page;
  let onDesktop: Page;

  before(async function () {
    this.timeout(20 * 60_000); // the first run installs the host
    stage = await Stage.set();
    laptop = await stage.addMachine('laptop', 'none');
    desktop = await stage.addMachine('desktop', 'none');
    onLaptop = await openWorkbench(await newProfile(stage.browser), laptop.workbench);
    onDesktop = await openWorkbench(await newProfile(stage.browser), desktop.workbench);
  });

  after(async () => stage?.strike());
  afterEach(picturesOfFailure(() => [onLaptop, onDesktop]));

  it('writes a note before there is any account', async () => {
    await runCommand(onLaptop, 'Scratch: New Note');
    await untilShown(onLaptop, 'Note 2');
    await untilText(onLaptop, text => text === '', 'an empty note');
    await retype(onLaptop, 'The heron\nstands still.');
    await save(onLaptop);
    await showItems(onLaptop);
    await itemRow(onLaptop, 'Sign in to sync').waitFor({ timeout: seenLimitMs });
    await itemRow(onLaptop, 'Note 2').waitFor({ timeout: seenLimitMs });
  });

  it('creates an account, and shows the recovery phrase once', async () => {
    await runCommand(onLaptop, 'Scratch: Create an Account');
    await answer(onLaptop, 'address of your sync server', stage.serverUrl);
    await answer(onLaptop, 'login name', login);
    await answer(onLaptop, 'invite code', '');
    await answer(onLaptop, 'password that you use nowhere else', password);
    await answer(onLaptop, 'same once more', password);
    await answer(onLaptop, 'device called', 'laptop');
    const phrase = dialog(onLaptop, 'Write down your recovery phrase').filter({
      hasText: /1 [a-z]+ .*24 [a-z]+/,
    });
    await phrase.waitFor({ timeout: seenLimitMs });
    await pressButton(phrase, 'Copy');
    await statusBarItem(onLaptop, 'Scratch').waitFor({ timeout: seenLimitMs });
    await itemRow(onLaptop, 'Sign in to sync').waitFor({ state: 'detached', timeout: seenLimitMs });
  });

  it('says that a wrong password is not accepted, and takes the right one then', async () => {
    await runCommand(onDesktop, 'Scratch: Sign In');
    await answer(onDesktop, 'address of your sync server', stage.serverUrl);
    await answer(onDesktop, 'login name', login);
    await answer(onDesktop, 'device called', 'desktop');
    await answer(onDesktop, 'Your password', 'not this one');
    await answer(onDesktop, 'The login or the password is wrong', password);
    await showItems(onDesktop);
    await itemRow(onDesktop, 'Note 2').waitFor({ timeout: seenLimitMs });
  });

  it('reads on the other machine what was written on the first', async () => {
    await openItem(onDesktop, 'Note 2');
    await untilText(onDesktop, text => text === 'The heron\nstands still.', 'the note');
  });

  it('sees an edit travel', async () => {
    const startedMs = performance.now();
    await retype(onLaptop, 'The heron\nflies away.');
    await save(onLaptop);
    await untilText(onDesktop, text => text === 'The heron\nflies away.', 'the edit');
    console.log(`      the edit was seen after ${Math.round(performance.now() - startedMs)} ms`);
  });

  it('is still signed in after a reload', async () => {
    await reloadWorkbench(onDesktop);
    await statusBarItem(onDesktop, 'Scratch').waitFor();
    await onDesktop
      .locator('.statusbar-item[aria-label*="everything is synced"]')
      .waitFor({ timeout: seenLimitMs });
    await showItems(onDesktop); // a browser may leave before the editor has stored which tabs there were
    await openItem(onDesktop, 'Note 2');
    await untilText(onDesktop, text => text === 'The heron\nflies away.', 'the note');
  });

  it('left no word of it on the server', async () => {
    const folder = path.join(path.dirname(laptop.workbench.dataDir), 'server');
    for (const name of await readdir(folder)) {
      const content = await readFile(path.join(folder, name)).catch(() => Buffer.alloc(0));
      for (const word of ['heron', 'stands', 'flies', 'away'])
        assert.ok(!content.includes(word), `${word} in ${name}`);
    }
    assert.doesNotMatch(stage.serverLog(), /heron|correct horse/);
  });

  it('signs out after asking, and keeps the items', async () => {
    await runCommand(onDesktop, 'Scratch: Sign Out…');
    const question = dialog(onDesktop, 'Sign out on this device?');
    await pressButton(question, 'Sign Out');
    await showItems(onDesktop);
    await itemRow(onDesktop, 'Sign in to sync').waitFor({ timeout: seenLimitMs });
    await itemRow(onDesktop, 'Note 2').waitFor({ timeout: seenLimitMs });
    assert.equal(await notification(onDesktop, 'went wrong').count(), 0);
  });
});
