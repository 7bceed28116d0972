import {
  type ContestedReplacements,
  contestedReplacements,
  type NamedMember,
  type NamedMembers,
  nameMembers,
} from './jsonArray';
import {
  commentedMember,
  Interner,
  type JsonContainer,
  type JsonNode,
  parseJsonDocument,
  type Trivia,
} from './jsonDocument';
import { type ContainerText, containerText, type MemberText } from './jsonText';
import { mergeOrder, type Three } from './order';

export interface JsonMerge {
  readonly text: string;
  /**
   * The keys in which the later side won over a different change of the earlier one, each as the path of its names
   * joined by `/`; the empty path is the whole document.
   */
  readonly keys: readonly string[];
}

/**
 * Merges JSON texts (with comments and trailing commas) by key and by array element. What only one side changed is
 * taken from it as written, layout and comments included; what neither changed stands as in the later text.
 *
 * - A key that both changed: objects merge by their keys; anything else is the later side's, and named in `keys`.
 * - A key that one side dropped and the other changed, its comments included: the later side's, and named.
 * - Array elements are compared as {@link nameMembers} says; additions of both sides are united, removals applied.
 * - An array that both put in a different order: the later side's order, and named. The order of an object's keys, and
 *   white space, mean nothing: the later side's, in silence.
 * - A comment that both changed: the later side's, and the key at which it stands is named.
 *
 * A base of white space and comments alone is an empty object, or an empty array. Undefined when a text is not JSON:
 * then it merges as text.
 */
export function mergeJson({
  base,
  earlier,
  later,
}: {
  base: string;
  earlier: string;
  later: string;
}): JsonMerge | undefined {
  const interner = new Interner();
  const [before, first, second] = [base, earlier, later].map(text => parseJsonDocument(text, interner));
  if (before === undefined || first?.root === undefined || second?.root === undefined) return undefined;
  const merge = new Merger(interner);
  const known = before.root === undefined ? undefined : before;
  const path: Path = [];
  const root = merge.node({ base: known?.root, earlier: first.root, later: second.root }, path);
  const head = merge.trivia({ base: known?.head, earlier: first.head, later: second.head }, path);
  const tail = merge.trivia({ base: known?.tail, earlier: first.tail, later: second.tail }, path);
  const text = head.text + root.text + tail.text;
  // The pieces are put together as text: what is read from it again must be what was meant.
  if (parseJsonDocument(text, interner)?.root?.value !== root.value) return undefined;
  return { text, keys: [...merge.keys] };
}

type Path = readonly string[];

/** A merged value as text, with the number that {@link Interner} gives it. */
interface MergedNode {
  readonly text: string;
  readonly value: number;
}

interface MergedMember {
  readonly key: string | undefined;
  readonly value: number;
  readonly text: MemberText;
}

class Merger {
  readonly keys = new Set<string>();

  constructor(private readonly interner: Interner) {}

  node(versions: Three<JsonNode>, path: Path): MergedNode {
    const { base, earlier, later } = versions;
    if (earlier.raw === later.raw || earlier.raw === base?.raw) return takeNode(later);
    if (later.raw === base?.raw) return takeNode(earlier);
    if (earlier.type !== 'scalar' && earlier.type === later.type) {
      const former = base?.type === later.type ? base : undefined;
      if (
        later.type === 'object' ||
        former !== undefined ||
        path.length === 0 ||
        earlier.value === later.value
      )
        return this.container({ base: former, earlier, later }, path);
    }
    if (earlier.commented === later.commented || earlier.commented === base?.commented)
      return takeNode(later);
    if (later.commented === base?.commented) return takeNode(earlier);
    return this.laterWins(takeNode(later), path);
  }

  trivia({ base, earlier, later }: Three<Trivia>, path: Path): Trivia {
    if (earlier.text === later.text || earlier.text === base?.text) return later;
    if (later.text === base?.text) return earlier;
    const former = base?.comments ?? [];
    if (sameTexts(earlier.comments, later.comments) || sameTexts(earlier.comments, former)) return later;
    if (sameTexts(later.comments, former)) return earlier;
    const inLater = countsOf(later.comments);
    const inFormer = countsOf(former);
    const isKept = ([comment, count]: readonly [string, number]) =>
      count <= Math.max(inLater.get(comment) ?? 0, inFormer.get(comment) ?? 0);
    return [...countsOf(earlier.comments)].every(isKept) ? later : this.laterWins(later, path);
  }

  private laterWins<T>(later: T, path: Path): T {
    this.keys.add(path.join('/'));
    return later;
  }

