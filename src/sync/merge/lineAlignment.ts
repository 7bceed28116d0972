/** A run of base lines that a side may have replaced by a run of its own; either run may be empty. */
export interface Hunk {
  readonly baseStart: number;
  readonly baseEnd: number;
  readonly sideStart: number;
  readonly sideEnd: number;
}

/** Texts of more lines than this count as not comparable. */
export const maxComparedLines = 200_000;

/** How many (base line, equal side line) pairs are looked at before two texts count as not comparable. */
export const maxLinePairs = 4_000_000;

/**
 * Where `side` may differ from `base`: the gaps between the pairs of equal lines that every longest common
 * subsequence of the two contains. Repeated lines can be paired in more than one way; a difference that could stand in
 * two places is one hunk over all of them. So hunks of two sides that do not touch do not touch under any shortest
 * diff, and a merge made of them does not depend on the diff that was chosen.
 *
 * Undefined when there are more than {@link maxComparedLines} lines, or when they repeat so often that there are more
 * than {@link maxLinePairs} pairs to look at.
 *
 * A pair is in a longest common subsequence when the longest ones that end and that start at it add up to the whole;
 * it is in all of them when it is the only such pair of its rank. Ranks by Hunt and Szymanski, "A fast algorithm for
 * computing longest common subsequences", 1977: time is pairs times the logarithm of the lines.
 */
export function possibleHunks(base: readonly string[], side: readonly string[]): readonly Hunk[] | undefined {
  if (Math.max(base.length, side.length) > maxComparedLines) return undefined;
  const { head, tail } = certainEnds(base, side);
  const window = {
    base: base.slice(head, base.length - tail),
    side: side.slice(head, side.length - tail),
  };
  const candidates = candidatesOf(window.base, window.side);
  if (candidates === undefined) return undefined;
  return gaps(certainPairs(candidates), window.base.length, window.side.length).map(hunk => ({
    baseStart: hunk.baseStart + head,
    baseEnd: hunk.baseEnd + head,
    sideStart: hunk.sideStart + head,
    sideEnd: hunk.sideEnd + head,
  }));
}

/**
 * How many lines at the head and at the tail are paired one to one in every longest common subsequence: those of the
 * common head up to its last line that occurs once in each text, and likewise of the common tail. (Without that line
 * fewer pairs remain before it than there are lines, so it cannot be left out.)
 */
function certainEnds(base: readonly string[], side: readonly string[]): { head: number; tail: number } {
  const shorter = Math.min(base.length, side.length);
  let head = 0;
  while (head < shorter && base[head] === side[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && base[base.length - 1 - tail] === side[side.length - 1 - tail]) tail += 1;
  const once = linesFoundOnce(base, side);
  const isOnce = (line: string | undefined) => line !== undefined && once.has(line);
  while (head > 0 && !isOnce(base[head - 1])) head -= 1;
  while (tail > 0 && !isOnce(base[base.length - tail])) tail -= 1;
  return { head, tail };
}

interface Pair {
  readonly base: number;
  readonly side: number;
}

/** The lines that occur exactly once in each text, with where. */
function linesFoundOnce(base: readonly string[], side: readonly string[]): ReadonlyMap<string, Pair> {
  const inSide = placesOf(side);
  const once = new Map<string, Pair>();
  for (const [line, places] of placesOf(base)) {
    const [basePlace] = places;
    const [sidePlace, another] = inSide.get(line) ?? [];
    if (places.length === 1 && basePlace !== undefined && sidePlace !== undefined && another === undefined)
      once.set(line, { base: basePlace, side: sidePlace });
  }
  return once;
}

/** The indices of each line, ascending. */
function placesOf(lines: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  lines.forEach((line, index) => {
    const held = places.get(line);
    if (held === undefined) places.set(line, [index]);
    else held.push(index);
  });
  return places;
}

/** The pairs of equal lines that a longest common subsequence may contain. */
interface Candidates {
  readonly count: number;
  /** For each base line the indices of side lines: those of `places` from `from` up to, not including, `to`. */
  readonly rows: readonly {
    readonly places: readonly number[];
    readonly from: number;
    readonly to: number;
  }[];
}

/**
 * A longest common subsequence leaves out as many lines of each text as that text is longer, so its pairs lie in a
 * band around the diagonal; a lower bound of its length gives a band that is surely wide enough.
 */
function candidatesOf(base: readonly string[], side: readonly string[]): Candidates | undefined {
  const common = commonLowerBound(base, side);
  const inSide = placesOf(side);
  let count = 0;
  const rows: Candidates['rows'][number][] = [];
  for (const [index, line] of base.entries()) {
    const places = inSide.get(line) ?? [];
    const from = firstIndexFrom(places, index - (base.length - common));
    const to = firstIndexFrom(places, index + (side.length - common) + 1);
    count += to - from;
    if (count > maxLinePairs) return undefined;
    rows.push({ places, from, to });
  }
  return { count, rows };
}

/** The length of a common subsequence: equal lines in step, and after each difference on to a line found once. */
function commonLowerBound(base: readonly string[], side: readonly string[]): number {
  const once = linesFoundOnce(base, side);
  const byBase = new Meetings(base, once);
  const bySide = new Meetings(side, once);
  let at: Pair = { base: 0, side: 0 };
  let common = 0;
  while (at.base < base.length && at.side < side.length) {
    if (base[at.base] === side[at.side]) {
      common += 1;
      at = { base: at.base + 1, side: at.side + 1 };
      continue;
    }
    const next = nearer(byBase.after(at), bySide.after(at));
    if (next === undefined) break;
    at = next;
  }
  return common;
}

function nearer(first: Pair | undefined, second: Pair | undefined): Pair | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first.base + first.side <= second.base + second.side ? first : second;
}

