import { Disposable, TabInputText, type TextDocument, window, workspace } from 'vscode';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { secondMs, type Timer, type Timers } from '../../base/time';
import type { Device, DeviceEvent } from '../../device/device';
import type { DocumentLedger } from './documentLedger';
import { itemScheme } from './itemAddress';
import { itemIdOfUri, itemUri } from './itemUri';
import { addressed, type ScratchFileSystem } from './scratchFileSystem';

/** Unsaved text of a sensitive item lies in clear in the editor's backups, so it is saved this soon. */
export const sensitiveSaveDelayMs = secondMs / 4;

/**
 * Keeps the ledger told of what open documents show, merges saves that met another change, lets documents hear of
 * changes from elsewhere, and has them follow their item's title.
 */
export class OpenDocuments {
  readonly #device: Device;
  readonly #ledger: DocumentLedger;
  readonly #files: ScratchFileSystem;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #sensitiveSaves = new Map<string, Timer>();
  /** Moves of one item's tabs follow each other: each has to find the last one done. */
  readonly #follows = new Map<string, Promise<void>>();

  constructor(parts: {
    readonly device: Device;
    readonly ledger: DocumentLedger;
    readonly files: ScratchFileSystem;
    readonly timers: Timers;
    readonly logger: Logger;
  }) {
    this.#device = parts.device;
    this.#ledger = parts.ledger;
    this.#files = parts.files;
    this.#timers = parts.timers;
    this.#logger = parts.logger;
  }

  start(): Disposable {
    for (const document of scratchDocuments()) this.#shows(document);
    return Disposable.from(
      workspace.onDidOpenTextDocument(document => this.#shows(document)),
      workspace.onDidChangeTextDocument(({ document }) => this.#shows(document)),
      workspace.onDidSaveTextDocument(document => this.#run(() => this.#saved(document))),
      workspace.onDidCloseTextDocument(document => {
        if (isScratch(document)) this.#ledger.closed(document.uri.toString(), document.isDirty);
      }),
    );
  }

  hear(event: DeviceEvent): void {
    if (event.type !== 'itemsChanged') return;
    const { itemIds } = event;
    for (const document of scratchDocuments()) {
      if (itemIds && !itemIds.includes(document.uri.authority)) continue;
      if (this.#ledger.changed(document.uri.toString())) this.#files.announce(document.uri);
      this.#run(() => this.#follow(document));
    }
  }

  #shows(document: TextDocument): void {
    if (!isScratch(document)) return;
    const address = document.uri.toString();
    if (document.isDirty) {
      this.#ledger.showsUnsaved(address);
      this.#saveSensitive(document);
    } else if (this.#ledger.showsClean(address, document.getText())) {
      this.#files.announce(document.uri);
      this.#run(() => this.#follow(document));
    }
  }

  /** Only now may the saved text be merged: the editor is done with its save and will read the document again. */
  async #saved(document: TextDocument): Promise<void> {
    if (!isScratch(document)) return;
    const address = document.uri.toString();
    this.#shows(document);
    if (!this.#ledger.isUnsettled(address)) return;
    const settled = await this.#device.documents.settle(document.uri.authority);
    if (!settled.ok) {
      this.#logger.warn('a save waits to be merged', { error: settled.error.message });
      return;
    }
    if (this.#ledger.settled(address)) this.#files.announce(document.uri);
  }

  #follow(document: TextDocument): Promise<void> {
    const id = document.uri.authority;
    const follow = () => this.#followNow(document);
    const followed = (this.#follows.get(id) ?? Promise.resolve()).then(follow, follow);
    this.#follows.set(id, followed);
    return followed.finally(() => {
      if (this.#follows.get(id) === followed) this.#follows.delete(id);
    });
  }

  /** A tab shows its item's present title. One with unsaved text waits, because a move would drop that text. */
  async #followNow(document: TextDocument): Promise<void> {
    const opened = await this.#device.documents.open(document.uri.authority);
    if (!opened.ok || opened.value.deleted) return;
    const to = itemUri(addressed(opened.value));
    if (document.isDirty || to.path === document.uri.path || !hasTab(document)) return;
    await this.#files.follow(document.uri, to);
  }

  #saveSensitive(document: TextDocument): void {
    const address = document.uri.toString();
    if (!this.#ledger.isSensitive(address)) return;
    this.#sensitiveSaves.get(address)?.cancel();
    const timer = this.#timers.after(sensitiveSaveDelayMs, () => {
      this.#sensitiveSaves.delete(address);
      if (document.isDirty && !document.isClosed) this.#run(() => document.save());
    });
    this.#sensitiveSaves.set(address, timer);
  }

  #run(work: () => PromiseLike<unknown>): void {
    work().then(undefined, (error: unknown) => {
      this.#logger.error('an open document could not be kept up', { error: messageOf(error) });
    });
  }
}

function scratchDocuments(): readonly TextDocument[] {
  return workspace.textDocuments.filter(isScratch);
}

/** The editor keeps documents for a while that no tab shows any more. */
function hasTab(document: TextDocument): boolean {
  const address = document.uri.toString();
  return window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .some(({ input }) => input instanceof TabInputText && input.uri.toString() === address);
}

function isScratch(document: TextDocument): boolean {
  return document.uri.scheme === itemScheme && itemIdOfUri(document.uri) !== undefined;
}
