import { counted } from '../../base/amounts';
import { ok } from '../../base/result';
import { isItemId, shortId } from '../../model/ids/ids';
import { branded, integer } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';
import type { Check } from './examination';
import { sound, trouble } from './finding';

const check = 'items';

/** Items whose text lies in clear and cannot be read: SQLite finds nothing wrong with a page in which a byte has changed. */
export const checkItems: Check = async ({ store }) => {
  const unreadable: string[] = [];
  for (let afterRid: number | undefined = 0; afterRid !== undefined; ) {
    const from: number = afterRid;
    const step = await store.read(tx => lookAtSome(tx, from));
    if (!step.ok) return step;
    unreadable.push(...step.value.unreadable);
    afterRid = step.value.lastRid;
  }
  if (unreadable.length === 0) return ok([sound(check, 'Every item can be read.')]);
  const named = unreadable.slice(0, maxNamed).map(shortId);
  const found =
    `${counted(unreadable.length, 'item')} cannot be read any more (${named.join(', ')}). ` +
    'Restore an earlier version of it, or roll back to a snapshot.';
  return ok([trouble(check, 'error', found, undefined)]);
};

const itemsPerStep = 500;
const maxNamed = 5;

function lookAtSome(store: StoreTransaction, afterRid: number) {
  const rows = store.sql.all('SELECT rid, id, payload FROM items WHERE rid > ? ORDER BY rid LIMIT ?', [
    afterRid,
    itemsPerStep,
  ]);
  const last = rows.at(-1);
  return {
    unreadable: rows
      .filter(row => typeof row['payload'] === 'string')
      .map(row => ({ row, id: branded(row, 'id', isItemId) }))
      .filter(({ row, id }) => store.payloads.readContent(row, 'payload', id) === undefined)
      .map(({ id }) => id),
    lastRid: rows.length < itemsPerStep || last === undefined ? undefined : integer(last, 'rid'),
  };
}
