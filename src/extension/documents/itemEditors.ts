import {
  l10n,
  languages,
  type TextDocument,
  type TextDocumentShowOptions,
  type Uri,
  window,
  workspace,
} from 'vscode';
import type { Device } from '../../device/device';
import type { DocumentJson } from '../../device/json';
import type { Messages } from '../host/messages';
import { isKnownLanguage } from './fileExtensions';
import { itemUri } from './itemUri';
import { addressed } from './scratchFileSystem';

/** Shows items in the editor's own editors. */
export class ItemEditors {
  readonly #device: Device;
  readonly #messages: Messages;

  constructor(device: Device, messages: Messages) {
    this.#device = device;
    this.#messages = messages;
  }

  async show(itemId: string, options: TextDocumentShowOptions = {}): Promise<void> {
    const item = await this.#messages.valueOf(this.#device.documents.open(itemId));
    if (!item) return;
    if (item.deleted) return this.#offerToRestore(item, options);
    let document = await openAsUtf8(itemUri(addressed(item)));
    if (!isKnownLanguage(item.language) && document.languageId !== item.language) {
      document = await languages.setTextDocumentLanguage(document, item.language).then(undefined, () => {
        // The language's extension is not installed here: plain text serves.
        return document;
      });
    }
    await window.showTextDocument(document, options);
  }

  #offerToRestore({ itemId, title }: DocumentJson, options: TextDocumentShowOptions): void {
    this.#messages.offer(l10n.t('“{0}” was deleted.', title), l10n.t('Restore It'), async () => {
      if (await this.#messages.done(this.#device.items.restore(itemId))) await this.show(itemId, options);
    });
  }
}

/** Items are UTF-8 whatever `files.encoding` says. A document with unsaved text keeps the encoding that it has. */
async function openAsUtf8(uri: Uri): Promise<TextDocument> {
  const shown = workspace.textDocuments.find(document => document.uri.toString() === uri.toString());
  return shown?.isDirty ? shown : workspace.openTextDocument(uri, { encoding: 'utf8' });
}
