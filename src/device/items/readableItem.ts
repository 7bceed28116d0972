import { ok, type Result } from '../../base/result';
import type { Content } from '../../model/content';
import { readItem, type StoredItem } from '../../store/items';
import type { StoreTransaction } from '../../store/transaction';
import { itemIdOf } from '../core';
import type { DeviceError } from '../deviceError';
import { failure, lockedFailure } from '../failures';

/** An item that is there, and not encrypted while the device is locked. */
export interface ReadableItem extends StoredItem {
  readonly content: Content;
}

/** The item whose id this is, or starts with. */
export function readableItem(store: StoreTransaction, given: string): Result<ReadableItem, DeviceError> {
  const id = itemIdOf(store, given);
  if (!id.ok) return id;
  const item = readItem(store, id.value);
  if (item === undefined)
    return failure('unknownItem', 'The item is gone. List the items to see what there is.');
  if (item.content === undefined) return lockedFailure();
  return ok({ ...item, content: item.content });
}
