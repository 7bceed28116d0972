import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ScratchChange, ScratchItem, ScratchSyncApi } from '../../../src/extension/api/scratchSync';
import { activated, until } from './helpers';

describe('the API for other extensions', () => {
  let api: ScratchSyncApi;

  before(async () => {
    api = await activated();
  });

  it('creates, finds, changes and deletes items', async () => {
    const created = await api.items.create({
      ...{ kind: 'snippet', title: 'Log a zebra', body: 'console.log($1)', prefixes: ['zlog'] },
    });
    assert.deepEqual(await api.items.get(created.id), created);
    assert.ok((await api.items.list({ kind: 'snippet' })).some(({ id }) => id === created.id));
    await until('the item in the search', async () => (await api.items.search('zebra')).length === 1);
    const changed = await api.items.update(created.id, { folder: 'logging' });
    assert.equal(changed.folder, 'logging');
    assert.equal((await api.items.delete(created.id)).deleted, true);
    assert.ok(!(await api.items.list()).some(({ id }) => id === created.id));
    assert.ok((await api.items.list({ deleted: true })).some(({ id }) => id === created.id));
  });

  it('tells of changes', async () => {
    const heard: ScratchChange[] = [];
    const subscription = api.onDidChange(change => heard.push(change));
    const { id } = await api.items.create({ kind: 'note', title: 'Heard' });
    await until('the change', () => heard.some(({ itemIds }) => itemIds?.includes(id)));
    subscription.dispose();
  });

  it('is there as commands that take and give JSON', async () => {
    const run = (command: string, value?: unknown) =>
      vscode.commands.executeCommand<ScratchItem>(`scratchSync.api.${command}`, value);
    const { id } = await run('createItem', { kind: 'note', title: 'By command', body: 'one' });
    assert.equal((await run('updateItem', { id, fields: { body: 'two' } })).body, 'two');
    assert.equal((await run('getItem', { id })).body, 'two');
    assert.deepEqual(await run('listConflicts'), []);
    assert.equal((await run('deleteItem', { id })).deleted, true);
  });

  it('refuses what is not of its types, in words', async () => {
    const bad = vscode.commands.executeCommand('scratchSync.api.createItem', { kind: 'note', title: 7 });
    await assert.rejects(async () => bad, /title/);
    await assert.rejects(api.items.get('no such id'), { name: 'ScratchSyncError', code: 'unknownItem' });
    await assert.rejects(api.sync(), { code: 'notSignedIn' });
  });

  it('tells nothing of sensitive items, and makes none', async () => {
    const { id } = await api.items.create({ kind: 'note', title: 'Hidden heron', body: 'secret' });
    await vscode.commands.executeCommand('scratchSync.toggleSensitive', id);
    await assert.rejects(api.items.get(id), { code: 'unknownItem' });
    await assert.rejects(api.items.update(id, { body: 'x' }), { code: 'unknownItem' });
    await assert.rejects(api.items.delete(id), { code: 'unknownItem' });
    assert.ok(!(await api.items.list()).some(item => item.id === id));
    assert.deepEqual(await api.items.search('heron'), []);
    const sensitive = { kind: 'note', title: 'x', sensitive: true };
    await assert.rejects(async () => vscode.commands.executeCommand('scratchSync.api.createItem', sensitive));
  });
});
