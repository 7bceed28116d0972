import type { JsonObject } from '../base/json';

export type Kind = 'note' | 'snippet' | 'config';

export const kinds: readonly Kind[] = ['note', 'snippet', 'config'];

export function isKind(text: string): text is Kind {
  return kinds.some(kind => kind === text);
}

/** What a person wrote: the part of an item that merges, is sealed, and has a history. */
export type Content = NoteContent | SnippetContent | ConfigContent;

interface CommonContent {
  readonly title: string;
  /** UTF-8 text with LF line ends and no byte order mark. */
  readonly body: string;
  /** Names joined by `/`; empty for the top. */
  readonly folder: string;
  /** In code-unit order, each once. */
  readonly tags: readonly string[];
  readonly pinned: boolean;
  /** Encrypted in the local file too, and left out of the search index. */
  readonly sensitive: boolean;
  /** Fields that a newer version wrote: kept, and sent back unchanged. */
  readonly extra: JsonObject;
}

export interface NoteContent extends CommonContent {
  readonly kind: 'note';
  /** A VS Code language id. */
  readonly language: string;
  /** The git remote that the note is about, without scheme, user, port and `.git`: `example.org/owner/name`. */
  readonly repository?: string;
}

export interface SnippetContent extends CommonContent {
  readonly kind: 'snippet';
  /** Short names that it is found by, as the prefixes of VS Code's own snippets. */
  readonly prefixes: readonly string[];
  /** VS Code language ids; empty for every language. */
  readonly languages: readonly string[];
  readonly description: string;
  /** Globs of the files that it is for and not for, as VS Code's own snippets have them. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface ConfigContent extends CommonContent {
  readonly kind: 'config';
  readonly language: string;
  /** The file that it is of: `settings`, `keybindings`, `tasks`, `snippets:<name>` or a path below `~/`. */
  readonly target?: string;
  /** The bodies of one system or one device, beside the common one: keyed `os:linux`, `os:darwin`, `os:win32` or `device:<id>`. */
  readonly overlays: Readonly<Record<string, string>>;
}

/** The fields that a kind has when a person gives nothing but a title. */
export function emptyContent(kind: Kind, title: string): Content {
  const common = { title, body: '', folder: '', tags: [], pinned: false, sensitive: false, extra: {} };
  switch (kind) {
    case 'note':
      return { kind, ...common, language: 'markdown' };
    case 'snippet':
      return { kind, ...common, prefixes: [], languages: [], description: '', include: [], exclude: [] };
    case 'config':
      return { kind, ...common, language: 'jsonc', overlays: {} };
  }
}

/**
 * What a deletion says of an item whose text nobody keeps any more, because Deleted items was emptied: nothing. Where it
 * meets a text, it is a deletion of that text.
 */
export const emptiedContent: Content = emptyContent('note', '');
