/** Which version of an item was made knowing which: told from outside, by watching what every device commits. */
export class Ancestry {
  readonly #parents = new Map<string, Set<string>>();

  isKnown(itemId: string, stamp: string): boolean {
    return this.#parents.has(key(itemId, stamp));
  }

  /** The version was made on these. */
  add(itemId: string, stamp: string, parents: readonly (string | undefined)[]): void {
    const known = this.#parents.get(key(itemId, stamp)) ?? new Set();
    for (const parent of parents) {
      if (parent !== undefined && parent !== stamp) known.add(key(itemId, parent));
    }
    this.#parents.set(key(itemId, stamp), known);
  }

  /** True when the one version is the other, or was made knowing it. */
  knows(itemId: string, stamp: string, other: string): boolean {
    const wanted = key(itemId, other);
    const seen = new Set<string>();
    const open = [key(itemId, stamp)];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === wanted) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...(this.#parents.get(next) ?? []));
    }
    return false;
  }
}

const key = (itemId: string, stamp: string) => `${itemId} ${stamp}`;
