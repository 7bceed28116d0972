import type { DeviceError } from '../../device/deviceError';
import type { ItemSummaryJson, OutlineJson, PlaceJson, StatusJson } from '../../device/json';
import { type Kind, kinds } from '../../model/content';
import type { CommandId } from '../manifest';
import { attentionCommand } from './attention';
import type { Say } from './say';

/** Rows of the Items view, free of the editor: kind → folder → item, and what was deleted. */
export type ItemRow = NoticeRow | KindRow | FolderRow | LeafRow | DeletedRow | MoreRow;

/** Something to do before anything else, as the first row. */
export interface NoticeRow {
  readonly type: 'notice';
  readonly label: string;
  /** What is the matter, where the label does not say it all. */
  readonly detail?: string;
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

/** Stands for the items of a place beyond those shown; shows more of them when it is pressed. */
export interface MoreRow {
  readonly type: 'more';
  readonly place: TreePlace;
  readonly hidden: number;
}

/** What rows hold items: a folder of a kind, or what was deleted. */
export type TreePlace = PlaceJson | 'deleted';

/** Items of one place that are shown at first, and with each press for more. */
export const pageItems = 500;

/** No row at all when there is no item: then the view shows its welcome. */
export function rootRows(outline: OutlineJson, status: StatusJson | undefined, say: Say): readonly ItemRow[] {
  const { places, deleted } = outline;
  const first = noticeOf(status, say);
  if (places.length === 0 && deleted === 0) return first && status?.state === 'locked' ? [first] : [];
  return [
    ...(first ? [first] : []),
    ...kinds.map(kind => kindRow(kind, outline)).filter(({ count }) => count > 0),
    ...(deleted > 0 ? [{ type: 'deleted' as const, count: deleted }] : []),
  ];
}

/** The one row when the items cannot be read: an empty tree would say that there are none. */
export function unreadableRow({ code, message }: DeviceError, say: Say): NoticeRow {
  const command = code === 'storage' ? 'scratchSync.runDoctor' : 'scratchSync.showLog';
  return { ...notice(say('The items cannot be read'), 'error', command), detail: message };
}

/** The place whose items stand in a row; undefined for a row that holds none. */
export function placeOfRow(row: ItemRow): TreePlace | undefined {
  if (row.type === 'deleted') return 'deleted';
  return row.type === 'kind' || row.type === 'folder' ? { kind: row.kind, folder: row.folder } : undefined;
}

export function placeKey(place: TreePlace): string {
  return place === 'deleted' ? place : `${place.kind}:${place.folder}`;
}

/** How many items the place itself has. */
export function countIn(outline: OutlineJson, place: TreePlace): number {
  if (place === 'deleted') return outline.deleted;
  const found = outline.places.find(({ kind, folder }) => kind === place.kind && folder === place.folder);
  return found?.count ?? 0;
}

/** @param items the first items of the place that the row stands for */
export function childRows(
  row: ItemRow,
  outline: OutlineJson,
  items: readonly ItemSummaryJson[],
): readonly ItemRow[] {
  const place = placeOfRow(row);
  if (place === undefined) return [];
  const folders = row.type === 'kind' || row.type === 'folder' ? foldersIn(row, outline) : [];
  const hidden = Math.max(0, countIn(outline, place) - items.length);
  // A place that is shown whole is in the order of the person's language.
  const sorted = hidden === 0 && place !== 'deleted' ? [...items].sort(byPinAndTitle) : items;
  const shown = sorted.map(item => ({ type: 'item' as const, itemId: item.id, item }));
  return [...folders, ...shown, ...(hidden > 0 ? [{ type: 'more' as const, place, hidden }] : [])];
}

/** The row that holds another: the view asks when it reveals one. */
export function parentRow(row: ItemRow, outline: OutlineJson): ItemRow | undefined {
  if (row.type === 'item') {
    return row.item.deleted ? deletedRow(outline) : rowOfFolder(row.item.kind, row.item.folder, outline);
  }
  if (row.type === 'more') {
    return row.place === 'deleted'
      ? deletedRow(outline)
      : rowOfFolder(row.place.kind, row.place.folder, outline);
  }
  if (row.type !== 'folder') return undefined;
  return rowOfFolder(row.kind, row.folder.split('/').slice(0, -1).join('/'), outline);
}

/**
 * The items that a key is about: those that are selected when the focused row is one of them, else the focused one.
 * None of them is deleted.
 *
 * @param toggled what was selected once the focused row had been put into the selection, or out of it
 */
export function keyboardItemIds(
  selected: readonly ItemRow[],
  toggled: readonly ItemRow[],
): readonly string[] {
  const before = new Set(selected.map(rowKey));
  const added = toggled.filter(row => !before.has(rowKey(row)));
  return (added.length > 0 ? added : selected).flatMap(row =>
    row.type === 'item' && !row.item.deleted ? [row.itemId] : [],
  );
}

/** Tells rows apart; each has one of its own. */
export function rowKey(row: ItemRow): string {
  switch (row.type) {
    case 'item':
      return row.itemId;
    case 'notice':
      return `action:${row.command}`;
    case 'more':
      return `more:${placeKey(row.place)}`;
    case 'deleted':
      return row.type;
    default:
      return `${row.type}:${row.kind}:${row.folder}`;
  }
}

/** What a screen reader says of an item. */
export function itemWords(item: ItemSummaryJson, say: Say): string {
  return [
    item.title || say('Untitled'),
    kindWord(item.kind, say),
    item.pinned && say('pinned'),
    item.sensitive && say('sensitive'),
    item.inConflict && say('in conflict'),
    item.pending && say('not yet synced'),
    item.deleted && say('deleted'),
  ]
    .filter(Boolean)
    .join(', ');
}

export function kindWord(kind: Kind, say: Say): string {
  switch (kind) {
    case 'note':
      return say('note');
    case 'snippet':
      return say('snippet');
    case 'config':
      return say('config');
  }
}

function noticeOf(status: StatusJson | undefined, say: Say): NoticeRow | undefined {
  switch (status?.state) {
    case 'signedOut':
      return notice(say('Sign in to sync'), 'account', 'scratchSync.signIn');
    case 'locked':
      return notice(say('Locked: unlock with your password'), 'lock', 'scratchSync.unlock');
    case 'attention':
      return {
        ...notice(
          status.guard ? say('Sync waits for you: many items would change') : say('Sync needs you'),
          'warning',
          attentionCommand(status),
        ),
        ...(status.attention === undefined ? {} : { detail: status.attention }),
      };
    default:
      return undefined;
  }
}

function notice(label: string, icon: string, command: CommandId): NoticeRow {
  return { type: 'notice', label, icon, command };
}

function deletedRow({ deleted }: OutlineJson): DeletedRow {
  return { type: 'deleted', count: deleted };
}

function rowOfFolder(kind: Kind, folder: string, outline: OutlineJson): KindRow | FolderRow {
  return folder === '' ? kindRow(kind, outline) : folderRow(kind, folder, outline);
}

function kindRow(kind: Kind, { places }: OutlineJson): KindRow {
  return { type: 'kind', kind, folder: '', count: total(places.filter(place => place.kind === kind)) };
}

function folderRow(kind: Kind, folder: string, { places }: OutlineJson): FolderRow {
  const within = places.filter(place => place.kind === kind && isWithin(place.folder, folder));
  return { type: 'folder', kind, folder, name: folder.split('/').at(-1) ?? folder, count: total(within) };
}

/** The folders right below a row, by name. */
function foldersIn(row: KindRow | FolderRow, { places }: OutlineJson): readonly FolderRow[] {
  const prefix = row.folder === '' ? '' : `${row.folder}/`;
  const counts = new Map<string, number>();
  for (const { kind, folder, count } of places) {
    if (kind !== row.kind || folder === row.folder || !folder.startsWith(prefix)) continue;
    const name = folder.slice(prefix.length).split('/')[0] ?? '';
    counts.set(name, count + (counts.get(name) ?? 0));
  }
  return [...counts]
    .map(([name, count]) => ({
      ...{ type: 'folder' as const, kind: row.kind, folder: `${prefix}${name}` },
      ...{ name, count },
    }))
    .sort((left, right) => byText(left.name, right.name));
}

function total(places: OutlineJson['places']): number {
  return places.reduce((sum, { count }) => sum + count, 0);
}

function isWithin(folder: string, outer: string): boolean {
  return folder === outer || folder.startsWith(`${outer}/`);
}

function byPinAndTitle(left: ItemSummaryJson, right: ItemSummaryJson): number {
  return Number(right.pinned) - Number(left.pinned) || byText(left.title, right.title);
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function byText(left: string, right: string): number {
  return collator.compare(left, right);
}
