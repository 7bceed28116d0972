import { maxAncestors } from '../../src/model/ancestors';
import type { Ancestry } from './ancestry';
import type { ItemView, RecordView } from './deviceView';

/**
 * Of which versions a device may not be able to tell what they were made knowing: those that lost their ancestors in a
 * damage, and, once a server was restored, those that are too many versions younger for a payload to name the older.
 */
export class LostAncestry {
  readonly #devices = new Set<string>();
  /** By item: the stamps of versions that were not sent yet, and go out without their ancestors. */
  readonly #unsent = new Map<string, Set<string>>();
  readonly #isSent: (version: Pick<ItemView, 'id' | 'stamp'>) => boolean;
  #wasRestored = false;

  constructor(isSent: (version: Pick<ItemView, 'id' | 'stamp'>) => boolean) {
    this.#isSent = isSent;
  }

  restored(): void {
    this.#wasRestored = true;
  }

  damaged(device: string, items: readonly ItemView[]): void {
    for (const item of items) {
      this.#devices.add(`${device} ${item.id}`);
      if (!this.#isSent(item)) this.#unsent.set(item.id, this.#unsentOf(item.id).add(item.stamp));
    }
  }

  /** True when the device that records the pair may not be able to tell that one side was made knowing the other. */
  excuses(device: string, { itemId, sides }: RecordView, ancestry: Ancestry): boolean {
    if (this.#devices.has(`${device} ${itemId}`)) return true;
    if (this.#wasRestored && this.#isFarBehind(itemId, sides, ancestry)) return true;
    const unsent = [...this.#unsentOf(itemId)];
    return unsent.some(stamp => sides.some(side => ancestry.descends(itemId, side.stamp, stamp)));
  }

  #isFarBehind(id: string, sides: RecordView['sides'], ancestry: Ancestry): boolean {
    const [earlier, later] = sides.map(({ stamp }) => stamp).sort();
    if (earlier === undefined || later === undefined) return false;
    const between = [...ancestry.ancestors(id, later)].filter(
      stamp => stamp > earlier && stamp < later && this.#isSent({ id, stamp }),
    );
    return between.length >= maxAncestors;
  }

  #unsentOf(itemId: string): Set<string> {
    return this.#unsent.get(itemId) ?? new Set();
  }
}
