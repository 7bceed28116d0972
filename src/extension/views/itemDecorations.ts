import {
  Disposable,
  EventEmitter,
  FileDecoration,
  type FileDecorationProvider,
  l10n,
  ThemeColor,
  type Uri,
  window,
} from 'vscode';
import { itemIdOfUri } from '../documents/itemUri';
import type { ItemPages } from './itemPages';

/** Marks beside items: in conflict, not yet synced, pinned. */
export class ItemDecorations implements FileDecorationProvider {
  readonly #pages: ItemPages;
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeFileDecorations = this.#changed.event;

  constructor(pages: ItemPages) {
    this.#pages = pages;
  }

  start(): Disposable {
    return Disposable.from(
      window.registerFileDecorationProvider(this),
      this.#pages.onDidChange(() => this.#changed.fire(undefined)),
      this.#changed,
    );
  }

  async provideFileDecoration(uri: Uri): Promise<FileDecoration | undefined> {
    const id = itemIdOfUri(uri);
    const item = id === undefined ? undefined : await this.#pages.find(id);
    if (!item || item.deleted) return undefined;
    if (item.inConflict) {
      return new FileDecoration('!', l10n.t('In conflict'), new ThemeColor('list.warningForeground'));
    }
    if (item.pending) return new FileDecoration('↑', l10n.t('Not yet synced'));
    return item.pinned ? new FileDecoration('★', l10n.t('Pinned')) : undefined;
  }
}
