import type { Kind } from '../../model/content';
import { shortId } from '../../model/ids/ids';
import { extensionOf } from './fileExtensions';

/**
 * Addresses of items: `scratch://<item id>/<kind folder>/<folder>/<title>.<ext>`. The id alone decides which item it
 * is; the path is for people and follows the title.
 */
export const itemScheme = 'scratch';

export interface AddressedItem {
  readonly id: string;
  readonly kind: Kind;
  readonly folder: string;
  readonly title: string;
  /** A VS Code language id. */
  readonly language: string;
  readonly sensitive: boolean;
}

/** The language of an item's document: a snippet's body has none of the editor's. */
export function documentLanguage(item: { readonly kind: Kind; readonly language?: string }): string {
  return item.kind === 'snippet' ? 'snippet' : (item.language ?? 'plaintext');
}

/** The path of an item's address. Equal items give equal paths. */
export function itemPath(item: AddressedItem): string {
  if (item.sensitive) return `/${kindFolders[item.kind]}/${opaqueName(item)}`;
  const folders = item.folder.split('/').map(cleanName).filter(isNotEmpty);
  return ['', kindFolders[item.kind], ...folders, fileName(item.title, item.language)].join('/');
}

/** True when `path` is a folder on the way to `filePath`. */
export function isFolderOf(path: string, filePath: string): boolean {
  return path === '/' || path === '' || filePath.startsWith(`${path.replace(/\/$/, '')}/`);
}

/** The name of a file for a title: without separators and control characters, of bounded length, never empty. */
export function fileName(title: string, language: string): string {
  const name = cleanName(title) || untitled;
  const extension = extensionOf(language);
  return name.toLowerCase().endsWith(extension) ? name : `${name}${extension}`;
}

const kindFolders: Readonly<Record<Kind, string>> = { note: 'notes', snippet: 'snippets', config: 'config' };
const untitled = 'Untitled';
const maxNameLength = 100;

/** Tab titles lie in clear in the editor's state, so that of a sensitive item tells nothing. */
export function tabTitle(item: {
  readonly id: string;
  readonly title: string;
  readonly sensitive: boolean;
}): string {
  return item.sensitive ? `Sensitive ${shortId(item.id)}` : item.title || untitled;
}

function opaqueName(item: AddressedItem): string {
  return `${tabTitle(item)}${extensionOf(item.language)}`;
}

function cleanName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must go
  const plain = name.normalize('NFC').replace(/[\\/\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, '-');
  const short = [...plain.trim()].slice(0, maxNameLength).join('').trim();
  return /^\.*$/.test(short) ? '' : short;
}

function isNotEmpty(name: string): boolean {
  return name !== '';
}
