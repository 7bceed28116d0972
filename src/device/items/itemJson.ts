import { isoTime } from '../../base/time';
import type { Conflict, ConflictSide } from '../../model/conflict';
import type { Content } from '../../model/content';
import type { DeviceId, ItemId } from '../../model/ids/ids';
import { parseStamp, type Stamp } from '../../model/ids/stamp';
import type { StoredItem } from '../../store/items';
import type { ConflictJson, ConflictSideJson, ItemJson, ItemSummaryJson } from '../json';

/** Items and conflict records as JSON for people and programs. */

export interface ItemState {
  readonly id: ItemId;
  readonly content: Content;
  readonly lastModified: Stamp;
  readonly deviceId: DeviceId;
  readonly version: number;
  readonly deleted: boolean;
}

export function itemJson(item: ItemState): ItemJson {
  const { body, ...summary } = fields(item);
  return { ...summary, body, ...overlaysOf(item.content) };
}

export function summaryJson(
  item: ItemState,
  flags: { readonly pending: boolean; readonly inConflict: boolean },
): ItemSummaryJson {
  const { body: _body, ...summary } = fields(item);
  return { ...summary, ...flags };
}

/** An item of which nothing but the shell can be read: it is encrypted and the device is locked. */
export function lockedSummaryJson(
  item: StoredItem,
  flags: { readonly pending: boolean; readonly inConflict: boolean },
): ItemSummaryJson {
  return {
    id: item.id,
    kind: item.kind,
    title: `Locked ${item.kind}`,
    folder: '',
    tags: [],
    pinned: false,
    sensitive: true,
    ...stateOf(item),
    ...flags,
  };
}

/** Which side of a record is this device's: the earlier one when neither or both are. */
export function localSideOf(conflict: Conflict, ownDevice: DeviceId): 'earlier' | 'later' {
  return conflict.later.deviceId === ownDevice && conflict.earlier.deviceId !== ownDevice
    ? 'later'
    : 'earlier';
}

export function conflictJson(conflict: Conflict, ownDevice: DeviceId): ConflictJson {
  const localSide = localSideOf(conflict, ownDevice);
  const local = conflict[localSide];
  const remote = localSide === 'later' ? conflict.earlier : conflict.later;
  return {
    id: conflict.id,
    itemId: conflict.itemId,
    kind: conflict.later.content.kind,
    title: conflict.later.content.title,
    base: conflict.base ? sideJson(conflict.itemId, conflict.base) : null,
    local: sideJson(conflict.itemId, local),
    remote: sideJson(conflict.itemId, remote),
    outcome: conflict.outcome,
    winner: localSide === 'later' ? 'local' : 'remote',
    keys: conflict.keys,
    detectedAt: isoTime(parseStamp(conflict.detectedAt).millis),
    deviceId: conflict.detectedBy,
    state: conflict.state,
  };
}

function sideJson(id: ItemId, side: ConflictSide): ConflictSideJson {
  return { ...itemJson({ ...side, id, lastModified: side.stamp }), deviceName: side.deviceName };
}

function fields(item: ItemState): Omit<ItemJson, 'overlays'> {
  const { content } = item;
  const common = {
    id: item.id,
    kind: content.kind,
    title: content.title,
    body: content.body,
    folder: content.folder,
    tags: content.tags,
  };
  const flags = { pinned: content.pinned, sensitive: content.sensitive, ...stateOf(item) };
  switch (content.kind) {
    case 'note':
      return {
        ...common,
        language: content.language,
        ...(content.repository === undefined ? {} : { repository: content.repository }),
        ...flags,
      };
    case 'snippet':
      return {
        ...common,
        languages: content.languages,
        prefixes: content.prefixes,
        description: content.description,
        include: content.include,
        exclude: content.exclude,
        ...flags,
      };
    case 'config':
      return {
        ...common,
        language: content.language,
        ...(content.target === undefined ? {} : { target: content.target }),
        ...flags,
      };
  }
}

function overlaysOf(content: Content): Pick<ItemJson, 'overlays'> {
  return content.kind === 'config' ? { overlays: content.overlays } : {};
}

function stateOf(item: Omit<ItemState, 'content' | 'id'>) {
  return {
    lastModified: isoTime(parseStamp(item.lastModified).millis),
    deviceId: item.deviceId,
    version: item.version,
    deleted: item.deleted,
  };
}
