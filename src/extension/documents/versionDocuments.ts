import { type TextDocumentContentProvider, Uri } from 'vscode';
import type { Device } from '../../device/device';
import type { VersionJson } from '../../device/json';
import { valueOrThrow } from './fileErrors';
import { documentLanguage, itemPath } from './itemAddress';

/** Older versions of items, to read: `scratch-version://<item id>/<version number>/<path>`. */
export const versionScheme = 'scratch-version';

export function versionUri({ number, item }: VersionJson): Uri {
  return Uri.from({
    scheme: versionScheme,
    authority: item.id,
    path: `/${number}${itemPath({ ...item, language: documentLanguage(item) })}`,
  });
}

export class VersionDocuments implements TextDocumentContentProvider {
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const versions = valueOrThrow(await this.#device.items.history(uri.authority), uri);
    const [, number] = uri.path.split('/');
    const version = versions.find(each => String(each.number) === number);
    return version?.item.body ?? '';
  }
}
