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
import type { ItemLists } from './itemLists';

/** Marks beside items: in conflict, not yet synced, pinned. */
export class ItemDecorations implements FileDecorationProvider {
  readonly #lists: ItemLists;
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeFileDecorations = this.#changed.event;

  constructor(lists: ItemLists) {
    this.#lists = lists;
  }

  start(): Disposable {
    return Disposable.from(
      window.registerFileDecorationProvider(this),
      this.#lists.onDidChange(() => this.#changed.fire(undefined)),
      this.#changed,
    );
  }

  provideFileDecoration(uri: Uri): FileDecoration | undefined {
    const id = itemIdOfUri(uri);
    const item = id === undefined ? undefined : this.#lists.find(id);
    if (!item || item.deleted) return undefined;
    if (item.inConflict) {
      return new FileDecoration('!', l10n.t('In conflict'), new ThemeColor('list.warningForeground'));
    }
    if (item.pending) return new FileDecoration('↑', l10n.t('Not yet synced'));
    return item.pinned ? new FileDecoration('★', l10n.t('Pinned')) : undefined;
  }
}
