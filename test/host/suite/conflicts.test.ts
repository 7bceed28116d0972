import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ScratchConflict, ScratchSyncApi } from '../../../src/extension/api/scratchSync';
import {
  activated,
  bodyBecomes,
  closeAll,
  openNote,
  setAutoSave,
  shownDocument,
  shows,
  type,
  until,
} from './helpers';

describe('the review of a conflict', () => {
  let api: ScratchSyncApi;

  before(async () => {
    api = await activated();
    await setAutoSave('off');
  });

  after(() => setAutoSave('afterDelay'));

  beforeEach(closeAll);

  afterEach(async () => {
    for (const { id } of await api.conflicts.list()) await api.conflicts.resolve(id, { keep: 'local' });
    await closeAll();
  });

  /** One line changed in the editor and, before it was saved, elsewhere. */
  async function conflictOf(title: string, closes = true): Promise<ScratchConflict> {
    const { item, document } = await openNote(api, { title, body: 'first\nsame line\nlast\n' });
    await type(document, 'first\nmine\nlast\n');
    await api.items.update(item.id, { body: 'first\ntheirs\nlast\n' });
    assert.ok(await document.save());
    const conflict = await until('the conflict', async () =>
      (await api.conflicts.list()).find(({ itemId }) => itemId === item.id),
    );
    if (closes) await closeAll();
    return conflict;
  }

  function shownDiff(): Promise<vscode.TabInputTextDiff> {
    return until('the diff', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputTextDiff ? input : undefined;
    });
  }

  function shownMerge(): Promise<vscode.TextDocument> {
    return shownDocument(({ uri }) => uri.scheme === 'scratch-conflict');
  }

  it('finds both sides recorded when one line was changed twice', async () => {
    const conflict = await conflictOf('Sides');
    assert.equal(conflict.base?.body, 'first\nsame line\nlast\n');
    const bodies = [conflict.local.body, conflict.remote.body].sort();
    assert.deepEqual(bodies, ['first\nmine\nlast\n', 'first\ntheirs\nlast\n']);
    assert.equal(conflict.state, 'open');
  });

  it('compares both sides in the diff editor, where they cannot be changed', async () => {
    const conflict = await conflictOf('Compared');
    await vscode.commands.executeCommand('scratchSync.compareConflict', { conflictId: conflict.id });
    const input = await shownDiff();
    const texts = await Promise.all(
      [input.original, input.modified].map(async uri =>
        (await vscode.workspace.openTextDocument(uri)).getText(),
      ),
    );
    assert.deepEqual(texts, [conflict.local.body, conflict.remote.body]);
    const { permissions } = await vscode.workspace.fs.stat(input.modified);
    assert.equal(permissions, vscode.FilePermission.Readonly);
    assert.equal(vscode.workspace.fs.isWritableFileSystem('scratch-conflict'), true);
    await assert.rejects(async () => vscode.workspace.fs.writeFile(input.modified, Buffer.from('x')));
  });

  for (const [command, side] of [
    ['keepLocal', 'local'],
    ['keepRemote', 'remote'],
  ] as const) {
    it(`keeps the ${side} side from the diff editor and closes it`, async () => {
      const conflict = await conflictOf(`Kept ${side}`);
      await vscode.commands.executeCommand('scratchSync.compareConflict', { conflictId: conflict.id });
      await shownDiff();
      await vscode.commands.executeCommand(`scratchSync.${command}`);
      await bodyBecomes(api, conflict.itemId, conflict[side].body);
      assert.deepEqual(await api.conflicts.list(), []);
      await until('the diff editor closed', () =>
        vscode.window.tabGroups.all.every(({ tabs }) => tabs.length === 0),
      );
    });
  }

  it('closes the diff editor of a conflict that is resolved elsewhere', async () => {
    const conflict = await conflictOf('Resolved elsewhere');
    const other = await conflictOf('Still open');
    for (const { id } of [conflict, other]) {
      await vscode.commands.executeCommand('scratchSync.compareConflict', { conflictId: id });
      await until('the diff', async () => (await shownDiff()).modified.authority === id);
      await vscode.commands.executeCommand('workbench.action.keepEditor');
    }
    await api.conflicts.resolve(conflict.id, { keep: 'local' });
    const shown = () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .map(({ input }) => (input instanceof vscode.TabInputTextDiff ? input.modified.authority : ''));
    await until('one diff editor', () => shown().length === 1);
    assert.deepEqual(shown(), [other.id]);
  });

  it('keeps a merge with unsaved text when its conflict is resolved elsewhere', async () => {
    const conflict = await conflictOf('Typed meanwhile');
    await vscode.commands.executeCommand('scratchSync.editMerge', { conflictId: conflict.id });
    const document = await shownMerge();
    await type(document, 'mine and theirs\n');
    const other = await conflictOf('Clean meanwhile', false);
    await vscode.commands.executeCommand('scratchSync.compareConflict', { conflictId: other.id });
    await shownDiff();
    await api.conflicts.resolve(conflict.id, { keep: 'local' });
    await api.conflicts.resolve(other.id, { keep: 'local' });
    await until('the clean one closed', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .every(({ input }) => !(input instanceof vscode.TabInputTextDiff)),
    );
    assert.ok(document.isDirty && !document.isClosed);
    assert.equal(document.getText(), 'mine and theirs\n');
  });

  it('keeps both sides', async () => {
    const conflict = await conflictOf('Kept both');
    await vscode.commands.executeCommand('scratchSync.keepBoth', { conflictId: conflict.id });
    assert.deepEqual(await api.conflicts.list(), []);
    const items = await Promise.all(
      (await api.items.list({ kind: 'note' })).map(({ id }) => api.items.get(id)),
    );
    const text = items
      .filter(({ title }) => title.startsWith('Kept both'))
      .map(({ body }) => body)
      .join('');
    assert.match(text, /mine/);
    assert.match(text, /theirs/);
  });

  it('lets the merge be edited, refuses it while a place is unsettled, and accepts it then', async () => {
    const conflict = await conflictOf('Merged');
    await vscode.commands.executeCommand('scratchSync.editMerge', { conflictId: conflict.id });
    const document = await shownMerge();
    assert.match(document.getText(), /^<{7} /m);

    await vscode.commands.executeCommand('scratchSync.acceptMerge');
    assert.equal((await api.conflicts.list()).length, 1);

    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      document.uri,
      10,
    );
    assert.deepEqual(
      lenses.map(({ command }) => command?.title),
      ['Accept Local', 'Accept Remote', 'Accept Both'],
    );
    const both = lenses[2]?.command;
    assert.ok(both);
    await vscode.commands.executeCommand(both.command, ...(both.arguments ?? []));
    await until('no marker', () => !/^[<=>|]{7}/m.test(document.getText()));
    assert.deepEqual([...new Set(document.getText().split('\n'))].sort(), [
      '',
      'first',
      'last',
      'mine',
      'theirs',
    ]);

    await type(document, 'first\nmine and theirs\nlast\n');
    await vscode.commands.executeCommand('scratchSync.acceptMerge');
    await bodyBecomes(api, conflict.itemId, 'first\nmine and theirs\nlast\n');
    assert.deepEqual(await api.conflicts.list(), []);
    await until('the merge closed', () => vscode.window.tabGroups.all.every(({ tabs }) => tabs.length === 0));
  });

  it('keeps a merge that was saved and not accepted', async () => {
    const conflict = await conflictOf('Draft');
    await vscode.commands.executeCommand('scratchSync.editMerge', { conflictId: conflict.id });
    const document = await shownMerge();
    await type(document, 'half done\n');
    assert.ok(await document.save());
    assert.equal((await api.conflicts.list()).length, 1);
    await closeAll();
    await vscode.commands.executeCommand('scratchSync.editMerge', { conflictId: conflict.id });
    await shows(await shownMerge(), 'half done\n');
  });

  it('takes a resolution back', async () => {
    const conflict = await conflictOf('Undone');
    const before = (await api.items.get(conflict.itemId)).body;
    const other = conflict.local.body === before ? 'keepRemote' : 'keepLocal';
    await vscode.commands.executeCommand(`scratchSync.${other}`, { conflictId: conflict.id });
    assert.notEqual((await api.items.get(conflict.itemId)).body, before);
    await vscode.commands.executeCommand('scratchSync.undoResolution', { conflictId: conflict.id });
    await bodyBecomes(api, conflict.itemId, before);
    assert.equal((await api.conflicts.list()).length, 1);
  });

  it('does not stop the document from being edited and saved', async () => {
    const conflict = await conflictOf('Goes on');
    const { body } = await api.items.get(conflict.itemId);
    await vscode.commands.executeCommand('scratchSync.openItem', conflict.itemId, true);
    const document = await shownDocument(({ uri }) => uri.authority === conflict.itemId);
    await type(document, `${body}more\n`);
    assert.ok(await document.save());
    await shows(document, `${body}more\n`);
    assert.equal((await api.conflicts.list()).length, 1);
  });
});
