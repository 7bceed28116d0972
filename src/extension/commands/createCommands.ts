import { env, l10n, type TextEditor, window } from 'vscode';
import type { Clock } from '../../base/time';
import type { Device } from '../../device/device';
import type { NewItemJson } from '../../device/json';
import type { ItemEditors } from '../documents/itemEditors';
import type { Messages } from '../host/messages';
import type { Command } from './command';
import { prefixesOf, snippetFromCode } from './snippetText';
import { titleFromText, titleFromTime } from './titles';

export interface CreateParts {
  readonly device: Device;
  readonly editors: ItemEditors;
  readonly messages: Messages;
  readonly clock: Clock;
  /** The language of a note that comes from nowhere in particular. */
  readonly defaultLanguage: () => string;
}

export function createCommands(parts: CreateParts): readonly Command[] {
  return [
    new NewNote(parts),
    new NewNoteFromSelection(parts),
    new NewNoteFromClipboard(parts),
    new NewSnippet(parts),
    new NewSnippetFromSelection(parts),
    new NewConfig(parts),
  ];
}

/** A note at once, with no question asked. */
class NewNote implements Command {
  readonly id = 'scratchSync.newNote';
  constructor(private readonly parts: CreateParts) {}

  async run(where?: unknown): Promise<void> {
    const { clock, defaultLanguage } = this.parts;
    const title = titleFromTime(clock.now());
    await create(this.parts, { kind: 'note', title, language: defaultLanguage(), folder: folderOf(where) });
  }
}

class NewNoteFromSelection implements Command {
  readonly id = 'scratchSync.newNoteFromSelection';
  constructor(private readonly parts: CreateParts) {}

  async run(): Promise<void> {
    const { clock, messages } = this.parts;
    const editor = window.activeTextEditor;
    const body = editor ? selectedText(editor) : '';
    if (!editor || body === '') return messages.inform(l10n.t('Select some text first.'));
    const title = titleFromText(body) ?? titleFromTime(clock.now());
    await create(this.parts, { kind: 'note', title, body, language: editor.document.languageId });
  }
}

class NewNoteFromClipboard implements Command {
  readonly id = 'scratchSync.newNoteFromClipboard';
  constructor(private readonly parts: CreateParts) {}

  async run(): Promise<void> {
    const { clock, messages, defaultLanguage } = this.parts;
    const body = await env.clipboard.readText();
    if (body === '') return messages.inform(l10n.t('The clipboard holds no text.'));
    const title = titleFromText(body) ?? titleFromTime(clock.now());
    await create(this.parts, { kind: 'note', title, body, language: defaultLanguage() });
  }
}

class NewSnippet implements Command {
  readonly id = 'scratchSync.newSnippet';
  constructor(private readonly parts: CreateParts) {}

  async run(where?: unknown): Promise<void> {
    const language = window.activeTextEditor?.document.languageId;
    await createSnippet(this.parts, '', language, folderOf(where));
  }
}

class NewSnippetFromSelection implements Command {
  readonly id = 'scratchSync.newSnippetFromSelection';
  constructor(private readonly parts: CreateParts) {}

  async run(): Promise<void> {
    const editor = window.activeTextEditor;
    const code = editor ? selectedText(editor) : '';
    if (!editor || code === '') return this.parts.messages.inform(l10n.t('Select some code first.'));
    await createSnippet(this.parts, snippetFromCode(code), editor.document.languageId, '');
  }
}

class NewConfig implements Command {
  readonly id = 'scratchSync.newConfig';
  constructor(private readonly parts: CreateParts) {}

  async run(where?: unknown): Promise<void> {
    const title = await window.showInputBox({
      title: l10n.t('New Config'),
      prompt: l10n.t('What is it called?'),
      placeHolder: l10n.t('For example: settings.json'),
      validateInput: notEmpty,
    });
    if (title === undefined) return;
    await create(this.parts, { kind: 'config', title: title.trim(), folder: folderOf(where) });
  }
}

async function createSnippet(
  parts: CreateParts,
  body: string,
  language: string | undefined,
  folder: string,
): Promise<void> {
  const title = await window.showInputBox({
    title: l10n.t('New Snippet (1/2)'),
    prompt: l10n.t('What is it called?'),
    validateInput: notEmpty,
  });
  if (title === undefined) return;
  const prefixes = await window.showInputBox({
    title: l10n.t('New Snippet (2/2)'),
    prompt: l10n.t('Which short names is it found by? Several are separated by commas.'),
    value: title.trim().toLowerCase().replace(/\s+/g, '-'),
  });
  if (prefixes === undefined) return;
  await create(parts, {
    kind: 'snippet',
    title: title.trim(),
    body,
    folder,
    prefixes: prefixesOf(prefixes),
    languages: language ? [language] : [],
  });
}

async function create({ device, editors, messages }: CreateParts, item: NewItemJson): Promise<void> {
  const created = await messages.valueOf(device.items.create(item));
  if (created) await editors.show(created.id, { preview: false });
}

function selectedText(editor: TextEditor): string {
  return editor.selections
    .map(selection => editor.document.getText(selection))
    .filter(text => text !== '')
    .join('\n');
}

/** The folder of the tree's row that a command was called on; the top for anything else. */
function folderOf(where: unknown): string {
  if (typeof where !== 'object' || where === null) return '';
  return 'folder' in where && typeof where.folder === 'string' ? where.folder : '';
}

export function notEmpty(text: string): string | undefined {
  return text.trim() === '' ? l10n.t('Type a name, or press Escape.') : undefined;
}
