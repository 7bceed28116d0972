import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { dayMs, systemClock } from '../../../src/base/time';
import type { ScratchItem, ScratchSyncApi } from '../../../src/extension/api/scratchSync';
import { extensionId } from '../../../src/extension/manifest';
import { globalStorageVariable } from '../testResult';
import { activated, closeAll, shownDocument, until } from './helpers';

describe('the commands', () => {
  let api: ScratchSyncApi;

  before(async () => {
    api = await activated();
  });

  afterEach(closeAll);

  const snapshotsFolder = path.join(process.env[globalStorageVariable] ?? '', extensionId, 'snapshots');
  const snapshots = () => (existsSync(snapshotsFolder) ? readdirSync(snapshotsFolder) : []);

  const run = (verb: string, ...args: readonly unknown[]) =>
    vscode.commands.executeCommand(`scratchSync.${verb}`, ...args);

  async function editorWith(text: string, language: string): Promise<vscode.TextEditor> {
    const document = await vscode.workspace.openTextDocument({ content: text, language });
    const editor = await vscode.window.showTextDocument(document);
    const end = document.lineAt(document.lineCount - 1).range.end;
    editor.selection = new vscode.Selection(new vscode.Position(0, 0), end);
    return editor;
  }

  async function shownItem(): Promise<ScratchItem> {
    const { uri } = await shownDocument(document => document.uri.scheme === 'scratch');
    return api.items.get(uri.authority);
  }

  it('make a note at once, in an editor', async () => {
    await run('newNote');
    const note = await shownItem();
    assert.equal(note.kind, 'note');
    assert.equal(note.body, '');
    assert.match(note.title, /^Note \d{4}-/);
  });

  it('make a note in the folder that they are called on', async () => {
    await run('newNote', { kind: 'note', folder: 'plans/2026' });
    assert.equal((await shownItem()).folder, 'plans/2026');
  });

  it('make a note from the selection, with its language and a title from it', async () => {
    await editorWith('def area(r):\n  return r * r\n', 'python');
    await run('newNoteFromSelection');
    const note = await shownItem();
    assert.deepEqual([note.title, note.language], ['def area(r):', 'python']);
    assert.equal(note.body, 'def area(r):\n  return r * r\n');
  });

  it('make a note from the clipboard', async () => {
    await vscode.env.clipboard.writeText('# Copied\ntext');
    await run('newNoteFromClipboard');
    assert.deepEqual([(await shownItem()).title, (await shownItem()).body], ['Copied', '# Copied\ntext']);
  });

  it('pin, unpin, duplicate, copy, delete and restore an item', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'Chores', body: 'sweep', tags: ['home'] });
    await run('pinItem', { itemId: id });
    assert.equal((await api.items.get(id)).pinned, true);
    await run('pinItem', { itemId: id });
    assert.equal((await api.items.get(id)).pinned, false);
    await run('duplicateItem', { itemId: id });
    const copy = await shownItem();
    assert.deepEqual([copy.title, copy.body, copy.tags], ['Chores (copy)', 'sweep', ['home']]);
    await run('copyItem', { itemId: id });
    assert.equal(await vscode.env.clipboard.readText(), 'sweep');
    await run('deleteItem', { itemId: id });
    assert.equal((await api.items.get(id)).deleted, true);
    await run('restoreItem', { itemId: id });
    assert.equal((await api.items.get(id)).deleted, false);
  });

  it('act on all items that are selected in the tree', async () => {
    const items = [];
    for (const title of ['A', 'B']) items.push(await api.items.create({ kind: 'note', title }));
    const rows = items.map(({ id }) => ({ itemId: id }));
    await run('deleteItem', rows[0], rows);
    for (const { id } of items) assert.equal((await api.items.get(id)).deleted, true);
  });

  it('offer to restore an item that is opened once it is deleted', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'Gone', body: 'x' });
    await api.items.delete(id);
    await run('openItem', id);
    assert.equal(vscode.window.activeTextEditor, undefined);
  });

  it('give back what was shown when a search is left, also when it was no text', async () => {
    const item = await api.items.create({ kind: 'note', title: 'Preview heron', body: 'stands still' });
    const sides: vscode.Uri[] = [];
    for (const content of ['a', 'b']) sides.push((await vscode.workspace.openTextDocument({ content })).uri);
    await run('newNote');
    const note = await shownItem();
    const activeTab = () => vscode.window.tabGroups.activeTabGroup.activeTab;
    const isDiff = () => activeTab()?.input instanceof vscode.TabInputTextDiff;
    const isItem = (id: string) => () => {
      const input = activeTab()?.input;
      return input instanceof vscode.TabInputText && input.uri.authority === id;
    };
    for (const [show, isShown] of [
      [() => vscode.commands.executeCommand('vscode.diff', ...sides, 'Two sides'), isDiff],
      [() => run('openItem', note.id, true), isItem(note.id)],
    ] as const) {
      await show();
      await until('what is shown first', isShown);
      if (!isDiff()) await shownDocument(({ uri }) => uri.authority === note.id);
      const search = run('search', 'heron');
      await until('the preview', isItem(item.id));
      await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
      await search;
      await until('what was shown', isShown);
    }
  });

  it('insert a snippet with its tab stops', async () => {
    const { id } = await api.items.create({
      kind: 'snippet',
      title: 'Loop',
      body: 'for (${1:i}) {\n\t$0\n}',
    });
    const editor = await editorWith('', 'javascript');
    await run('insertSnippet', { itemId: id });
    await until('the text of the snippet', () => /^for \(i\) \{/.test(editor.document.getText()));
  });

  it('take a snapshot', async () => {
    const before = snapshots();
    await run('takeSnapshot');
    const added = snapshots().filter(name => !before.includes(name));
    assert.match(added.join(' '), /^\S+\.command\.\d+\.db$/);
  });

  it('let the doctor remove what a process that died left behind', async () => {
    await mkdir(snapshotsFolder, { recursive: true });
    const leftover = path.join(snapshotsFolder, 'left-behind.part');
    await writeFile(leftover, '');
    const longAgo = new Date(systemClock.now() - 2 * dayMs);
    await utimes(leftover, longAgo, longAgo);
    const examined = run('runDoctor');
    await until('the end of what was left behind', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem'); // mend: the first row
      return !existsSync(leftover);
    });
    await examined;
  });
});
