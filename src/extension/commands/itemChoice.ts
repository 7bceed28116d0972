import { l10n, type QuickPickItem, ThemeIcon, Uri, window } from 'vscode';
import type { Device } from '../../device/device';
import type { ItemJson, ItemSummaryJson, ListQueryJson } from '../../device/json';
import type { Kind } from '../../model/content';
import { itemIdOfUri } from '../documents/itemUri';
import type { Messages } from '../host/messages';
import { plainLabel } from './plainLabel';

/** Where a key was pressed: tells the items of the tree that it is about. */
export interface KeyboardRows {
  /** The ids of the live items among the rows that are selected, or of the focused row when it is not one of them. */
  itemIdsAtFocus(): Promise<readonly string[]>;
}

/** Tells which items a command is about: what it was called on, else the editor's, else what a person picks. */
export class ItemChoice {
  readonly #device: Device;
  readonly #messages: Messages;
  readonly #tree: KeyboardRows;

  constructor(device: Device, messages: Messages, tree: KeyboardRows) {
    this.#device = device;
    this.#messages = messages;
    this.#tree = tree;
  }

  /** The item that a command is called on; undefined when none was chosen. */
  async one(args: readonly unknown[], question: string, kind?: Kind): Promise<ItemJson | undefined> {
    if (isKeyInTree(args[0]))
      return (await this.#itemsOf((await this.#tree.itemIdsAtFocus()).slice(0, 1)))[0];
    const id = idOfArgument(args[0]) ?? idOfEditor() ?? (await this.pick(question, kind ? { kind } : {}))?.id;
    return id === undefined ? undefined : this.#messages.valueOf(this.#device.items.get(id));
  }

  /** The same for a command that takes several: a tree passes all that are selected as the second argument. */
  async several(args: readonly unknown[], question: string): Promise<readonly ItemJson[]> {
    if (isKeyInTree(args[0])) return this.#itemsOf(await this.#tree.itemIdsAtFocus());
    const selected = Array.isArray(args[1]) ? args[1].map(idOfArgument) : [];
    const ids = selected.filter(id => id !== undefined);
    if (ids.length < 2) {
      const item = await this.one(args, question);
      return item ? [item] : [];
    }
    return this.#itemsOf(ids);
  }

  async #itemsOf(ids: readonly string[]): Promise<readonly ItemJson[]> {
    const items = await Promise.all(ids.map(id => this.#messages.valueOf(this.#device.items.get(id))));
    return items.filter(item => item !== undefined);
  }

  async pick(question: string, query: ListQueryJson): Promise<ItemSummaryJson | undefined> {
    const items = await this.#messages.valueOf(this.#device.items.list({ ...query, limit: maxListedItems }));
    if (items === undefined) return undefined;
    if (items.length === 0) {
      this.#messages.inform(
        query.deleted ? l10n.t('No item is deleted.') : l10n.t('There is no such item yet.'),
      );
      return undefined;
    }
    const isCut = items.length === maxListedItems;
    const picked = await window.showQuickPick(items.map(pickOf), {
      placeHolder: isCut ? l10n.t('{0} (the {1} latest are listed)', question, maxListedItems) : question,
      matchOnDescription: true,
      matchOnDetail: true,
    });
    return picked?.item;
  }
}

/** A quick pick of more is slow and nobody's way to an item: search finds the older ones. */
const maxListedItems = 1000;

/** The argument of the key bindings of the tree: the editor tells a key nothing of the row that it was pressed on. */
function isKeyInTree(argument: unknown): boolean {
  return (
    typeof argument === 'object' && argument !== null && 'inTree' in argument && argument.inTree === true
  );
}

/** The id in what a command was called with: a row of a tree, an address, an item as JSON, or an id. */
export function idOfArgument(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (argument instanceof Uri) return itemIdOfUri(argument);
  if (typeof argument !== 'object' || argument === null) return undefined;
  if ('itemId' in argument && typeof argument.itemId === 'string') return argument.itemId;
  if ('id' in argument && typeof argument.id === 'string') return argument.id;
  return undefined;
}

export interface ItemPick extends QuickPickItem {
  readonly item: ItemSummaryJson;
}

export function pickOf(item: ItemSummaryJson): ItemPick {
  const tags = item.tags.map(tag => `#${tag}`).join(' ');
  const about = [item.description, tags].filter(Boolean).join('  ');
  return {
    item,
    label: plainLabel(item.title) || l10n.t('Untitled'),
    description: plainLabel(item.folder),
    iconPath: iconOf(item.kind),
    ...(about ? { detail: plainLabel(about) } : {}),
  };
}

export function iconOf(kind: Kind): ThemeIcon {
  switch (kind) {
    case 'note':
      return new ThemeIcon('note');
    case 'snippet':
      return new ThemeIcon('symbol-snippet');
    case 'config':
      return new ThemeIcon('settings');
  }
}

function idOfEditor(): string | undefined {
  const uri = window.activeTextEditor?.document.uri;
  return uri && itemIdOfUri(uri);
}