/** The lines found once in both texts, in the order of one of them. */
class Meetings {
  private next = 0;

  constructor(
    private readonly lines: readonly string[],
    private readonly once: ReadonlyMap<string, Pair>,
  ) {}

  /** The first at or after both places, which never go back between calls. */
  after(at: Pair): Pair | undefined {
    for (; this.next < this.lines.length; this.next += 1) {
      const found = this.once.get(this.lines[this.next] ?? '');
      if (found !== undefined && found.base >= at.base && found.side >= at.side) return found;
    }
    return undefined;
  }
}

/** The first index of an ascending list whose number is at least `value`. */
function firstIndexFrom(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The pairs that every longest common subsequence contains, in order. */
function certainPairs({ count, rows }: Candidates): readonly Pair[] {
  const rankFromHead = new Int32Array(count);
  const heads = new Chains(rows.length);
  let at = 0;
  for (const { places, from, to } of rows)
    for (let index = to - 1; index >= from; index -= 1) {
      rankFromHead[at] = heads.extend(places[index] ?? 0);
      at += 1;
    }
  const longest = heads.longest;
  const countOfRank = new Int32Array(longest + 1);
  const pairOfRank: Pair[] = [];
  const tails = new Chains(rows.length);
  for (const [base, { places, from, to }] of [...rows.entries()].reverse())
    for (let index = from; index < to; index += 1) {
      const side = places[index] ?? 0;
      at -= 1;
      const rank = rankFromHead[at] ?? 0;
      if (rank + tails.extend(-side) - 1 !== longest) continue;
      countOfRank[rank] = (countOfRank[rank] ?? 0) + 1;
      pairOfRank[rank] = { base, side };
    }
  return pairOfRank.filter((_pair, rank) => countOfRank[rank] === 1);
}

/** For each length the smallest number in which a strictly ascending chain of that length can end. */
class Chains {
  longest = 0;
  private readonly ends: Int32Array;

  constructor(maxLength: number) {
    this.ends = new Int32Array(maxLength);
  }

  /** Adds a number and answers the length of the longest chain that ends in it. */
  extend(value: number): number {
    let low = 0;
    let high = this.longest;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ends[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    this.ends[low] = value;
    this.longest = Math.max(this.longest, low + 1);
    return low + 1;
  }
}

function gaps(pairs: readonly Pair[], baseLength: number, sideLength: number): readonly Hunk[] {
  const hunks: Hunk[] = [];
  let baseStart = 0;
  let sideStart = 0;
  for (const pair of [...pairs, { base: baseLength, side: sideLength }]) {
    if (pair.base > baseStart || pair.side > sideStart)
      hunks.push({ baseStart, baseEnd: pair.base, sideStart, sideEnd: pair.side });
    baseStart = pair.base + 1;
    sideStart = pair.side + 1;
  }
  return hunks;
}
