import assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('the test host', () => {
  const hello = vscode.extensions.getExtension('fixtures.hello-extension');

  it('activates an extension under development, in test mode', async () => {
    assert.ok(hello);
    assert.deepEqual(await hello.activate(), { mode: vscode.ExtensionMode.Test, storage: 'file' });
    assert.ok(hello.isActive);
  });

  it('registers its commands', async () => {
    assert.ok((await vscode.commands.getCommands(true)).includes('hello.sayHello'));
  });
});