  private container(versions: Three<JsonContainer>, path: Path): MergedNode {
    const { base, earlier, later } = versions;
    const named = nameMembers(versions, this.interner);
    const members = this.members(named, later.type === 'array', path);
    const { order, contested } = mergeOrder(
      {
        base: named.base && [...named.base.keys()],
        earlier: [...named.earlier.keys()],
        later: [...named.later.keys()],
      },
      new Set(members.keys()),
    );
    if (contested && later.type === 'array') this.laterWins(later, path);
    const merged = order.flatMap(name => members.get(name) ?? []);
    const piece = (name: 'header' | 'footer') =>
      this.trivia({ base: base?.[name], earlier: earlier[name], later: later[name] }, path);
    const parts: ContainerText = {
      type: later.type,
      header: piece('header'),
      members: merged.map(member => member.text),
      footer: piece('footer'),
      trailingComma: mergeTrailingComma(versions),
    };
    const value =
      later.type === 'object'
        ? this.interner.object(merged.map(member => [member.key ?? '', member.value]))
        : this.interner.array(merged.map(member => member.value));
    return { text: containerText(parts, versions), value };
  }

  /** The members that stay or come, by their names. */
  private members(
    named: Three<NamedMembers>,
    isArray: boolean,
    path: Path,
  ): ReadonlyMap<string, MergedMember> {
    const { replaced, dropped } = isArray ? contestedReplacements(named) : nothingContested;
    for (const name of replaced) this.laterWins(undefined, innerPath(path, named.base?.get(name)));
    const merged = new Map<string, MergedMember>();
    for (const name of new Set([...named.later.keys(), ...named.earlier.keys()])) {
      const member = this.member(
        { base: named.base?.get(name), earlier: named.earlier.get(name), later: named.later.get(name) },
        path,
      );
      if (member !== undefined && !dropped.has(name)) merged.set(name, member);
    }
    return merged;
  }

  private member(versions: Three<NamedMember | undefined>, path: Path): MergedMember | undefined {
    const { base, earlier, later } = versions;
    const inner = innerPath(path, later ?? earlier);
    if (earlier !== undefined && later !== undefined) return this.shared({ base, earlier, later }, inner);
    const only = later ?? earlier;
    if (only === undefined) return undefined;
    const taken = takeMember(only, later === undefined ? 'earlier' : 'later');
    if (base === undefined) return taken;
    if (commentedMember(this.interner, base.member) === commentedMember(this.interner, only.member))
      return undefined;
    return this.laterWins(later === undefined ? undefined : taken, inner);
  }

  private shared({ base, earlier, later }: Three<NamedMember>, path: Path): MergedMember {
    const node = this.node(
      { base: base?.member.node, earlier: earlier.member.node, later: later.member.node },
      path,
    );
    const piece = (name: 'lead' | 'name' | 'gap' | 'tail') =>
      this.trivia(
        { base: base?.member[name], earlier: earlier.member[name], later: later.member[name] },
        path,
      );
    const text = {
      // On one line the white space before a member says nothing of it, but only of its place.
      lead: [earlier, later].every(side => isSpace(side.member.lead)) ? later.member.lead : piece('lead'),
      name: piece('name'),
      value: node.text,
      gap: piece('gap'),
      tail: piece('tail'),
    };
    return {
      key: later.member.key,
      value: node.value,
      text: { ...text, from: 'both', wasFirst: later.wasFirst },
    };
  }
}

const isSpace = ({ text, comments }: Trivia) => comments.length === 0 && !text.includes('\n');

const nothingContested: ContestedReplacements = { replaced: [], dropped: new Set() };

/** An array element without a label is named by its array. */
function innerPath(path: Path, member: NamedMember | undefined): Path {
  return member?.label === undefined ? path : [...path, member.label];
}

const takeNode = (node: JsonNode): MergedNode => ({ text: node.raw, value: node.value });

function takeMember({ member, wasFirst }: NamedMember, from: 'earlier' | 'later'): MergedMember {
  const { key, lead, name, node, gap, tail } = member;
  return { key, value: node.value, text: { lead, name, value: node.raw, gap, tail, from, wasFirst } };
}

function mergeTrailingComma({ base, earlier, later }: Three<JsonContainer>): boolean {
  const commaOf = (container: JsonContainer | undefined) =>
    container === undefined || container.members.length === 0 ? undefined : container.trailingComma;
  const [former, first, second] = [base, earlier, later].map(commaOf);
  if (first === undefined || second === undefined) return second ?? first ?? false;
  return second === former ? first : second;
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, index) => text === right[index]);
}

function countsOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
