import { ok, type Result } from '../../base/result';
import type { ItemId } from '../../model/ids/ids';
import type { Stamp } from '../../model/ids/stamp';
import { readItem, type StoredItem } from '../../store/items';
import {
  countDeleted,
  countPlaces,
  listPlace,
  listSealed,
  type Place,
  type PlaceCount,
} from '../../store/synced/places';
import type { StoreTransaction } from '../../store/transaction';
import { type DeviceCore, itemIdOf, read } from '../core';
import type { DeviceItems } from '../device';
import type { DeviceError } from '../deviceError';
import { failure } from '../failures';
import { summaries } from './itemSummaries';

/** A page cannot be larger. */
export const maxPageItems = 10_000;

/** Items for a tree: where they lie, and those of one place at a time. */
export function createItemPages(core: DeviceCore): Pick<DeviceItems, 'outline' | 'page' | 'summary'> {
  const sealed = new SealedPlaces(core);
  return {
    outline: async () => {
      const refreshed = await sealed.refresh();
      if (!refreshed.ok) return refreshed;
      return read(core, store =>
        ok({ places: united([...countPlaces(store), ...sealed.counts()]), deleted: countDeleted(store) }),
      );
    },

    page: async (place, limit) => {
      const refreshed = await sealed.refresh();
      if (!refreshed.ok) return refreshed;
      const size = Math.min(limit, maxPageItems);
      return read(core, store => {
        const open = listPlace(store, place, size);
        const closed = sealed.idsIn(place, size).flatMap(id => readItem(store, id) ?? []);
        const shown = closed.length === 0 ? open : [...open, ...closed].sort(byShownOrder).slice(0, size);
        return ok(summaries(store, shown));
      });
    },

    summary: id =>
      read(core, store => {
        const itemId = itemIdOf(store, id);
        if (!itemId.ok) return itemId;
        const item = readItem(store, itemId.value);
        const [summary] = item === undefined ? [] : summaries(store, [item]);
        return summary === undefined
          ? failure('unknownItem', 'The item is gone. List the items to see what there is.')
          : ok(summary);
      }),
  };
}

interface SealedPlace extends Place {
  readonly lastModified: Stamp;
  readonly title: string;
  readonly pinned: boolean;
  /** False when the device was locked when it was read: only the kind could be told. */
  readonly unlocked: boolean;
}

/**
 * Where the sealed items lie. Each is opened once and again when it has changed, in short transactions, because
 * opening all of them takes a second for some ten thousand.
 */
class SealedPlaces {
  readonly #core: DeviceCore;
  #places = new Map<ItemId, SealedPlace>();

  constructor(core: DeviceCore) {
    this.#core = core;
  }

  async refresh(): Promise<Result<void, DeviceError>> {
    for (;;) {
      const left = await read(this.#core, store => ok(this.#openSome(store)));
      if (!left.ok) return left;
      if (left.value === 0) return ok();
      await this.#core.timers.sleep(0);
    }
  }

  counts(): readonly PlaceCount[] {
    return [...this.#places.values()].map(({ kind, folder }) => ({ kind, folder, count: 1 }));
  }

  /** In the order in which they are shown. */
  idsIn({ kind, folder }: Place, limit: number): readonly ItemId[] {
    return [...this.#places]
      .filter(([, place]) => place.kind === kind && place.folder === folder)
      .sort(([leftId, left], [rightId, right]) => byOrder({ ...left, id: leftId }, { ...right, id: rightId }))
      .slice(0, limit)
      .map(([id]) => id);
  }

  /** Answers how many are still to be opened. */
  #openSome(store: StoreTransaction): number {
    const { clock } = this.#core;
    const startedMs = clock.monotonic();
    const places = new Map<ItemId, SealedPlace>();
    let left = 0;
    for (const { id, lastModified } of listSealed(store)) {
      const known = this.#places.get(id);
      if (known?.lastModified === lastModified && known.unlocked === store.payloads.unlocked) {
        places.set(id, known);
        continue;
      }
      if (clock.monotonic() - startedMs > maxOpeningMs) left++;
      else {
        const item = readItem(store, id);
        if (item) places.set(id, placeOf(item, store.payloads.unlocked));
      }
    }
    this.#places = places;
    return left;
  }
}

/** So long a transaction opens items before the thread and the lock are others' for a moment. */
const maxOpeningMs = 25;

function placeOf({ kind, content, lastModified }: StoredItem, unlocked: boolean): SealedPlace {
  const { folder = '', title = '', pinned = false } = content ?? {};
  return { kind, lastModified, folder, title, pinned, unlocked };
}

/** One count for each place. */
function united(counts: readonly PlaceCount[]): readonly PlaceCount[] {
  const totals = new Map<string, PlaceCount>();
  for (const { kind, folder, count } of counts) {
    const key = `${kind}/${folder}`;
    totals.set(key, { kind, folder, count: count + (totals.get(key)?.count ?? 0) });
  }
  return [...totals.values()];
}

interface Ordered {
  readonly id: string;
  readonly title: string;
  readonly pinned: boolean;
}

function byShownOrder(left: StoredItem, right: StoredItem): number {
  return byOrder(orderedOf(left), orderedOf(right));
}

function orderedOf({ id, content }: StoredItem): Ordered {
  return { id, title: content?.title ?? '', pinned: content?.pinned ?? false };
}

/** As the store sorts a place: pinned ones first, then by title without the case of ASCII letters. */
function byOrder(left: Ordered, right: Ordered): number {
  return (
    Number(right.pinned) - Number(left.pinned) ||
    compare(foldAscii(left.title), foldAscii(right.title)) ||
    compare(left.id, right.id)
  );
}

function foldAscii(title: string): string {
  return title.replace(/[A-Z]+/g, letters => letters.toLowerCase());
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
