import {
  commands,
  type DataTransfer,
  DataTransferItem,
  Disposable,
  EventEmitter,
  l10n,
  ThemeIcon,
  type TreeDataProvider,
  type TreeDragAndDropController,
  TreeItem,
  TreeItemCollapsibleState,
  type TreeView,
  window,
} from 'vscode';
import type { Device } from '../../device/device';
import type { Kind } from '../../model/content';
import { iconOf, type KeyboardRows } from '../commands/itemChoice';
import { documentLanguage } from '../documents/itemAddress';
import { itemUri } from '../documents/itemUri';
import type { Messages } from '../host/messages';
import { type CommandId, viewIds } from '../manifest';
import type { DeviceStatus } from './deviceStatus';
import type { ItemPages } from './itemPages';
import {
  childRows,
  type ItemRow,
  itemWords,
  keyboardItemIds,
  kindWord,
  type LeafRow,
  type MoreRow,
  type NoticeRow,
  pageItems,
  parentRow,
  placeOfRow,
  rootRows,
  rowKey,
  type TreePlace,
  unreadableRow,
} from './itemTree';

const dragType = 'application/vnd.code.tree.scratchsync.items';

/** The Items view: kind → folder → item, with drag and drop between folders. */
export class ItemsView
  implements TreeDataProvider<ItemRow>, TreeDragAndDropController<ItemRow>, KeyboardRows
{
  readonly #device: Device;
  readonly #messages: Messages;
  readonly #pages: ItemPages;
  readonly #status: DeviceStatus;
  readonly #changed = new EventEmitter<undefined>();
  #view: TreeView<ItemRow> | undefined;
  readonly onDidChangeTreeData = this.#changed.event;
  readonly dragMimeTypes = [dragType];
  readonly dropMimeTypes = [dragType];

  constructor(parts: {
    readonly device: Device;
    readonly messages: Messages;
    readonly pages: ItemPages;
    readonly status: DeviceStatus;
  }) {
    this.#device = parts.device;
    this.#messages = parts.messages;
    this.#pages = parts.pages;
    this.#status = parts.status;
  }

  start(): Disposable {
    let state = this.#status.current?.state;
    const view = window.createTreeView(viewIds.items, {
      treeDataProvider: this,
      dragAndDropController: this,
      canSelectMany: true,
      showCollapseAll: true,
    });
    this.#view = view;
    return Disposable.from(
      view,
      this.#pages.onDidChange(() => this.#changed.fire(undefined)),
      this.#status.onDidChange(status => {
        if (status.state === state) return;
        state = status.state;
        this.#changed.fire(undefined);
      }),
      this.#changed,
    );
  }

  async getChildren(row?: ItemRow): Promise<ItemRow[]> {
    if (!this.#status.current) await this.#status.load(this.#device);
    const outline = await this.#pages.outline();
    if (row === undefined) {
      return outline.ok
        ? [...rootRows(outline.value, this.#status.current, l10n.t)]
        : [unreadableRow(outline.error, l10n.t)];
    }
    const place = placeOfRow(row);
    if (place === undefined || !outline.ok) return [];
    return [...childRows(row, outline.value, await this.#pages.page(place))];
  }

  async getParent(row: ItemRow): Promise<ItemRow | undefined> {
    const outline = await this.#pages.outline();
    return outline.ok ? parentRow(row, outline.value) : undefined;
  }

  /** Shows more items of a place, and goes to the first of them, from which the keyboard goes on. */
  async showMore(place: TreePlace): Promise<void> {
    const item = await this.#pages.showMore(place);
    if (item) await this.#view?.reveal({ type: 'item', itemId: item.id, item }, { focus: true });
  }

  /**
   * A view is told what is selected, but not what has the focus, which the arrow keys move alone. So the focused row is
   * put into the selection or out of it for a moment: what that changes is it.
   */
  async itemIdsAtFocus(): Promise<readonly string[]> {
    const selected = this.#view?.selection ?? [];
    await commands.executeCommand('list.toggleSelection');
    const toggled = this.#view?.selection ?? [];
    await commands.executeCommand('list.toggleSelection');
    return keyboardItemIds(selected, toggled);
  }

  getTreeItem(row: ItemRow): TreeItem {
    switch (row.type) {
      case 'notice':
        return noticeItem(row);
      case 'kind':
        return groupItem(row, kindTitle(row.kind), row.count, TreeItemCollapsibleState.Expanded);
      case 'folder':
        return groupItem(row, row.name, row.count, TreeItemCollapsibleState.Collapsed);
      case 'deleted':
        return groupItem(row, l10n.t('Deleted'), row.count, TreeItemCollapsibleState.Collapsed);
      case 'more':
        return moreItem(row);
      case 'item':
        return leafItem(row);
    }
  }

  handleDrag(rows: readonly ItemRow[], data: DataTransfer): void {
    const ids = rows.filter(row => row.type === 'item' && !row.item.deleted).map(idOf);
    if (ids.length > 0) data.set(dragType, new DataTransferItem(ids));
  }

  /** Moves items into a folder of their own kind. */
  async handleDrop(target: ItemRow | undefined, data: DataTransfer): Promise<void> {
    const dragged: unknown = data.get(dragType)?.value;
    const place = target && placeOf(target);
    if (!Array.isArray(dragged) || !place) return;
    for (const id of dragged) {
      const item = typeof id === 'string' ? await this.#pages.find(id) : undefined;
      if (!item || item.folder === place.folder) continue;
      if (item.kind !== place.kind) {
        this.#messages.warn(
          l10n.t('“{0}” is a {1}: it stays among its own.', item.title, kindWord(item.kind, l10n.t)),
        );
        return;
      }
      if (!(await this.#messages.done(this.#device.items.update(item.id, { folder: place.folder })))) return;
    }
  }
}

function leafItem(leaf: LeafRow): TreeItem {
  const { item } = leaf;
  const row = new TreeItem(item.title || l10n.t('Untitled'));
  const { tags, prefixes, sensitive } = item;
  row.id = rowKey(leaf);
  row.resourceUri = itemUri({ ...item, language: documentLanguage(item) });
  row.iconPath = item.pinned
    ? new ThemeIcon('pinned')
    : sensitive
      ? new ThemeIcon('shield')
      : iconOf(item.kind);
  row.description = [...(prefixes ?? []), ...tags.map(tag => `#${tag}`)].join(' ');
  row.tooltip = [itemWords(item, l10n.t), item.folder, new Date(item.lastModified).toLocaleString()]
    .filter(Boolean)
    .join('\n');
  row.accessibilityInformation = { label: itemWords(item, l10n.t) };
  if (item.deleted) {
    row.contextValue = 'deletedItem';
    return row;
  }
  const command: CommandId = 'scratchSync.openItem';
  row.contextValue = ['item', item.kind, item.pinned ? 'pinned' : 'unpinned'].join('.');
  row.command = { command, title: l10n.t('Open'), arguments: [item.id] };
  return row;
}

function groupItem(
  row: Exclude<ItemRow, { type: 'notice' | 'more' | 'item' }>,
  title: string,
  count: number,
  state: TreeItemCollapsibleState,
): TreeItem {
  const group = new TreeItem(title, state);
  group.id = rowKey(row);
  group.description = String(count);
  group.contextValue = row.type === 'deleted' ? 'deletedItems' : `${row.type}.${row.kind}`;
  group.accessibilityInformation = { label: l10n.t('{0}, {1} items', title, count) };
  if (row.type === 'kind') group.iconPath = new ThemeIcon(kindIcon(row.kind));
  if (row.type === 'folder') group.iconPath = ThemeIcon.Folder;
  if (row.type === 'deleted') group.iconPath = new ThemeIcon('trash');
  return group;
}

function noticeItem(notice: NoticeRow): TreeItem {
  const { label, detail, icon, command } = notice;
  const row = actionItem(label, icon, command);
  row.id = rowKey(notice);
  if (detail === undefined) return row;
  row.description = detail;
  row.tooltip = detail;
  row.accessibilityInformation = { label: `${label}: ${detail}`, role: 'button' };
  return row;
}

function actionItem(label: string, icon: string, command: CommandId): TreeItem {
  const row = new TreeItem(label);
  row.iconPath = new ThemeIcon(icon);
  row.command = { command, title: label };
  row.accessibilityInformation = { label, role: 'button' };
  return row;
}

function moreItem(more: MoreRow): TreeItem {
  const { place, hidden } = more;
  const label = l10n.t('Show {0} more of {1}…', Math.min(hidden, pageItems), hidden);
  const row = actionItem(label, 'ellipsis', 'scratchSync.showMoreItems');
  row.id = rowKey(more);
  row.command = { command: 'scratchSync.showMoreItems', title: label, arguments: [place] };
  return row;
}

function kindTitle(kind: Kind): string {
  switch (kind) {
    case 'note':
      return l10n.t('Notes');
    case 'snippet':
      return l10n.t('Snippets');
    case 'config':
      return l10n.t('Config');
  }
}

function kindIcon(kind: Kind): string {
  switch (kind) {
    case 'note':
      return 'notebook';
    case 'snippet':
      return 'code';
    case 'config':
      return 'settings-gear';
  }
}

function idOf(row: ItemRow): string {
  return row.type === 'item' ? row.itemId : '';
}

/** The folder that a row stands for, or is in. */
function placeOf(row: ItemRow): { readonly kind: Kind; readonly folder: string } | undefined {
  if (row.type === 'kind' || row.type === 'folder') return row;
  return row.type === 'item' && !row.item.deleted ? row.item : undefined;
}
