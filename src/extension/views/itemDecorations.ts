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
import type { Timer, Timers } from '../../base/time';
import { itemIdOfUri } from '../documents/itemUri';
import type { ItemPages } from './itemPages';

/** The rows come first: what they were read from tells most marks, and each other one is asked for by itself. */
const afterRowsMs = 100;

/** Marks beside items: in conflict, not yet synced, pinned. */
export class ItemDecorations implements FileDecorationProvider {
  readonly #pages: ItemPages;
  readonly #timers: Timers;
  #waiting: Timer | undefined;
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeFileDecorations = this.#changed.event;

  constructor(pages: ItemPages, timers: Timers) {
    this.#pages = pages;
    this.#timers = timers;
  }

  start(): Disposable {
    return Disposable.from(
      window.registerFileDecorationProvider(this),
      this.#pages.onDidChange(() => {
        this.#waiting ??= this.#timers.after(afterRowsMs, () => {
          this.#waiting = undefined;
          this.#changed.fire(undefined);
        });
      }),
      new Disposable(() => this.#waiting?.cancel()),
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
