import { toUtf8 } from '../../base/encoding';
import type { SqlValue } from '../database';

/**
 * The keys of a table in their order, on which the places between two keys can be probed whether rows are there or not.
 * An end that is undefined lies beyond every key.
 */
export interface KeyScale<Key> {
  /** The key in SQL. */
  readonly column: string;
  /** A parameter of SQL that is compared with it. */
  readonly parameter: string;
  fromSql(value: SqlValue | undefined): Key | undefined;
  toSql(key: Key): SqlValue;
  /** The least key above. */
  next(key: Key): Key;
  isEmptyBetween(after: Key | undefined, before: Key | undefined): boolean;
  /** A key about half way, above `after` and at least two below `before`; undefined when they are too near. */
  middle(after: Key | undefined, before: Key | undefined): Key | undefined;
  /** How far apart they are, to be compared with others of the scale. */
  width(after: Key | undefined, before: Key | undefined): number;
}

const maxRowid = Number.MAX_SAFE_INTEGER;
const lowest = (after: number | undefined) => after ?? -maxRowid;
const highest = (before: number | undefined) => before ?? maxRowid;

export const rowidScale: KeyScale<number> = {
  column: 'rowid',
  parameter: '?',
  fromSql: value => (typeof value === 'number' ? value : undefined),
  toSql: key => key,
  next: key => key + 1,
  isEmptyBetween: (after, before) => highest(before) - lowest(after) <= 1,
  middle(after, before) {
    const middle = Math.floor(lowest(after) / 2 + highest(before) / 2);
    return middle > lowest(after) && middle + 1 < highest(before) ? middle : undefined;
  },
  width: (after, before) => highest(before) - lowest(after),
};

/** Texts in the order of their bytes, as SQLite compares them by default. */
export function textScale(column: string): KeyScale<Uint8Array> {
  return {
    column,
    parameter: 'CAST(? AS TEXT)', // half way between two texts is seldom valid UTF-8
    fromSql: value => (typeof value === 'string' ? toUtf8(value) : undefined),
    toSql: key => key,
    next: key => new Uint8Array([...key, 0]),
    isEmptyBetween: (after, before) =>
      after !== undefined && before !== undefined && compare(new Uint8Array([...after, 0]), before) >= 0,
    middle(after = noBytes, before = afterAllTexts) {
      const length = commonLength(after, before) + probedBytes;
      const middle = bytesOf((numberOf(after, length) + numberOf(before, length)) / 2n, length);
      return compare(after, middle) < 0 && compare(middle, before) < 0 ? middle : undefined;
    },
    width: (after = noBytes, before = afterAllTexts) =>
      Number(numberOf(before, comparedBytes) - numberOf(after, comparedBytes)),
  };
}

const noBytes = new Uint8Array(0);
/** No text of UTF-8 begins with this byte. */
const afterAllTexts = new Uint8Array([0xff]);
/** How much further than two texts agree places between them are told apart. */
const probedBytes = 8;
/** As much of a text as its distance from another is counted by. */
const comparedBytes = 40;

function commonLength(left: Uint8Array, right: Uint8Array): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at++) if (left[at] !== right[at]) return at;
  return shorter;
}

function compare(left: Uint8Array, right: Uint8Array): number {
  const at = commonLength(left, right);
  return (left[at] ?? -1) - (right[at] ?? -1);
}

/** The first bytes as one number, as if zeros came after the last. */
function numberOf(bytes: Uint8Array, length: number): bigint {
  let number = 0n;
  for (let at = 0; at < length; at++) number = number * 256n + BigInt(bytes[at] ?? 0);
  return number;
}

function bytesOf(number: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = number;
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest % 256n);
    rest /= 256n;
  }
  return bytes;
}
