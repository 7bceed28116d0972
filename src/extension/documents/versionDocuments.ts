import { FileSystemError, type TextDocumentContentProvider, Uri } from 'vscode';
import type { Device } from '../../device/device';
import type { VersionJson } from '../../device/json';
import { valueOrThrow } from './fileErrors';
import { documentLanguage, itemPath } from './itemAddress';

/** Older versions of items, to read: `scratch-version://<item id>/<stamp of the version>/<path>`. */
export const versionScheme = 'scratch-version';

/** @param sensitive true when the item is now: then what an older version was called must not show either */
export function versionUri({ stamp, item }: VersionJson, sensitive: boolean): Uri {
  const address = {
    ...item,
    language: documentLanguage(item),
    sensitive: sensitive || item.sensitive,
  };
  return Uri.from({
    scheme: versionScheme,
    authority: item.id,
    path: `/${stamp}${itemPath(address)}`,
  });
}

export class VersionDocuments implements TextDocumentContentProvider {
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const versions = valueOrThrow(await this.#device.items.history(uri.authority), uri);
    const [, stamp] = uri.path.split('/');
    const version = versions.find(each => each.stamp === stamp);
    if (version === undefined) throw FileSystemError.FileNotFound(uri);
    return version.item.body;
  }
}
