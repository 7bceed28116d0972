/** Three versions of one thing; the base is undefined where it did not exist. */
export interface Three<T> {
  readonly base: T | undefined;
  readonly earlier: T;
  readonly later: T;
}

export interface MergedOrder {
  readonly order: readonly string[];
  /** True when each side moved what both kept, and to different places: then the later side's order holds. */
  readonly contested: boolean;
}

/**
 * Puts the names that a merge keeps in order. The order is the later side's, or the earlier one's when only that moved
 * anything. A name that only the other side has stands after the nearest one that precedes it there, so that what both
 * added in one place stands in the order of their stamps. Every name is in at least one side, and in each side once.
 */
export function mergeOrder(names: Three<readonly string[]>, kept: ReadonlySet<string>): MergedOrder {
  const base = names.base ?? [];
  const inAll = intersection(base, names.earlier, names.later);
  const only = (side: readonly string[], wanted: ReadonlySet<string>) =>
    side.filter(name => wanted.has(name));
  const inBoth = intersection(names.earlier, names.later);
  const former = only(base, inAll);
  const earlierMoved = !sameOrder(former, only(names.earlier, inAll));
  const laterMoved = !sameOrder(former, only(names.later, inAll));
  const byEarlier = earlierMoved && !laterMoved;
  const primary = only(byEarlier ? names.earlier : names.later, kept);
  const secondary = only(byEarlier ? names.later : names.earlier, kept);
  const contested =
    earlierMoved && laterMoved && !sameOrder(only(names.earlier, inBoth), only(names.later, inBoth));
  return { order: interleave(primary, secondary), contested };
}

function interleave(primary: readonly string[], secondary: readonly string[]): readonly string[] {
  const inPrimary = new Set(primary);
  const first: string[] = [];
  const following = new Map<string, string[]>();
  let place = first;
  for (const name of secondary) {
    if (!inPrimary.has(name)) {
      place.push(name);
      continue;
    }
    place = [];
    following.set(name, place);
  }
  return [...first, ...primary.flatMap(name => [name, ...(following.get(name) ?? [])])];
}

function intersection(...lists: readonly (readonly string[])[]): ReadonlySet<string> {
  const [first = [], ...others] = lists.map(list => new Set(list));
  return new Set([...first].filter(name => others.every(other => other.has(name))));
}

function sameOrder(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, index) => name === right[index]);
}
