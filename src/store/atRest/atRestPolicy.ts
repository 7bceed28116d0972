import { type ItemId, isItemId } from '../../model/ids/ids';
import { branded, integer } from '../../sqlite/rows';
import { readState, writeState } from '../state';
import type { StoreTransaction } from '../transaction';
import { sealItem, unsealItem } from './seal';

/** Rewriting the rows when the policy of encryption at rest has changed. */

/** Whether rows lie in the file in another way than the policy in use asks for. */
export function isAtRestDue(store: StoreTransaction): boolean {
  const state = readState(store, 'atRest');
  return state === undefined
    ? store.payloads.policy !== policyOfNewStores
    : state.policy !== store.payloads.policy || state.afterRid !== undefined;
}

/**
 * Rewrites some rows more. The device must be unlocked.
 * @returns whether all are as the policy asks
 */
export function continueAtRest(store: StoreTransaction): boolean {
  if (!isAtRestDue(store)) return true;
  const { policy } = store.payloads;
  const state = readState(store, 'atRest');
  const after = state?.policy === policy ? (state.afterRid ?? 0) : 0;
  const rows = store.sql.all(
    `SELECT rid, id, typeof(payload) AS form FROM items WHERE rid > ? ORDER BY rid LIMIT ?`,
    [after, itemsPerStep],
  );
  for (const row of rows) {
    const id = branded(row, 'id', isItemId);
    const isSealed = row['form'] === 'blob';
    if (policy === 'all' && !isSealed) sealItem(store, id);
    if (policy === 'sensitive' && isSealed) unsealItem(store, id);
  }
  const last = rows.at(-1);
  const isLast = last === undefined || rows.length < itemsPerStep;
  if (isLast && policy === 'all') for (const id of itemsOfRecordsAlone(store)) sealItem(store, id);
  const snapshotsDue = policy === 'all' ? { snapshotsDue: true } : {};
  writeState(
    store,
    'atRest',
    isLast ? { policy, ...snapshotsDue } : { policy, afterRid: integer(last, 'rid') },
  );
  return isLast;
}

/** Whether snapshots may hold in clear what the policy in use encrypts, of whatever items. */
export function areSnapshotsDue(store: StoreTransaction): boolean {
  return readState(store, 'atRest')?.snapshotsDue ?? false;
}

/** The snapshots are as the policy asks. */
export function snapshotsDone(store: StoreTransaction): void {
  const state = readState(store, 'atRest');
  if (state?.snapshotsDue) writeState(store, 'atRest', { policy: state.policy });
}

const policyOfNewStores = 'sensitive';
/** Rows rewritten in one transaction. */
const itemsPerStep = 100;

/** Items that are not here any more but whose conflict records, or changes, are. */
function itemsOfRecordsAlone(store: StoreTransaction): readonly ItemId[] {
  return store.sql
    .all(
      `SELECT item_id FROM (
         SELECT item_id FROM conflicts WHERE deleted = 0 AND typeof(payload) = 'text'
         UNION SELECT item_id FROM changes WHERE collection = 'item'
           AND (typeof(payload) = 'text' OR typeof(base_payload) = 'text'))
       WHERE item_id NOT IN (SELECT id FROM items)`,
    )
    .map(row => branded(row, 'item_id', isItemId));
}
