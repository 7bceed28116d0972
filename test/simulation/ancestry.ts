/** Which version of an item was made knowing which: told from outside, by watching what every device commits. */
export class Ancestry {
  /** By item and stamp: the stamps of the versions that it was made on. */
  readonly #parents = new Map<string, Set<string>>();
  /** By item and stamp: the stamps of versions with the same content, that a device has given up for this one. */
  readonly #alike = new Map<string, Set<string>>();

  #setAside = 0;

  isKnown(itemId: string, stamp: string): boolean {
    return this.#parents.has(key(itemId, stamp));
  }

  /** The version was made on these. */
  add(itemId: string, stamp: string, parents: readonly (string | undefined)[]): void {
    const known = this.#parents.get(key(itemId, stamp)) ?? new Set();
    for (const parent of parents) {
      if (parent !== undefined && parent !== stamp) known.add(parent);
    }
    this.#parents.set(key(itemId, stamp), known);
  }

  /** Two versions that do not know of each other have the same content: one of them does for both. */
  liken(itemId: string, stamp: string, other: string): void {
    this.#alike.set(key(itemId, stamp), (this.#alike.get(key(itemId, stamp)) ?? new Set()).add(other));
  }

  /**
   * The stamp was never sent, and is given to another version when it is corrected.
   * @returns the name under which the former version is known from now on
   */
  setAside(itemId: string, stamp: string): string {
    const former = `${stamp} before ${++this.#setAside}`;
    for (const edges of [this.#parents, this.#alike]) {
      const own = edges.get(key(itemId, stamp));
      if (own !== undefined) edges.set(key(itemId, former), own);
      edges.delete(key(itemId, stamp));
      for (const [from, to] of edges) {
        if (from.startsWith(key(itemId, '')) && to.delete(stamp)) to.add(former);
      }
    }
    return former;
  }

  /** True when the one version is the other, or was made knowing what the other says. */
  knows(itemId: string, stamp: string, other: string): boolean {
    return reached(itemId, stamp, [this.#parents, this.#alike]).has(other);
  }

  /** True when the one version is the other, or was made on it, or on what was made on it. */
  descends(itemId: string, stamp: string, other: string): boolean {
    return this.ancestors(itemId, stamp).has(other);
  }

  /** The stamps of all that the version was made on, its own among them. */
  ancestors(itemId: string, stamp: string): ReadonlySet<string> {
    return reached(itemId, stamp, [this.#parents]);
  }
}

function reached(
  itemId: string,
  stamp: string,
  edges: readonly ReadonlyMap<string, ReadonlySet<string>>[],
): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [stamp];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    for (const from of edges) open.push(...(from.get(key(itemId, next)) ?? []));
  }
  return found;
}

const key = (itemId: string, stamp: string) => `${itemId} ${stamp}`;
