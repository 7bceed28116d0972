import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { secondMs, systemClock, systemTimers } from '../../../src/base/time';
import type { ScratchItem, ScratchNewItem, ScratchSyncApi } from '../../../src/extension/api/scratchSync';
import { extensionId } from '../../../src/extension/manifest';

/** Below the limit of a test, so that a failure says what was not seen. */
const waitLimitMs = 20 * secondMs;
const pollMs = 20;

/** The extension under test, activated. */
export async function activated(): Promise<ScratchSyncApi> {
  const extension = vscode.extensions.getExtension<ScratchSyncApi>(extensionId);
  assert.ok(extension, 'the extension is installed');
  return extension.activate();
}

/** The browser saves by itself after a second; `off` leaves saving to the test. */
export async function setAutoSave(value: 'off' | 'afterDelay'): Promise<void> {
  const files = vscode.workspace.getConfiguration('files');
  await files.update('autoSave', value, vscode.ConfigurationTarget.Global);
}

/** Asks until the answer is not undefined, false or an empty list; fails with `what` after a bounded time. */
export async function until<T>(what: string, ask: () => T | Thenable<T>): Promise<NonNullable<T>> {
  const startedMs = systemClock.monotonic();
  for (;;) {
    const answer = await ask();
    const isEmpty = answer === undefined || answer === null || answer === false;
    if (!isEmpty && !(Array.isArray(answer) && answer.length === 0)) return answer;
    assert.ok(systemClock.monotonic() - startedMs < waitLimitMs, `${what} was not seen`);
    await systemTimers.sleep(pollMs);
  }
}

/** A new note in an editor. */
export async function openNote(
  api: ScratchSyncApi,
  fields: Partial<ScratchNewItem>,
): Promise<{ readonly item: ScratchItem; readonly document: vscode.TextDocument }> {
  const item = await api.items.create({ kind: 'note', title: 'A note', ...fields });
  return { item, document: await openItem(item.id) };
}

export async function openItem(id: string): Promise<vscode.TextDocument> {
  await vscode.commands.executeCommand('scratchSync.openItem', id, true);
  return shownDocument(({ uri }) => uri.authority === id);
}

/** The document of the active editor once it is `isIt`: the editor tells of a switch after it was made. */
export async function shownDocument(
  isIt: (document: vscode.TextDocument) => boolean,
): Promise<vscode.TextDocument> {
  return until('the document in the active editor', () => {
    const document = vscode.window.activeTextEditor?.document;
    return document && isIt(document) ? document : undefined;
  });
}

/** Replaces the whole text, as a person's typing would: the document has unsaved text after it. */
export async function type(document: vscode.TextDocument, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  const end = document.lineAt(document.lineCount - 1).range.end;
  edit.replace(document.uri, new vscode.Range(new vscode.Position(0, 0), end), text);
  assert.ok(await vscode.workspace.applyEdit(edit));
}

export async function shows(document: vscode.TextDocument, text: string): Promise<void> {
  await until(`the document showing ${JSON.stringify(text)}`, () => document.getText() === text).catch(() =>
    assert.equal(document.getText(), text),
  );
}

export async function bodyBecomes(api: ScratchSyncApi, id: string, body: string): Promise<void> {
  await until('the body', async () => (await api.items.get(id)).body === body).catch(async () =>
    assert.equal((await api.items.get(id)).body, body),
  );
}

export async function closeAll(): Promise<void> {
  for (const document of vscode.workspace.textDocuments) {
    if (document.isDirty) {
      await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand('workbench.action.files.revert');
    }
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  await until('no editor', () => vscode.window.activeTextEditor === undefined);
}
