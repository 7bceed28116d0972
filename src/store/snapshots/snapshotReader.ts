import { toHex } from '../../base/encoding';
import { canonicalJson } from '../../base/json';
import { ok, type Result } from '../../base/result';
import type { Content } from '../../model/content';
import { decodeContent } from '../../model/contentCodec';
import { type ItemId, isItemId } from '../../model/ids/ids';
import type { SqlValue, StorageError } from '../../sqlite/database';
import { branded, flag } from '../../sqlite/rows';
import type { Store } from '../store';
import type { StoreTransaction } from '../transaction';

/** A snapshot, open beside the store, to be compared with it. */
export interface SnapshotReader {
  /** The items that are not what they were in the snapshot, those included that it does not have; by their ids. */
  differences(): Promise<Result<readonly ItemId[], StorageError>>;
  /** What setting these items back takes. An item that the snapshot does not have is to be deleted. */
  edits(itemIds: readonly ItemId[]): Promise<Result<readonly SnapshotEdit[], StorageError>>;
  close(): Promise<void>;
}

/** The state that an item had. */
export interface SnapshotEdit {
  readonly itemId: ItemId;
  /** Undefined when it is emptied, damaged, or encrypted at rest and the device is locked, or by a key that is gone. */
  readonly content: Content | undefined;
  readonly deleted: boolean;
}

export function createSnapshotReader(store: Store, snapshot: Store): SnapshotReader {
  return {
    async differences() {
      const differing: ItemId[] = [];
      for (let after: string | undefined = ''; after !== undefined; ) {
        const from: string = after;
        const then = await snapshot.read(tx => statesAfter(tx, from));
        if (!then.ok) return then;
        const now = await store.read(tx => statesAfter(tx, from));
        if (!now.ok) return now;
        after = commonEnd(then.value, now.value);
        const upTo = after;
        const within = (state: ItemState) => upTo === undefined || state.id <= upTo;
        differing.push(...differenceOf(then.value.filter(within), now.value.filter(within)));
      }
      return ok(differing);
    },

    async edits(itemIds) {
      const then = await snapshot.read(tx => itemIds.map(id => editOf(tx, id, undefined)));
      if (!then.ok) return then;
      const now = await store.read(tx =>
        then.value.flatMap((edit, index) => {
          const id = itemIds[index];
          return edit ?? (id === undefined ? [] : (editOf(tx, id, true) ?? []));
        }),
      );
      return now;
    },

    close: () => snapshot.close(),
  };
}

const itemsPerStep = 500;

interface ItemState {
  readonly id: ItemId;
  readonly deleted: boolean;
  /** Equal for equal contents, as far as they can be read; else equal for equal bytes. */
  readonly text: string;
}

function statesAfter(store: StoreTransaction, after: string): readonly ItemState[] {
  return store.sql
    .all('SELECT id, deleted, payload FROM items WHERE id > ? ORDER BY id LIMIT ?', [after, itemsPerStep])
    .map(row => {
      const id = branded(row, 'id', isItemId);
      return { id, deleted: flag(row, 'deleted'), text: textOf(store, row['payload'], id) };
    });
}

function textOf(store: StoreTransaction, payload: SqlValue | undefined, id: ItemId): string {
  if (!(payload instanceof Uint8Array)) return String(payload);
  const value = store.payloads.read(payload, id);
  return value === undefined ? toHex(payload) : canonicalJson(value);
}

/** Up to which id both lists are complete; undefined when both have come to their end. */
function commonEnd(left: readonly ItemState[], right: readonly ItemState[]): string | undefined {
  const ends = [left, right].flatMap(states => {
    const last = states.length < itemsPerStep ? undefined : states.at(-1);
    return last === undefined ? [] : [String(last.id)];
  });
  return ends.sort()[0];
}

function differenceOf(then: readonly ItemState[], now: readonly ItemState[]): readonly ItemId[] {
  const current = new Map(now.map(state => [state.id, state]));
  const changed = then.filter(state => {
    const held = current.get(state.id);
    current.delete(state.id);
    if (state.deleted) return held !== undefined && !held.deleted;
    return held === undefined || held.deleted || held.text !== state.text;
  });
  const added = [...current.values()].filter(state => !state.deleted);
  return [...changed, ...added].map(state => state.id);
}

/** @param deleted as the snapshot says when undefined */
function editOf(
  store: StoreTransaction,
  itemId: ItemId,
  deleted: true | undefined,
): SnapshotEdit | undefined {
  const row = store.sql.get('SELECT deleted, payload FROM items WHERE id = ?', [itemId]);
  if (row === undefined) return undefined;
  const content = decodeContent(store.payloads.read(row['payload'], itemId));
  return {
    itemId,
    content: content.ok ? content.value : undefined,
    deleted: deleted ?? flag(row, 'deleted'),
  };
}
