import type { Interner, JsonContainer, JsonMember, JsonNode } from './jsonDocument';
import type { Three } from './order';

/** A member of a container under the name by which the three versions of the container are compared. */
export interface NamedMember {
  readonly name: string;
  /** How a person tells it from its siblings; undefined when its value is all there is to say. */
  readonly label: string | undefined;
  readonly member: JsonMember;
  readonly wasFirst: boolean;
}

/** The members by their names; in each version a name occurs once. */
export type NamedMembers = ReadonlyMap<string, NamedMember>;

/**
 * Names the members of the three versions alike. An object's are named by their keys. An array's elements are named by
 * what tells them apart where one of these names each in every version: a keybinding's key, command and condition; an
 * `id`, a `label` or a `name`. Else an element is named by its value, and by which of its equals it is.
 */
export function nameMembers(versions: Three<JsonContainer>, interner: Interner): Three<NamedMembers> {
  const { base, earlier, later } = versions;
  const all = base === undefined ? [earlier, later] : [base, earlier, later];
  const identity =
    later.type === 'object'
      ? keyOfMember
      : identities.find(candidate => all.every(container => tellsApart(candidate, container, interner)));
  const named = (container: JsonContainer) =>
    identity === undefined ? byValue(container) : byIdentity(container, identity, interner);
  return { base: base && named(base), earlier: named(earlier), later: named(later) };
}

/** Array elements that both versions replaced, and differently. */
export interface ContestedReplacements {
  /** The base elements, by name, that were replaced. */
  readonly replaced: readonly string[];
  /** The earlier version's replacements, by name: they give way to the later version's. */
  readonly dropped: ReadonlySet<string>;
}

/**
 * An element of an array mostly changes by being replaced: a version drops it and has others in its place, which is
 * after the same neighbour. Where both versions dropped an element and have different ones in its place, they changed
 * the same thing differently.
 */
export function contestedReplacements(named: Three<NamedMembers>): ContestedReplacements {
  const base = [...(named.base?.keys() ?? [])];
  const earlier = replacements(base, [...named.earlier.keys()]);
  const later = replacements(base, [...named.later.keys()]);
  const replaced: string[] = [];
  const dropped = new Set<string>();
  let last: Contest | undefined;
  for (const name of base) {
    const byEarlier = earlier.get(name);
    const byLater = later.get(name);
    if (byEarlier === undefined || byLater === undefined) continue;
    if (last?.byEarlier !== byEarlier || last.byLater !== byLater) {
      last = { byEarlier, byLater, isContested: !agree(byEarlier, byLater) };
      if (last.isContested) for (const added of byEarlier) if (!named.later.has(added)) dropped.add(added);
    }
    if (last.isContested) replaced.push(name);
  }
  return { replaced, dropped };
}

/** What two versions have in one place; a run of base elements that both dropped shares it. */
interface Contest {
  readonly byEarlier: readonly string[];
  readonly byLater: readonly string[];
  readonly isContested: boolean;
}

/** Answers a text that tells a member from its siblings, and how to show it; undefined when it has none. */
type Identity = (member: JsonMember, interner: Interner) => Pick<NamedMember, 'name' | 'label'> | undefined;

const keyOfMember: Identity = ({ key = '' }) => ({ name: key, label: key });

const keybinding: Identity = ({ node }, interner) => {
  const [key, command, when] = ['key', 'command', 'when'].map(name => propertyOf(node, name));
  const shown = [key, command].map(textOf);
  if (key === undefined || command === undefined || shown.includes(undefined)) return undefined;
  const name = interner.array([key.value, command.value, when?.value ?? -1]);
  return { name: String(name), label: shown.join(' ') };
};

const property =
  (name: string): Identity =>
  ({ node }) => {
    const text = textOf(propertyOf(node, name));
    return text === undefined ? undefined : { name: text, label: text };
  };

const identities: readonly Identity[] = [keybinding, property('id'), property('label'), property('name')];

function propertyOf(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.find(member => member.key === name)?.node : undefined;
}

/** The text between the quotes of a string, as written. */
function textOf(node: JsonNode | undefined): string | undefined {
  return node?.type === 'scalar' && node.raw.startsWith('"') ? node.raw.slice(1, -1) : undefined;
}

function tellsApart(identity: Identity, { members }: JsonContainer, interner: Interner): boolean {
  const names = members.map(member => identity(member, interner)?.name);
  return !names.includes(undefined) && new Set(names).size === names.length;
}

function byIdentity(container: JsonContainer, identity: Identity, interner: Interner): NamedMembers {
  return new Map(
    container.members.flatMap((member, index) => {
      const named = identity(member, interner);
      return named === undefined ? [] : [[named.name, { ...named, member, wasFirst: index === 0 }]];
    }),
  );
}

function byValue(container: JsonContainer): NamedMembers {
  const seen = new Map<number, number>();
  return new Map(
    container.members.map((member, index) => {
      const occurrence = (seen.get(member.node.value) ?? 0) + 1;
      seen.set(member.node.value, occurrence);
      const name = `${member.node.value} ${occurrence}`;
      return [name, { name, label: undefined, member, wasFirst: index === 0 }];
    }),
  );
}

/** For each base name that a side dropped: the names of its own that it put after the same neighbour. */
function replacements(
  base: readonly string[],
  side: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const inBase = new Set(base);
  const kept = new Set(side.filter(name => inBase.has(name)));
  const placeAfter = new Map<string | undefined, string[]>();
  let place: string[] = [];
  placeAfter.set(undefined, place);
  for (const name of side) {
    if (!inBase.has(name)) place.push(name);
    else {
      place = [];
      placeAfter.set(name, place);
    }
  }
  const replaced = new Map<string, readonly string[]>();
  let neighbour: string | undefined;
  for (const name of base) {
    if (kept.has(name)) neighbour = name;
    else replaced.set(name, placeAfter.get(neighbour) ?? []);
  }
  return replaced;
}

/** Replacements agree when they are the same, or when one version's are among the other's. */
function agree(left: readonly string[], right: readonly string[]): boolean {
  const [fewer, more] = left.length <= right.length ? [left, new Set(right)] : [right, new Set(left)];
  return (fewer.length > 0 || more.size === 0) && fewer.every(name => more.has(name));
}
