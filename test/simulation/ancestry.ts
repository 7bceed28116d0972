/** Which version of an item was made knowing which: told from outside, by watching what every device commits. */
export class Ancestry {
  /** By item and stamp: the stamps of the versions that it was made on. */
  readonly #parents = new Map<string, Set<string>>();

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

  /** True when the one version is the other, or was made knowing it. */
  knows(itemId: string, stamp: string, other: string): boolean {
    return this.knownTo(itemId, stamp).has(other);
  }

  /** The stamps of all that the version was made knowing, its own among them. */
  knownTo(itemId: string, stamp: string): ReadonlySet<string> {
    const known = new Set<string>();
    const open = [stamp];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (known.has(next)) continue;
      known.add(next);
      open.push(...(this.#parents.get(key(itemId, next)) ?? []));
    }
    return known;
  }
}

const key = (itemId: string, stamp: string) => `${itemId} ${stamp}`;
