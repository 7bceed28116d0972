import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse, parseTree, visit } from 'jsonc-parser';
import { mergeJson } from '../../src/sync/merge/jsonMerge';
import { propertyLimitMs, seedParameters } from './mergeArbitraries';

/** A JSON object as a person keeps it: members with comments. The reference that texts are written from. */
type Value = number | readonly number[] | Members;
type Members = { readonly [key: string]: Member };
interface Member {
  readonly value: Value;
  readonly above?: string | undefined;
  readonly beside?: string | undefined;
}

const isList = (value: Value): value is readonly number[] => Array.isArray(value);
const isObject = (value: Value): value is Members => typeof value === 'object' && !isList(value);

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'editor.fontSize', '[markdown]', '__proto__', 'constructor');
const comment = fc.option(
  fc.nat(9).map(number => `comment ${number}`),
  { nil: undefined, freq: 4 },
);

function values(depth: number, withLists: boolean): fc.Arbitrary<Value> {
  const simple: fc.Arbitrary<Value> = withLists
    ? fc.oneof(fc.nat(3), fc.array(fc.nat(6), { maxLength: 4 }))
    : fc.nat(3);
  return depth === 0 ? simple : fc.oneof({ weight: 3, arbitrary: simple }, objects(depth - 1, withLists));
}

function objects(depth: number, withLists: boolean): fc.Arbitrary<Members> {
  const member: fc.Arbitrary<Member> = fc.record({
    value: values(depth, withLists),
    above: comment,
    beside: comment,
  });
  return fc.array(fc.tuple(keys, member), { maxLength: 5 }).map(entries => Object.fromEntries(entries));
}

interface Edit {
  readonly path: readonly number[];
  readonly key: string;
  readonly kind: 'set' | 'remove' | 'comment' | 'rotate' | 'append';
  readonly value: Value;
  readonly text: string | undefined;
}

const edits = (withLists: boolean): fc.Arbitrary<readonly Edit[]> =>
  fc.array(
    fc.record({
      path: fc.array(fc.nat(4), { maxLength: 2 }),
      key: keys,
      kind: fc.constantFrom('set', 'remove', 'comment', 'rotate', 'append'),
      value: values(1, withLists),
      text: comment,
    }),
    { maxLength: 4 },
  );

function edited(members: Members, edit: Edit, depth = 0): Members {
  const entries = Object.entries(members);
  const index = (edit.path[depth] ?? 0) % Math.max(entries.length, 1);
  const [key, member] = entries[index] ?? [];
  if (key === undefined || member === undefined)
    return { ...Object.fromEntries([[edit.key, { value: edit.value }]]) };
  const replaced = (next: Member) => Object.fromEntries(entries.toSpliced(index, 1, [key, next]));
  if (depth < edit.path.length && isObject(member.value))
    return replaced({ ...member, value: edited(member.value, edit, depth + 1) });
  switch (edit.kind) {
    case 'set':
      return Object.fromEntries([
        ...entries.filter(([name]) => name !== edit.key),
        [edit.key, { value: edit.value }],
      ]);
    case 'remove':
      return Object.fromEntries(entries.toSpliced(index, 1));
    case 'comment':
      return replaced({ ...member, above: edit.text });
    case 'rotate':
      return Object.fromEntries([...entries.slice(index), ...entries.slice(0, index)]);
    case 'append':
      return isList(member.value)
        ? replaced({ ...member, value: [...member.value, edit.path.length + 7] })
        : members;
  }
}

interface Style {
  readonly indent: string;
  readonly trailingComma: boolean;
  /** What holds no comment stands on one line. */
  readonly compact: boolean;
}

const styles: fc.Arbitrary<Style> = fc.record({
  indent: fc.constantFrom('  ', '\t', ''),
  trailingComma: fc.boolean(),
  compact: fc.boolean(),
});

const hasComments = (members: Members): boolean =>
  Object.values(members).some(
    ({ value, above, beside }) =>
      above !== undefined || beside !== undefined || (isObject(value) && hasComments(value)),
  );

function written(value: Value, style: Style, depth = 1): string {
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value);
  const lines = entries.map(([key, member], index) => {
    const comma = index < entries.length - 1 || style.trailingComma ? ',' : '';
    return { ...member, text: `${JSON.stringify(key)}: ${written(member.value, style, depth + 1)}${comma}` };
  });
  if (style.compact && !hasComments(value)) return `{ ${lines.map(line => line.text).join(' ')} }`;
  const margin = style.indent.repeat(depth);
  const inner = lines.map(({ text, above, beside }) => {
    const before = above === undefined ? '' : `${margin}// ${above}\n`;
    return `${before}${margin}${text}${beside === undefined ? '' : ` /* ${beside} */`}\n`;
  });
  return `{\n${inner.join('')}${style.indent.repeat(depth - 1)}}`;
}

interface Versions {
  readonly base: Members;
  readonly earlier: Members;
  readonly later: Members;
  readonly styles: readonly [Style, Style, Style];
}

const versions = (withLists: boolean): fc.Arbitrary<Versions> =>
  fc
    .record({
      base: objects(2, withLists),
      earlier: edits(withLists),
      later: edits(withLists),
      styles: fc.oneof(
        styles.map((style): [Style, Style, Style] => [style, style, style]),
        fc.tuple(styles, styles, styles),
      ),
    })
    .map(({ base, earlier, later, ...rest }) => ({
      base,
      earlier: earlier.reduce((members, edit) => edited(members, edit), base),
      later: later.reduce((members, edit) => edited(members, edit), base),
      ...rest,
    }));

