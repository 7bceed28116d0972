import type { Ancestry } from './ancestry';
import type { ItemView, RecordView } from './deviceView';

/** Which versions may have lost their ancestors in a damage: nobody can tell any more what they were made knowing. */
export class LostAncestry {
  readonly #devices = new Set<string>();
  /** By item: the stamps of versions that were not sent yet, and go out without their ancestors. */
  readonly #unsent = new Map<string, Set<string>>();

  damaged(device: string, items: readonly ItemView[], isSent: (item: ItemView) => boolean): void {
    for (const item of items) {
      this.#devices.add(`${device} ${item.id}`);
      if (!isSent(item)) this.#unsent.set(item.id, this.#unsentOf(item.id).add(item.stamp));
    }
  }

  /** True when the device that records the pair may not be able to tell that one side was made knowing the other. */
  excuses(device: string, { itemId, sides }: RecordView, ancestry: Ancestry): boolean {
    if (this.#devices.has(`${device} ${itemId}`)) return true;
    const unsent = [...this.#unsentOf(itemId)];
    return unsent.some(stamp => sides.some(side => ancestry.knows(itemId, side.stamp, stamp)));
  }

  #unsentOf(itemId: string): Set<string> {
    return this.#unsent.get(itemId) ?? new Set();
  }
}
