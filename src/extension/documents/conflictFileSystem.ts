import {
  Disposable,
  EventEmitter,
  type FileChangeEvent,
  FileChangeType,
  FilePermission,
  type FileStat,
  FileSystemError,
  type FileSystemProvider,
  FileType,
  Uri,
  workspace,
} from 'vscode';
import { fromUtf8, toUtf8 } from '../../base/encoding';
import type { Device, DeviceEvent } from '../../device/device';
import type { ConflictJson } from '../../device/json';
import { normalizeText } from '../../model/plainText';
import {
  type ConflictText,
  conflictPath,
  conflictScheme,
  conflictTextAt,
  isSensitive,
  sideBody,
  sideOf,
} from './conflictAddress';
import { valueOrThrow } from './fileErrors';
import type { MergeDrafts } from './mergeDrafts';

export function conflictUri(conflict: ConflictJson, text: ConflictText): Uri {
  return Uri.from({ scheme: conflictScheme, authority: conflict.id, path: conflictPath(conflict, text) });
}

export function conflictIdOfUri(uri: Uri): string | undefined {
  return uri.scheme === conflictScheme && uri.authority !== '' ? uri.authority : undefined;
}

/** The sides of conflicts as files to read, and the merge of each as a file to edit until it is accepted. */
export class ConflictFileSystem implements FileSystemProvider {
  readonly #device: Device;
  readonly #drafts: MergeDrafts;
  readonly #changed = new EventEmitter<FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(device: Device, drafts: MergeDrafts) {
    this.#device = device;
    this.#drafts = drafts;
  }

  hear(event: DeviceEvent): void {
    if (event.type !== 'conflictsChanged') return;
    const shown = workspace.textDocuments.filter(({ uri }) => conflictIdOfUri(uri) !== undefined);
    this.#changed.fire(shown.map(({ uri }) => ({ type: FileChangeType.Changed, uri })));
  }

  watch(): Disposable {
    return new Disposable(() => undefined);
  }

  async stat(uri: Uri): Promise<FileStat> {
    const text = conflictTextAt(uri.path);
    const conflict = await this.#conflict(uri);
    const detectedMs = Date.parse(conflict.detectedAt);
    if (text === undefined)
      return { type: FileType.Directory, ctime: detectedMs, mtime: detectedMs, size: 0 };
    const size = toUtf8(await this.#read(uri, conflict, text)).byteLength;
    if (text !== 'merge') {
      const permissions = FilePermission.Readonly;
      return { type: FileType.File, ctime: detectedMs, mtime: detectedMs, size, permissions };
    }
    const mtime = this.#drafts.get(conflict.id)?.modifiedMs ?? detectedMs;
    return { type: FileType.File, ctime: detectedMs, mtime, size };
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    const text = conflictTextAt(uri.path);
    if (text === undefined) throw FileSystemError.FileIsADirectory(uri);
    return toUtf8(await this.#read(uri, await this.#conflict(uri), text));
  }

  /** Saving a merge keeps it; only the command Accept Merge resolves the conflict. */
  async writeFile(uri: Uri, content: Uint8Array): Promise<void> {
    if (conflictTextAt(uri.path) !== 'merge') throw FileSystemError.NoPermissions(uri);
    const text = fromUtf8(content);
    if (text === undefined)
      throw FileSystemError.Unavailable('A merge is kept as UTF-8. Save it with that encoding.');
    const conflict = await this.#conflict(uri);
    await this.#drafts.set(conflict.id, normalizeText(text), isSensitive(conflict));
  }

  readDirectory(uri: Uri): never {
    throw FileSystemError.Unavailable(uri);
  }

  rename(): never {
    throw FileSystemError.NoPermissions();
  }

  delete(): never {
    throw FileSystemError.NoPermissions();
  }

  createDirectory(): void {}

  async #read(uri: Uri, conflict: ConflictJson, text: ConflictText): Promise<string> {
    if (text !== 'merge') return sideBody(sideOf(conflict, text));
    const draft = this.#drafts.get(conflict.id);
    if (draft) return draft.text;
    return valueOrThrow(await this.#device.conflicts.mergeText(conflict.id), uri).text;
  }

  async #conflict(uri: Uri): Promise<ConflictJson> {
    return valueOrThrow(await this.#device.conflicts.get(uri.authority), uri);
  }
}
