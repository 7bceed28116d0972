import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { commandIds, internalCommandIds } from '../../../src/extension/manifest';
import { activated } from './helpers';

describe('the extension in its host', () => {
  it('activates and answers its API', async () => {
    const api = await activated();
    assert.equal(api.apiVersion, 1);
  });

  it('has every command of its manifest, and those for other programs', async () => {
    await activated();
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = [...commandIds, ...internalCommandIds].filter(id => !registered.has(id));
    assert.deepEqual(missing, []);
  });
});
