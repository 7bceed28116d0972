import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { secondMs, systemTimers } from '../../../src/base/time';
import type { ScratchSyncApi } from '../../../src/extension/api/scratchSync';
import {
  activated,
  bodyBecomes,
  closeAll,
  openItem,
  openNote,
  setAutoSave,
  shows,
  type,
  until,
} from './helpers';

/** Longer than the editor takes to read a file again after it was told of a change. */
const settleMs = secondMs;

function tabPaths(): readonly string[] {
  const tabs = vscode.window.tabGroups.all.flatMap(group => group.tabs);
  return tabs.map(({ input }) => (input instanceof vscode.TabInputText ? input.uri.path : 'another tab'));
}

describe('items as documents', () => {
  let api: ScratchSyncApi;

  before(async () => {
    api = await activated();
    await setAutoSave('off');
  });

  after(() => setAutoSave('afterDelay'));

  afterEach(closeAll);

  it('open by the command, in their language, at an address with their title', async () => {
    const { document } = await openNote(api, { title: 'Milk & eggs', folder: 'home', body: '# Milk\n' });
    assert.equal(document.getText(), '# Milk\n');
    assert.equal(document.languageId, 'markdown');
    assert.equal(document.uri.path, '/notes/home/Milk & eggs.md');
    assert.equal(document.encoding, 'utf8');
  });

  it('open in a language that no file extension tells', async () => {
    const { document } = await openNote(api, { language: 'git-commit', body: 'feat: x' });
    assert.equal(document.languageId, 'git-commit');
  });

  it('are stored by a save, exactly and with LF line ends', async () => {
    const { item, document } = await openNote(api, { body: 'one\n' });
    await vscode.window.activeTextEditor?.edit(edit => edit.setEndOfLine(vscode.EndOfLine.CRLF));
    await type(document, 'größer\r\n\r\ntwo');
    assert.ok(await document.save());
    assert.equal((await api.items.get(item.id)).body, 'größer\n\ntwo');
    assert.equal(document.isDirty, false);
  });

  it('show a change from elsewhere by themselves', async () => {
    const { item, document } = await openNote(api, { body: 'one' });
    await api.items.update(item.id, { body: 'two' });
    await shows(document, 'two');
    assert.equal(document.isDirty, false);
  });

  it('show each of several changes of one length, one after another', async () => {
    const { item, document } = await openNote(api, { body: '0' });
    for (const body of ['1', '2', '3', '4', '5']) {
      await api.items.update(item.id, { body });
      await shows(document, body);
    }
  });

  it('show the last of several changes of one length in quick succession', async () => {
    const { item, document } = await openNote(api, { body: '0' });
    for (const body of ['1', '2', '3', '4', '5']) await api.items.update(item.id, { body });
    await shows(document, '5');
  });

  it('keep unsaved text when a change of the same length arrives, and merge both at the save', async () => {
    const { item, document } = await openNote(api, { body: 'aaa\nbbb\nccc\n' });
    await type(document, 'AAA\nbbb\nccc\n');
    await api.items.update(item.id, { body: 'aaa\nbbb\nCCC\n' });
    await systemTimers.sleep(settleMs);
    assert.equal(document.getText(), 'AAA\nbbb\nccc\n');
    assert.ok(await document.save());
    await shows(document, 'AAA\nbbb\nCCC\n');
    assert.equal(document.isDirty, false);
    await bodyBecomes(api, item.id, 'AAA\nbbb\nCCC\n');
  });

  it('keep unsaved text when a change of another length arrives, and merge both at the save', async () => {
    const { item, document } = await openNote(api, { body: 'aaa\nbbb\nccc\n' });
    await type(document, 'AAA and more\nbbb\nccc\n');
    await api.items.update(item.id, { body: 'aaa\nbbb\nccc\nddd\n' });
    await systemTimers.sleep(settleMs);
    assert.ok(await document.save());
    await shows(document, 'AAA and more\nbbb\nccc\nddd\n');
    await bodyBecomes(api, item.id, 'AAA and more\nbbb\nccc\nddd\n');
  });

  it('merge two changes that arrive between two keystrokes', async () => {
    const { item, document } = await openNote(api, { body: 'aaa\nbbb\nccc\nddd\n' });
    await type(document, 'AAA\nbbb\nccc\nddd\n');
    await Promise.all([
      api.items.update(item.id, { body: 'aaa\nbbb\nCCC\nddd\n' }),
      api.items.update(item.id, { body: 'aaa\nbbb\nCCC\nDDD\n' }),
    ]);
    await type(document, 'AAAA\nbbb\nccc\nddd\n');
    assert.ok(await document.save());
    await shows(document, 'AAAA\nbbb\nCCC\nDDD\n');
  });

  it('are saved by the editor itself, with changes from elsewhere merged', async () => {
    const { item, document } = await openNote(api, { body: 'aaa\nbbb\nccc\n' });
    await setAutoSave('afterDelay');
    await type(document, 'AAA\nbbb\nccc\n');
    await api.items.update(item.id, { body: 'aaa\nbbb\nCCC\n' });
    await shows(document, 'AAA\nbbb\nCCC\n');
    await bodyBecomes(api, item.id, 'AAA\nbbb\nCCC\n');
    await setAutoSave('off');
  });

  it('can be undone over a merge', async () => {
    const { item, document } = await openNote(api, { body: 'aaa\nbbb\nccc\n' });
    await type(document, 'AAA\nbbb\nccc\n');
    await api.items.update(item.id, { body: 'aaa\nbbb\nCCC\n' });
    assert.ok(await document.save());
    await shows(document, 'AAA\nbbb\nCCC\n');
    await vscode.commands.executeCommand('undo');
    await shows(document, 'AAA\nbbb\nccc\n');
  });

  it('save a long run of quick edits and changes from elsewhere with nothing lost', async () => {
    const { item, document } = await openNote(api, { body: 'mine 0\n\n\n\ntheirs 0\n' });
    for (let round = 1; round <= 8; round++) {
      const changeElsewhere = async () => {
        const { body } = await api.items.get(item.id);
        await api.items.update(item.id, { body: body.replace(/theirs \d+/, `theirs ${round}`) });
      };
      await type(document, document.getText().replace(/mine \d+/, `mine ${round}`));
      if (round % 2 === 0) await changeElsewhere();
      assert.ok(await document.save());
      if (round % 2 === 1) await changeElsewhere();
      await shows(document, `mine ${round}\n\n\n\ntheirs ${round}\n`);
    }
    await bodyBecomes(api, item.id, 'mine 8\n\n\n\ntheirs 8\n');
    assert.deepEqual(await api.conflicts.list(), []);
  });

  it('follow their title when they are clean', async () => {
    const { item, document } = await openNote(api, { title: 'Before', body: 'text' });
    await api.items.update(item.id, { title: 'After', folder: 'moved' });
    const moved = await until('the tab at the new address', () =>
      vscode.workspace.textDocuments.find(({ uri }) => uri.path === '/notes/moved/After.md'),
    );
    assert.equal(moved.getText(), 'text');
    await until('the one tab', () => tabPaths().join() === '/notes/moved/After.md');
    assert.notEqual(moved, document);
  });

  it('follow their title only after the save when they have unsaved text', async () => {
    const { item, document } = await openNote(api, { title: 'Typing', body: 'text' });
    await type(document, 'typed');
    await api.items.update(item.id, { title: 'Typed' });
    await systemTimers.sleep(settleMs);
    assert.equal(document.uri.path, '/notes/Typing.md');
    assert.equal(document.getText(), 'typed');
    assert.ok(await document.save());
    const moved = await until('the tab at the new address', () =>
      vscode.workspace.textDocuments.find(({ uri }) => uri.path === '/notes/Typed.md'),
    );
    assert.equal(moved.getText(), 'typed');
    assert.equal((await api.items.get(item.id)).title, 'Typed');
  });

  it('save into their item from an old address', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'New name', body: 'one' });
    const old = vscode.Uri.parse(`scratch://${id}/notes/Old name.md`);
    await vscode.workspace.fs.writeFile(old, Buffer.from('two'));
    assert.equal((await api.items.get(id)).body, 'two');
    assert.equal((await api.items.list()).filter(({ title }) => title === 'Old name').length, 0);
  });

  it('show what a program wrote to their address, and build on it', async () => {
    const { item, document } = await openNote(api, { body: 'one\n' });
    await vscode.workspace.fs.writeFile(document.uri, Buffer.from('one\nof a program\n'));
    await shows(document, 'one\nof a program\n');
    await type(document, 'one\nof a program\nof a person\n');
    assert.ok(await document.save());
    assert.equal((await api.items.get(item.id)).body, 'one\nof a program\nof a person\n');
  });

  it('are what the item is again when they were closed without saving', async () => {
    const { item, document } = await openNote(api, { body: 'one' });
    await type(document, 'two');
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await until('no tab', () => tabPaths().length === 0);
    await until('no unsaved text', () => !document.isDirty);
    await api.items.update(item.id, { body: 'three' });
    await shows(await openItem(item.id), 'three');
  });

  it('keep what was typed into an item that was deleted meanwhile', async () => {
    const { item, document } = await openNote(api, { title: 'Doomed', body: 'one\n' });
    await type(document, 'one\nand more\n');
    await api.items.delete(item.id);
    await systemTimers.sleep(settleMs);
    assert.ok(await document.save());
    const isKept = async () => {
      const { deleted, body } = await api.items.get(item.id);
      const conflicts = await api.conflicts.list({ all: true });
      const bodies = conflicts.flatMap(({ local, remote }) => [local.body, remote.body]);
      return (!deleted && body === 'one\nand more\n') || bodies.includes('one\nand more\n');
    };
    await until('the typed text, in the item or in a conflict', isKept);
    assert.equal((await api.items.list()).filter(({ title }) => title === 'Doomed').length <= 1, true);
    for (const { id } of await api.conflicts.list()) await api.conflicts.resolve(id, { keep: 'local' });
  });

  it('are not there once their item is deleted, and come back with it', async () => {
    const { item, document } = await openNote(api, { title: 'Gone', body: 'one' });
    await closeAll();
    await api.items.delete(item.id);
    await assert.rejects(async () => vscode.workspace.fs.stat(document.uri), { code: 'FileNotFound' });
    await vscode.commands.executeCommand('scratchSync.restoreItem', item.id);
    assert.equal((await openItem(item.id)).getText(), 'one');
  });

  it('refuse bytes that are not UTF-8, in words', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'Bytes', body: 'sound' });
    const uri = vscode.Uri.parse(`scratch://${id}/notes/Bytes.md`);
    const write = async () => vscode.workspace.fs.writeFile(uri, new Uint8Array([0xff, 0xfe, 0x41, 0x00]));
    await assert.rejects(write, /UTF-8/);
    assert.equal((await api.items.get(id)).body, 'sound');
  });

  it('cannot be renamed or deleted as files, which would bypass the item', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'Fixed', body: 'x' });
    const uri = vscode.Uri.parse(`scratch://${id}/notes/Fixed.md`);
    await assert.rejects(async () => vscode.workspace.fs.delete(uri), /Delete Item/);
    const elsewhere = uri.with({ authority: 'other' });
    await assert.rejects(async () => vscode.workspace.fs.rename(uri, elsewhere));
    assert.equal((await api.items.get(id)).deleted, false);
  });

  it('list the way to themselves', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'Deep', folder: 'a/b', body: 'x' });
    const root = vscode.Uri.parse(`scratch://${id}/`);
    assert.deepEqual(await vscode.workspace.fs.readDirectory(root), [['notes', vscode.FileType.Directory]]);
    const folder = vscode.Uri.joinPath(root, 'notes/a/b');
    assert.deepEqual(await vscode.workspace.fs.readDirectory(folder), [['Deep.md', vscode.FileType.File]]);
    assert.equal((await vscode.workspace.fs.stat(folder)).type, vscode.FileType.Directory);
  });

  it('show no title of a sensitive item, and are saved by themselves', async () => {
    const { item, document } = await openNote(api, { title: 'Hidden otter', body: 'one' });
    await vscode.commands.executeCommand('scratchSync.toggleSensitive', item.id);
    const hidden = await until('the opaque address', () =>
      vscode.workspace.textDocuments.find(({ uri }) => /^\/notes\/Sensitive/.test(uri.path)),
    );
    assert.notEqual(hidden, document);
    await until('the one tab', () => tabPaths().join() === hidden.uri.path);
    await type(hidden, 'two');
    await until('the save', () => !hidden.isDirty);
    assert.equal(hidden.getText(), 'two');
  });

  it('show no title of a sensitive item beside an older version either', async () => {
    const { item } = await openNote(api, { title: 'Hidden badger', body: 'one' });
    await api.items.update(item.id, { body: 'two' });
    await vscode.commands.executeCommand('scratchSync.toggleSensitive', item.id);
    const history = vscode.commands.executeCommand('scratchSync.showHistory', item.id);
    const diff = await until('the diff', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      const tabs = vscode.window.tabGroups.all.flatMap(group => group.tabs);
      return tabs.find(({ input }) => input instanceof vscode.TabInputTextDiff);
    });
    await history;
    assert.ok(diff.input instanceof vscode.TabInputTextDiff);
    assert.match(diff.label, /^Sensitive /);
    assert.match(diff.input.original.path, /Sensitive /);
  });
});
