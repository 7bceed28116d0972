import { canonicalJson, type Json, type JsonObject } from '../../base/json';
import { maxListEntries } from '../../model/contentCodec';
import type { MergeLog } from './mergeLog';
import { mergeOrder } from './order';

/** One field in the base and on both sides. */
export interface Field<T> {
  readonly name: string;
  readonly base: T;
  readonly earlier: T;
  readonly later: T;
}

/** A field that changes as a whole: the side that changed it; both, differently: the later one, which is logged. */
export function mergeScalar<T extends string | boolean | undefined>(field: Field<T>, log: MergeLog): T {
  const { name, base, earlier, later } = field;
  if (earlier === later || earlier === base) return later;
  if (later !== base) log.decided(name);
  return later === base ? earlier : later;
}

/**
 * A list of different entries, by entry: what a side added comes, what a side removed goes. Its order is the later
 * side's, or the earlier one's when only that changed the order; entries that only one side has stand after the one
 * that precedes them there. A union of more than {@link maxListEntries} cannot be stored: then the later side's list
 * holds, as a loss.
 */
export function mergeSet(field: Field<readonly string[]>, log: MergeLog): readonly string[] {
  if (sameList(field.earlier, field.base)) return field.later;
  if (sameList(field.later, field.base)) return field.earlier;
  const [base, earlier, later] = [field.base, field.earlier, field.later].map(list => new Set(list));
  const [inBase, inEarlier, inLater] = [base ?? nothing, earlier ?? nothing, later ?? nothing];
  const stays = (entry: string) => (inEarlier.has(entry) && inLater.has(entry)) || !inBase.has(entry);
  const kept = new Set([...inEarlier, ...inLater].filter(stays));
  if (kept.size > maxListEntries) {
    log.lost(field.name);
    return field.later;
  }
  return mergeOrder({ base: [...inBase], earlier: [...inEarlier], later: [...inLater] }, kept).order;
}

/** Fields that this version does not know, each as a whole. */
export function mergeUnknownFields(field: Field<JsonObject>, log: MergeLog): JsonObject {
  const [base, earlier, later] = [field.base, field.earlier, field.later].map(
    fields => new Map(Object.entries(fields)),
  );
  const names = new Set([...(later?.keys() ?? []), ...(earlier?.keys() ?? [])]);
  return Object.fromEntries(
    [...names].flatMap((name): [string, Json][] => {
      const values = { base: base?.get(name), earlier: earlier?.get(name), later: later?.get(name) };
      const merged = mergeUnknown(name, values, log);
      return merged === undefined ? [] : [[name, merged]];
    }),
  );
}

function sameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((entry, index) => entry === right[index]);
}

const nothing: ReadonlySet<string> = new Set();

function mergeUnknown(
  name: string,
  { base, earlier, later }: Record<'base' | 'earlier' | 'later', Json | undefined>,
  log: MergeLog,
): Json | undefined {
  const [former, first, second] = [base, earlier, later].map(
    value => value !== undefined && canonicalJson(value),
  );
  if (first === second || first === former) return later;
  if (second === former) return earlier;
  log.decided(name);
  return later;
}
