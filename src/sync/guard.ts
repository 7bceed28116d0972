import { dayMs } from '../base/time';
import { sameContent } from '../model/contentCodec';
import { parseStamp } from '../model/ids/stamp';
import { countItems, readItem } from '../store/items';
import { waitingItemChange } from '../store/outbox';
import { countOverwrites, noteOverwrites, type Overwrite } from '../store/overwritten';
import { correctedTime } from './clock/clock';
import type { MergeContext } from './context';
import type { OpenedItem } from './sealing/sealing';

/**
 * The guard against mass changes: what other devices delete or overwrite within a day is counted, and an unusual share
 * of the items stops the cycle before it is applied.
 */
export interface MassChange {
  readonly changed: number;
  /** Live items before it. */
  readonly total: number;
}

/** Over this time overwrites add up. */
export const guardWindowMs = dayMs;
/** A share of fewer items than this says nothing. */
const minChangedItems = 10;
/** Half of the items deleted is unusual in a store of any size, but for one with a single item. */
const minDeletedItems = 2;
/**
 * Every item overwritten at once is unusual too, from so many on. Few items, one by one, are what a person edits in a
 * day on another device: holding that would hold sync every day.
 */
const minWholeItems = 5;

/** What applying these versions would delete or overwrite here. */
export function overwritesOf(context: MergeContext, versions: readonly OpenedItem[]): readonly Overwrite[] {
  return versions.flatMap(version => {
    if (parseStamp(version.stamp).deviceId === context.device.id) return [];
    const held = readItem(context.store, version.itemId);
    if (!held || held.deleted || held.syncedStamp === version.stamp || held.content === undefined) return [];
    const seen = version.reseal ? waitingItemChange(context.store, version.itemId)?.base.content : undefined;
    if (!version.deleted && sameContent(seen ?? held.content, version.document.content)) return [];
    return [{ itemId: version.itemId, deleted: version.deleted, stamp: version.stamp }];
  });
}

/** Remembers what was deleted or overwritten, at the corrected time: a wall clock that jumps would keep it for ever. */
export function noteOverwritten(context: MergeContext, overwrites: readonly Overwrite[]): void {
  noteOverwrites(context.store, overwrites, correctedTime(context.store, context.wallMs));
}

/** A mass change, when these overwrites and those of the last day are one. */
export function massChangeOf(
  { store, wallMs }: MergeContext,
  overwrites: readonly Overwrite[],
  maxChangedPercent: number,
): MassChange | undefined {
  if (overwrites.length === 0) return undefined;
  const sinceMs = correctedTime(store, wallMs) - guardWindowMs;
  const { changed, deleted } = countOverwrites(store, sinceMs, overwrites);
  const { live } = countItems(store);
  // Those deleted within the day were live before it.
  const total = live + deleted - overwrites.filter(overwrite => overwrite.deleted).length;
  const unusual = changed >= minChangedItems && changed * 100 > total * maxChangedPercent;
  const wipes = deleted >= minDeletedItems && deleted * 2 >= total;
  const isWhole = overwrites.length >= minWholeItems && overwrites.length >= total;
  return unusual || wipes || isWhole ? { changed, total } : undefined;
}