const textsOf = ({ base, earlier, later, styles: [first, second, third] }: Versions) => ({
  base: written(base, first),
  earlier: written(earlier, second),
  later: written(later, third),
});

/** A value without its comments, its keys in order. */
function plain(value: Value): unknown {
  if (!isObject(value)) return value;
  return Object.entries(value)
    .map(([key, member]) => [key, plain(member.value)] as const)
    .sort();
}

/** The same with its comments. */
function commented(member: Member | undefined): string {
  if (member === undefined) return '';
  const { value, above = null, beside = null } = member;
  const inner = isObject(value)
    ? Object.entries(value)
        .map(([key, each]) => `${key}: ${commented(each)}`)
        .sort()
    : value;
  return JSON.stringify([above, beside, inner]);
}

/** A merge of members by the rules, without a thought for texts. Answers the values, and whether something gave way. */
function reference(
  base: Members | undefined,
  earlier: Members,
  later: Members,
): { readonly members: Members; readonly contested: boolean } {
  let contested = false;
  const own = (members: Members | undefined, key: string) =>
    members !== undefined && Object.hasOwn(members, key) ? members[key] : undefined;
  const entries = [...new Set([...Object.keys(later), ...Object.keys(earlier)])].flatMap(
    (key): [string, Member][] => {
      const [before, first, second] = [own(base, key), own(earlier, key), own(later, key)];
      if (first && second && isObject(first.value) && isObject(second.value)) {
        const former = before && isObject(before.value) ? before.value : undefined;
        const inner = reference(former, first.value, second.value);
        contested ||= inner.contested;
        return [[key, { value: inner.members }]];
      }
      const bare = (member: Member) => commented({ value: member.value });
      if (first && second) {
        if (bare(first) === bare(second) || (before && bare(before) === bare(first))) return [[key, second]];
        if (before && bare(before) === bare(second)) return [[key, first]];
        contested = true;
        return [[key, second]];
      }
      const only = first ?? second;
      if (only === undefined || commented(only) === commented(before)) return [];
      if (before !== undefined) contested = true;
      return before === undefined || second !== undefined ? [[key, only]] : [];
    },
  );
  return { members: Object.fromEntries(entries), contested };
}

function commentsIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  visit(text, {
    onComment: (offset, length) => {
      found.add(text.slice(offset, offset + length));
    },
  });
  return found;
}

/** A parsed value in the form of {@link plain}, which also tells of keys that every object has. */
function plainText(text: string): unknown {
  const errors: [] = [];
  type Tree = NonNullable<ReturnType<typeof parseTree>>;
  const plainNode = (node: Tree): unknown => {
    if (node.type === 'array') return (node.children ?? []).map(plainNode);
    if (node.type !== 'object') return node.value;
    return (node.children ?? [])
      .map(({ children: [key, value] = [] }) => [String(key?.value), value && plainNode(value)] as const)
      .sort();
  };
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  assert.ok(tree && errors.length === 0, `not JSON: ${text}`);
  return plainNode(tree);
}

const options = { numRuns: 3000, ...seedParameters };

describe('merging any JSON', function () {
  this.timeout(propertyLimitMs);

  it('gives the values that the rules say, and names something exactly when something gave way', () => {
    fc.assert(
      fc.property(versions(false), all => {
        const merge = mergeJson(textsOf(all));
        assert.ok(merge);
        const expected = reference(all.base, all.earlier, all.later);
        assert.deepEqual(plainText(merge.text), plain(expected.members));
        if (expected.contested) assert.notDeepEqual(merge.keys, []);
        if (merge.keys.length > 0 && !expected.contested)
          assert.ok(commentsIn(textsOf(all).earlier).size > 0, 'a comment gave way');
      }),
      options,
    );
  });

  it('loses no comment of either side without naming a key', () => {
    fc.assert(
      fc.property(versions(true), all => {
        const texts = textsOf(all);
        const merge = mergeJson(texts);
        assert.ok(merge);
        if (merge.keys.length > 0) return;
        const [before, merged] = [commentsIn(texts.base), commentsIn(merge.text)];
        for (const side of [texts.earlier, texts.later])
          for (const each of commentsIn(side))
            assert.ok(before.has(each) || merged.has(each), `lost: ${each}`);
      }),
      options,
    );
  });

  it('keeps each list element that a side added, unless it names a key', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(5), { maxLength: 5 }),
        fc.uniqueArray(fc.nat(9), { maxLength: 5 }),
        fc.uniqueArray(fc.nat(9), { maxLength: 5 }),
        (base, earlier, later) => {
          const merge = mergeJson({
            base: JSON.stringify(base),
            earlier: JSON.stringify(earlier),
            later: JSON.stringify(later),
          });
          assert.ok(merge);
          const merged: unknown = parse(merge.text);
          assert.ok(Array.isArray(merged));
          if (merge.keys.length > 0) return;
          for (const each of [...earlier, ...later]) assert.ok(base.includes(each) || merged.includes(each));
          for (const each of base)
            assert.equal(merged.includes(each), earlier.includes(each) && later.includes(each));
        },
      ),
      options,
    );
  });

  it('changes nothing when a merge is merged with one of its parents again', () => {
    fc.assert(
      fc.property(versions(false), all => {
        const texts = textsOf(all);
        const merge = mergeJson(texts);
        assert.ok(merge);
        for (const parent of [texts.earlier, texts.later]) {
          const again = mergeJson({ base: texts.base, earlier: parent, later: merge.text });
          assert.deepEqual(again && plainText(again.text), plainText(merge.text));
        }
      }),
      options,
    );
  });
});
