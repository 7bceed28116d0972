import type { ItemSummaryJson, StatusJson } from '../../device/json';
import { type Kind, kinds } from '../../model/content';
import type { CommandId } from '../manifest';

/** Rows of the Items view, free of the editor: kind → folder → item, and what was deleted. */
export type ItemRow = NoticeRow | KindRow | FolderRow | LeafRow | DeletedRow | MoreRow;

/** Something to do before anything else, as the first row. */
export interface NoticeRow {
  readonly type: 'notice';
  readonly label: string;
  readonly icon: string;
  readonly command: CommandId;
}

export interface KindRow {
  readonly type: 'kind';
  readonly kind: Kind;
  readonly folder: '';
  readonly count: number;
}

export interface FolderRow {
  readonly type: 'folder';
  readonly kind: Kind;
  /** The whole path. */
  readonly folder: string;
  readonly name: string;
  readonly count: number;
}

export interface LeafRow {
  readonly type: 'item';
  readonly itemId: string;
  readonly item: ItemSummaryJson;
}

export interface DeletedRow {
  readonly type: 'deleted';
  readonly count: number;
}

/** Stands for the items that a folder has beyond those shown. */
export interface MoreRow {
  readonly type: 'more';
  readonly hidden: number;
}

export interface ItemLists {
  readonly live: readonly ItemSummaryJson[];
  readonly deleted: readonly ItemSummaryJson[];
}

/** Items of one folder that are shown; the rest is found by search. */
export const maxShownItems = 500;

/** No row at all when there is no item: then the view shows its welcome. */
export function rootRows(lists: ItemLists, status: StatusJson | undefined): readonly ItemRow[] {
  const { live, deleted } = lists;
  const notice = noticeOf(status);
  if (live.length + deleted.length === 0) return notice && status?.state === 'locked' ? [notice] : [];
  return [
    ...(notice ? [notice] : []),
    ...kinds.map(kind => kindRow(kind, live)).filter(({ count }) => count > 0),
    ...(deleted.length > 0 ? [{ type: 'deleted' as const, count: deleted.length }] : []),
  ];
}

export function childRows(row: ItemRow, lists: ItemLists): readonly ItemRow[] {
  switch (row.type) {
    case 'kind':
    case 'folder': {
      const ofKind = lists.live.filter(({ kind }) => kind === row.kind);
      return [...foldersIn(row, ofKind), ...leaves(ofKind.filter(({ folder }) => folder === row.folder))];
    }
    case 'deleted':
      return leaves(lists.deleted);
    default:
      return [];
  }
}

/** The row that holds another: the view asks when it reveals one. */
export function parentRow(row: ItemRow, lists: ItemLists): ItemRow | undefined {
  if (row.type === 'item') {
    const { kind, folder, deleted } = row.item;
    if (deleted) return { type: 'deleted', count: lists.deleted.length };
    return folder === '' ? kindRow(kind, lists.live) : folderRow(kind, folder, lists.live);
  }
  if (row.type !== 'folder') return undefined;
  const parent = row.folder.split('/').slice(0, -1).join('/');
  return parent === '' ? kindRow(row.kind, lists.live) : folderRow(row.kind, parent, lists.live);
}

/** What a screen reader says of an item. */
export function itemWords(item: ItemSummaryJson): string {
  return [
    item.title || 'Untitled',
    item.kind,
    item.pinned && 'pinned',
    item.sensitive && 'sensitive',
    item.inConflict && 'in conflict',
    item.pending && 'not yet synced',
    item.deleted && 'deleted',
  ]
    .filter(Boolean)
    .join(', ');
}

function noticeOf(status: StatusJson | undefined): NoticeRow | undefined {
  switch (status?.state) {
    case 'signedOut':
      return { type: 'notice', label: 'Sign in to sync', icon: 'account', command: 'scratchSync.signIn' };
    case 'locked':
      return {
        type: 'notice',
        label: 'Locked: unlock with your password',
        icon: 'lock',
        command: 'scratchSync.unlock',
      };
    case 'attention':
      return {
        type: 'notice',
        label: status.guard
          ? 'Sync waits for you: many items would change'
          : (status.attention ?? 'Sync needs you'),
        icon: 'warning',
        command: status.guard ? 'scratchSync.reviewMassChange' : 'scratchSync.showStatus',
      };
    default:
      return undefined;
  }
}

function kindRow(kind: Kind, live: readonly ItemSummaryJson[]): KindRow {
  return { type: 'kind', kind, folder: '', count: live.filter(item => item.kind === kind).length };
}

function folderRow(kind: Kind, folder: string, live: readonly ItemSummaryJson[]): FolderRow {
  const count = live.filter(item => item.kind === kind && isWithin(item.folder, folder)).length;
  return { type: 'folder', kind, folder, name: folder.split('/').at(-1) ?? folder, count };
}

/** The folders right below a row, by name. */
function foldersIn(row: KindRow | FolderRow, ofKind: readonly ItemSummaryJson[]): readonly FolderRow[] {
  const prefix = row.folder === '' ? '' : `${row.folder}/`;
  const names = new Set<string>();
  for (const { folder } of ofKind) {
    if (folder !== row.folder && folder.startsWith(prefix))
      names.add(folder.slice(prefix.length).split('/')[0] ?? '');
  }
  return [...names].sort(byText).map(name => folderRow(row.kind, `${prefix}${name}`, ofKind));
}

function leaves(items: readonly ItemSummaryJson[]): readonly ItemRow[] {
  const sorted = [...items].sort(
    (left, right) => Number(right.pinned) - Number(left.pinned) || byText(left.title, right.title),
  );
  const shown = sorted
    .slice(0, maxShownItems)
    .map(item => ({ type: 'item' as const, itemId: item.id, item }));
  const hidden = sorted.length - shown.length;
  return hidden > 0 ? [...shown, { type: 'more', hidden }] : shown;
}

function isWithin(folder: string, outer: string): boolean {
  return folder === outer || folder.startsWith(`${outer}/`);
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function byText(left: string, right: string): number {
  return collator.compare(left, right);
}
