import type { Field } from './fieldMerge';
import { mergeJson } from './jsonMerge';
import type { MergeLog } from './mergeLog';
import { mergeText } from './textMerge';

/** How texts merge. `merge`: three-way by line. `latest`: where both sides changed a text, the later one whole. */
export type TextPolicy = 'merge' | 'latest';

export interface BodyRule {
  /** True for a body that merges by key as long as it parses. */
  readonly isJson: boolean;
  /** How every other body merges. */
  readonly text: TextPolicy;
}

/** Merges a body, logging under the field's name what gave way. */
export function mergeBody(field: Field<string>, rule: BodyRule, log: MergeLog): string {
  const { name, base, earlier, later } = field;
  if (earlier === later || earlier === base) return later;
  if (later === base) return earlier;
  const byKey = rule.isJson ? mergeJson(field) : undefined;
  if (byKey === undefined) return mergeLines(field, rule.text, log);
  for (const key of byKey.keys) log.lost(keyName(name, key));
  return byKey.text;
}

/** The overlays of a config item, each a body of its own. One that a side removed is gone unless the other changed it. */
export function mergeOverlays(
  field: Field<Readonly<Record<string, string>>>,
  rule: BodyRule,
  log: MergeLog,
): Readonly<Record<string, string>> {
  const [base, earlier, later] = [field.base, field.earlier, field.later].map(
    all => new Map(Object.entries(all)),
  );
  const names = new Set([...(later?.keys() ?? []), ...(earlier?.keys() ?? [])]);
  return Object.fromEntries(
    [...names].flatMap((overlay): [string, string][] => {
      const name = `${field.name}/${overlay}`;
      const versions = {
        base: base?.get(overlay),
        earlier: earlier?.get(overlay),
        later: later?.get(overlay),
      };
      const merged = mergeOverlay({ name, ...versions }, rule, log);
      return merged === undefined ? [] : [[overlay, merged]];
    }),
  );
}

function mergeOverlay(field: Field<string | undefined>, rule: BodyRule, log: MergeLog): string | undefined {
  const { name, base, earlier, later } = field;
  if (earlier === later || earlier === base) return later;
  if (later === base) return earlier;
  if (earlier !== undefined && later !== undefined)
    return mergeBody({ name, base: base ?? '', earlier, later }, rule, log);
  log.lost(name);
  return later;
}

function mergeLines(
  { name, base, earlier, later }: Field<string>,
  policy: TextPolicy,
  log: MergeLog,
): string {
  const merge = policy === 'latest' ? undefined : mergeText(base, earlier, later);
  if (merge === undefined || !merge.clean) {
    log.lost(name);
    return later;
  }
  if (merge.ambiguous) log.doubtful();
  return merge.text;
}

/** A key of the body goes by its path alone, one of an overlay by the overlay and its path. */
function keyName(field: string, path: string): string {
  if (path === '') return field;
  return field === 'body' ? path : `${field}/${path}`;
}
