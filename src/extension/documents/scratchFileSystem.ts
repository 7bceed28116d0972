import {
  Disposable,
  EventEmitter,
  type FileChangeEvent,
  FileChangeType,
  type FileStat,
  FileSystemError,
  type FileSystemProvider,
  FileType,
  type TextDocument,
  type Uri,
  workspace,
} from 'vscode';
import { fromUtf8, toUtf8 } from '../../base/encoding';
import type { Device } from '../../device/device';
import type { DocumentBaseJson, DocumentJson } from '../../device/json';
import { normalizeText } from '../../model/plainText';
import type { DocumentLedger } from './documentLedger';
import { valueOrThrow } from './fileErrors';
import { isFolderOf, itemPath } from './itemAddress';
import { itemIdOfUri } from './itemUri';

/**
 * Items as files of the editor. What a document shows and saves is decided by the {@link DocumentLedger}; this class
 * answers the editor by it. Errors become the editor's own, with a message that says what to do.
 */
export class ScratchFileSystem implements FileSystemProvider {
  readonly #device: Device;
  readonly #ledger: DocumentLedger;
  readonly #changed = new EventEmitter<FileChangeEvent[]>();
  /** Addresses to which an open document is moving: they must not seem taken. */
  readonly #moving = new Set<string>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(device: Device, ledger: DocumentLedger) {
    this.#device = device;
    this.#ledger = ledger;
  }

  /** Lets the editor read the document again. */
  announce(uri: Uri): void {
    this.#changed.fire([{ type: FileChangeType.Changed, uri }]);
  }

  /** Changes of every open document are announced, watched or not. */
  watch(): Disposable {
    return new Disposable(() => undefined);
  }

  async stat(uri: Uri): Promise<FileStat> {
    const pinned = this.#ledger.pinned(uri.toString());
    if (pinned) {
      return { type: FileType.File, ctime: 0, mtime: pinned.modifiedMs, size: pinned.sizeBytes };
    }
    if (this.#moving.has(uri.toString())) throw FileSystemError.FileNotFound(uri);
    const document = await this.#open(uri);
    const { createdMs, modifiedMs, body } = document;
    if (isFolderOf(uri.path, itemPath(addressed(document)))) {
      return { type: FileType.Directory, ctime: createdMs, mtime: createdMs, size: 0 };
    }
    if (document.deleted) throw FileSystemError.FileNotFound(uri);
    return { type: FileType.File, ctime: createdMs, mtime: modifiedMs, size: toUtf8(body).byteLength };
  }

  /** The one name on the way to the item. */
  async readDirectory(uri: Uri): Promise<[string, FileType][]> {
    const path = itemPath(addressed(await this.#open(uri)));
    if (!isFolderOf(uri.path, path)) throw FileSystemError.FileNotADirectory(uri);
    const [name = '', ...below] = path.slice(uri.path.replace(/\/$/, '').length + 1).split('/');
    return [[name, below.length > 0 ? FileType.Directory : FileType.File]];
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    const pinned = this.#ledger.pinned(uri.toString());
    if (pinned) return toUtf8(pinned.body);
    const document = await this.#open(uri);
    if (isFolderOf(uri.path, itemPath(addressed(document)))) throw FileSystemError.FileIsADirectory(uri);
    if (document.deleted) throw FileSystemError.FileNotFound(uri);
    return toUtf8(this.#ledger.handOut(uri.toString(), document).body);
  }

  async writeFile(uri: Uri, content: Uint8Array): Promise<void> {
    const address = uri.toString();
    const document = openDocument(address);
    const text = textOf(content, document);
    const shown = document && isSaveOf(document, text) ? document : undefined;
    const base = this.#ledger.baseOfSave(address) ?? (await this.#unreadBase(uri, shown));
    const answer = await this.#device.documents.save(idOf(uri), text, base);
    const saved = valueOrThrow(answer, uri);
    if (shown) this.#ledger.saved(address, text, saved);
    else if (this.#ledger.changed(address)) this.announce(uri);
  }

  /** Only the path of an open document moves: titles and folders are changed on the item itself. */
  async rename(from: Uri, to: Uri): Promise<void> {
    if (from.authority !== to.authority || !this.#moving.delete(to.toString())) {
      throw FileSystemError.NoPermissions('Rename the item with the command Scratch: Rename Item.');
    }
  }

  delete(): never {
    throw FileSystemError.NoPermissions('Delete the item with the command Scratch: Delete Item.');
  }

  /** Folders are part of an item's address and need not be made. */
  createDirectory(): void {}

  /** Moves an open document without unsaved text to the address that its item has now. */
  async follow(from: Uri, to: Uri): Promise<void> {
    this.#moving.add(to.toString());
    try {
      await workspace.fs.rename(from, to);
    } finally {
      this.#moving.delete(to.toString());
    }
  }

  /**
   * The base of a save at an address that was not read. A document restored with unsaved text, whose base is lost, is
   * saved as made from nothing: then whatever differs is kept as a conflict. A program's write replaces what is there.
   */
  async #unreadBase(uri: Uri, shown: TextDocument | undefined): Promise<DocumentBaseJson> {
    if (shown?.isDirty) return { revision: '', body: '' };
    const { deleted, revision, body } = await this.#open(uri);
    if (deleted) throw FileSystemError.FileNotFound(uri);
    return { revision, body };
  }

  async #open(uri: Uri): Promise<DocumentJson> {
    return valueOrThrow(await this.#device.documents.open(idOf(uri)), uri);
  }
}

/** A document as an item with an address. */
export function addressed(document: DocumentJson) {
  const { itemId, kind, folder, title, language, sensitive } = document;
  return { id: itemId, kind, folder, title, language, sensitive };
}

function idOf(uri: Uri): string {
  const id = itemIdOfUri(uri);
  if (id === undefined) throw FileSystemError.FileNotFound(uri);
  return id;
}

function openDocument(address: string): TextDocument | undefined {
  return workspace.textDocuments.find(({ uri }) => uri.toString() === address);
}

/** False for the write of a program, which the document does not show and has to be told of. */
function isSaveOf(document: TextDocument, text: string): boolean {
  return document.isDirty || normalizeText(document.getText()) === text;
}

const utf8Encodings: readonly string[] = ['utf8', 'utf8bom'];

/** The text as the store holds it. Bytes of another encoding would corrupt it on every machine, so they are refused. */
function textOf(content: Uint8Array, shown: TextDocument | undefined): string {
  const text = fromUtf8(content);
  if (text === undefined || (shown && !utf8Encodings.includes(shown.encoding))) {
    const encoding = shown ? ` It is open as ${shown.encoding}.` : '';
    throw FileSystemError.Unavailable(
      `Items are kept as UTF-8.${encoding} Run “Change File Encoding”, choose “Save with Encoding” and UTF-8.`,
    );
  }
  return normalizeText(text);
}
