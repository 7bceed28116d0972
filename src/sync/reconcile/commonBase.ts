import type { ChangeBase, ItemChange } from '../../store/outbox';
import type { StoreTransaction } from '../../store/transaction';
import { versionByStamp } from '../../store/versions';
import type { OpenedItem } from '../sealing/sealing';

/** The base of what is made on no version of the server. */
export const noBase: ChangeBase = { version: 0, stamp: undefined, deleted: false, content: undefined };

/**
 * What two sides that do not descend from each other meet on: their latest common ancestor, when it is still held; else
 * {@link noBase}, for a base is never guessed.
 */
export function commonBase(store: StoreTransaction, ours: ItemChange, remote: OpenedItem): ChangeBase {
  const { base } = ours;
  const stamps = [...(base.stamp === undefined ? [] : [base.stamp]), ...ours.ancestors];
  const shared = stamps.filter(stamp => remote.document.ancestors.includes(stamp));
  const [common] = shared;
  if (common !== undefined && common === base.stamp && base.content !== undefined) return base;
  // A version that was only sealed anew is not in the history; the one that it was made of is.
  const version = shared
    .map(stamp => versionByStamp(store, remote.itemId, stamp))
    .find(held => held !== undefined);
  if (version === undefined) return noBase;
  return {
    version: version.version,
    stamp: version.stamp,
    deleted: version.deleted,
    content: version.content,
  };
}
