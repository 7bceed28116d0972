import { itemIdsInConflict } from '../../store/conflicts';
import type { StoredItem } from '../../store/items';
import { isItemPending, pendingItemIds } from '../../store/pendingItems';
import type { StoreTransaction } from '../../store/transaction';
import type { ItemSummaryJson } from '../json';
import { lockedSummaryJson, summaryJson } from './itemJson';

/** Items as lists show them, with what of them waits. */
export function summaries(store: StoreTransaction, items: readonly StoredItem[]): readonly ItemSummaryJson[] {
  const isPending = pendingAmong(store, items);
  const inConflict = itemIdsInConflict(store);
  return items.map(item => {
    const flags = { pending: isPending(item), inConflict: inConflict.has(item.id) };
    return item.content === undefined
      ? lockedSummaryJson(item, flags)
      : summaryJson({ ...item, content: item.content }, flags);
  });
}

/** Few are asked for one by one, so that a page costs the same however many wait; for many, all that wait are read. */
function pendingAmong(store: StoreTransaction, items: readonly StoredItem[]): (item: StoredItem) => boolean {
  if (items.length <= maxAskedSingly) return ({ id }) => isItemPending(store, id);
  const pending = pendingItemIds(store);
  return ({ id }) => pending.has(id);
}

const maxAskedSingly = 1000;
