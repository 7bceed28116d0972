import { dayMs } from '../../base/time';
import { type ItemId, isItemId } from '../../model/ids/ids';
import type { Row } from '../../sqlite/database';
import { branded, flag, integer, optionalInteger, text } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';
import { deleteVersion, textOf } from '../versions';
import { packText } from '../versionTexts';

export interface HistoryLimits {
  readonly nowMs: number;
  /** For so long after it was overwritten a state is kept. */
  readonly keepDays: number;
}

/** States that are kept of one item, the current one not counted. */
export const maxVersionsPerItem = 200;

/**
 * Bounds and packs the history of some items, in the order of their ids after `after`.
 * @returns the item to go on after; undefined at the end
 */
export function pruneVersions(
  store: StoreTransaction,
  limits: HistoryLimits,
  after: string,
): string | undefined {
  const rows = store.sql.all(
    'SELECT item_id, count(*) AS states FROM versions WHERE item_id > ? GROUP BY item_id ORDER BY item_id LIMIT ?',
    [after, itemsPerStep],
  );
  let states = 0;
  for (const row of rows) {
    const itemId = branded(row, 'item_id', isItemId);
    tidyHistory(store, itemId, limits);
    states += integer(row, 'states');
    if (states >= statesPerStep) return itemId;
  }
  return rows.length < itemsPerStep ? undefined : text(rows.at(-1) ?? {}, 'item_id');
}

/** States and items that one transaction looks at. */
const statesPerStep = 300;
const itemsPerStep = 100;
/** States packed on one: few enough that none of them is far from it. */
const maxStatesPerBase = 16;
/** A state that saves less by being packed on another is packed alone, and others are packed on it. */
const worthwhileShare = 0.6;

function tidyHistory(store: StoreTransaction, itemId: ItemId, { nowMs, keepDays }: HistoryLimits): void {
  const newestFirst = store.sql.all(
    'SELECT id, superseded_ms FROM versions WHERE item_id = ? ORDER BY id DESC',
    [itemId],
  );
  for (const [index, row] of newestFirst.entries()) {
    const isOld = integer(row, 'superseded_ms') < nowMs - keepDays * dayMs;
    if (isOld || index >= maxVersionsPerItem) deleteVersion(store, itemId, integer(row, 'id'));
  }
  packHistory(store, itemId);
}

interface Base {
  readonly id: number;
  readonly text: string;
  states: number;
}

function packHistory(store: StoreTransaction, itemId: ItemId): void {
  const loose = store.sql.get(
    `SELECT 1 FROM versions WHERE item_id = ? AND packed = 0 AND typeof(payload) = 'text' LIMIT 1`,
    [itemId],
  );
  if (!loose) return;
  let base: Base | undefined;
  for (const row of store.sql.all('SELECT * FROM versions WHERE item_id = ? ORDER BY id', [itemId])) {
    const found = flag(row, 'packed') ? baseOf(store, row, base) : pack(store, row, base);
    if (found) base = found;
  }
}

/** The state that those after a packed one may be packed on. */
function baseOf(store: StoreTransaction, row: Row, current: Base | undefined): Base | undefined {
  const baseId = optionalInteger(row, 'base_id');
  if (baseId === undefined) {
    const own = textOf(store, row);
    return own === undefined ? undefined : { id: integer(row, 'id'), text: own, states: 0 };
  }
  if (current?.id === baseId) current.states++;
  return current;
}

function pack(store: StoreTransaction, row: Row, base: Base | undefined): Base | undefined {
  const own = textOf(store, row);
  if (own === undefined) return base; // sealed: compressed already
  const id = integer(row, 'id');
  const alone = packText(own);
  const onBase = base && base.states < maxStatesPerBase ? packText(own, base.text) : undefined;
  const write = (payload: Uint8Array, baseId: number | null) =>
    store.sql.run('UPDATE versions SET payload = ?, packed = 1, base_id = ? WHERE id = ?', [
      payload,
      baseId,
      id,
    ]);
  if (base && onBase && onBase.length < alone.length * worthwhileShare) {
    write(onBase, base.id);
    base.states++;
    return base;
  }
  write(alone, null);
  return { id, text: own, states: 0 };
}
