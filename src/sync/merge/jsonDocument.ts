import { createScanner, type Node, type ParseError, parseTree } from 'jsonc-parser';
import { defined } from '../../base/assert';

/**
 * A JSON text with comments and trailing commas, cut into pieces that join to exactly the same text. Every comment
 * belongs to one piece, so that it travels with the member that it stands at.
 */
export interface JsonDocument {
  readonly head: Trivia;
  /** Undefined for a text of white space and comments alone. */
  readonly root: JsonNode | undefined;
  readonly tail: Trivia;
}

/** A stretch of text around the values: white space, comments, and for a name also the name and its colon. */
export interface Trivia {
  readonly text: string;
  readonly comments: readonly string[];
}

export type JsonNode = JsonScalar | JsonContainer;

export interface JsonScalar extends NodeText {
  readonly type: 'scalar';
}

export interface JsonContainer extends NodeText {
  readonly type: 'object' | 'array';
  /** A comment that follows the opening bracket on its line. */
  readonly header: Trivia;
  readonly members: readonly JsonMember[];
  /** What stands between the last member and the closing bracket. */
  readonly footer: Trivia;
  readonly trailingComma: boolean;
}

interface NodeText {
  readonly raw: string;
  /** Equal for equal values: layout, comments and the order of an object's keys do not count. */
  readonly value: number;
  /** Equal for equal values with equal comments. */
  readonly commented: number;
}

export interface JsonMember {
  /** White space and own-line comments before it. */
  readonly lead: Trivia;
  /** An object's key; undefined in an array. */
  readonly key: string | undefined;
  /** The key as written, the colon and what is between; empty in an array. */
  readonly name: Trivia;
  readonly node: JsonNode;
  /** What stands between the value and its comma. */
  readonly gap: Trivia;
  /** A comment that follows on the same line. */
  readonly tail: Trivia;
}

/** Deeper documents are merged as text. */
export const maxJsonDepth = 100;

/** Gives equal texts one number, so that values of several documents compare in one step. */
export class Interner {
  private readonly numbers = new Map<string, number>();

  numberOf(text: string): number {
    const held = this.numbers.get(text);
    if (held !== undefined) return held;
    const next = this.numbers.size;
    this.numbers.set(text, next);
    return next;
  }

  object(members: readonly (readonly [key: string, value: number])[]): number {
    const sorted = [...members].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
    return this.numberOf(`{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`);
  }

  array(values: readonly number[]): number {
    return this.numberOf(`[${values.join()}]`);
  }
}

/** Undefined for a text that is not JSON, names a key twice in one object, or is deeper than {@link maxJsonDepth}. */
export function parseJsonDocument(text: string, interner: Interner): JsonDocument | undefined {
  const tokens = scan(text);
  if (tokens === undefined) return undefined;
  const cut: Cutter = { text, ...tokens, interner };
  if (tokens.values === 0) return { head: trivia(cut, 0, text.length), root: undefined, tail: noTrivia };
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  if (tree === undefined || errors.length > 0) return undefined;
  const root = nodeOf(cut, tree);
  if (root === undefined) return undefined;
  return {
    head: trivia(cut, 0, tree.offset),
    root,
    tail: trivia(cut, endOf(tree), text.length),
  };
}

export const noTrivia: Trivia = { text: '', comments: [] };

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Tokens {
  readonly comments: readonly Span[];
  readonly commas: readonly Span[];
  /** How many tokens are neither white space nor comments. */
  readonly values: number;
}

interface Cutter extends Tokens {
  readonly text: string;
  readonly interner: Interner;
}

/** The `SyntaxKind` of jsonc-parser: a const enum, which a module that is compiled alone cannot import. */
const kind = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  lineComment: 12,
  blockComment: 13,
  lineBreak: 14,
  whiteSpace: 15,
  end: 17,
} as const;

/** `ScanError.None`, of a const enum too. */
const noError = 0;

/** Undefined when a token is not closed, or when the brackets nest too deep for a parser that recurses. */
function scan(text: string): Tokens | undefined {
  const scanner = createScanner(text);
  const comments: Span[] = [];
  const commas: Span[] = [];
  let values = 0;
  let depth = 0;
  for (let token: number = scanner.scan(); token !== kind.end; token = scanner.scan()) {
    const start = scanner.getTokenOffset();
    const span = { start, end: start + scanner.getTokenLength() };
    if (token === kind.lineComment || token === kind.blockComment) comments.push(span);
    else if (token !== kind.lineBreak && token !== kind.whiteSpace) values += 1;
    if (token === kind.comma) commas.push(span);
    if (token === kind.openBrace || token === kind.openBracket) depth += 1;
    if (token === kind.closeBrace || token === kind.closeBracket) depth -= 1;
    if (depth > maxJsonDepth || scanner.getTokenError() !== noError) return undefined;
  }
  return { comments, commas, values };
}

const endOf = (node: Node) => node.offset + node.length;

function trivia(cut: Cutter, start: number, end: number): Trivia {
  const comments = within(cut.comments, start, end).map(span => cut.text.slice(span.start, span.end));
  return start === end ? noTrivia : { text: cut.text.slice(start, end), comments };
}

/** The spans that start in a range, of a list in ascending order. */
function within(spans: readonly Span[], start: number, end: number): readonly Span[] {
  const firstFrom = (offset: number) => {
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((spans[middle]?.start ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return spans.slice(firstFrom(start), firstFrom(end));
}

function nodeOf(cut: Cutter, node: Node): JsonNode | undefined {
  if (node.type === 'object' || node.type === 'array') return containerOf(cut, node, node.type);
  const raw = cut.text.slice(node.offset, endOf(node));
  // A number counts as written: two of them may differ by less than a double can hold.
  const value = cut.interner.numberOf(node.type === 'string' ? JSON.stringify(node.value) : raw);
  return { type: 'scalar', raw, value, commented: value };
}

function containerOf(cut: Cutter, node: Node, type: JsonContainer['type']): JsonContainer | undefined {
  const children = node.children ?? [];
  const close = endOf(node) - 1;
  const headerEnd = endOfLineComment(cut, node.offset + 1, children[0]?.offset ?? close);
  const members: JsonMember[] = [];
  let at = headerEnd;
  let trailingComma = false;
  for (const [index, child] of children.entries()) {
    const next = children[index + 1]?.offset ?? close;
    const comma = within(cut.commas, endOf(child), next)[0];
    const afterComma = comma?.end ?? endOf(child);
    const memberEnd = endOfLineComment(cut, afterComma, next);
    const value = valueNode(child);
    const inner = nodeOf(cut, value);
    if (inner === undefined) return undefined;
    members.push({
      lead: trivia(cut, at, child.offset),
      key: child.type === 'property' ? String(child.children?.[0]?.value) : undefined,
      name: trivia(cut, child.offset, value.offset),
      node: inner,
      gap: trivia(cut, endOf(child), comma?.start ?? endOf(child)),
      tail: trivia(cut, afterComma, memberEnd),
    });
    at = memberEnd;
    trailingComma = comma !== undefined;
  }
  if (type === 'object' && new Set(members.map(member => member.key)).size !== members.length)
    return undefined;
  const parts = {
    type,
    header: trivia(cut, node.offset + 1, headerEnd),
    members,
    footer: trivia(cut, at, close),
    trailingComma,
  };
  const raw = cut.text.slice(node.offset, endOf(node));
  return {
    ...parts,
    raw,
    value: valueNumber(cut.interner, type, members),
    commented: commentedNumber(cut.interner, parts),
  };
}

/** A property's value; an element is its own. */
function valueNode(child: Node): Node {
  return child.type === 'property' ? defined(child.children?.[1], 'a parsed property has a value') : child;
}

/** Where the comments end that stand on this line with nothing but the line's end after them; else `start`. */
function endOfLineComment(cut: Cutter, start: number, limit: number): number {
  let end = start;
  for (const comment of within(cut.comments, start, limit)) {
    if (/\S|\n/.test(cut.text.slice(end, comment.start))) break;
    if (cut.text.slice(comment.start, comment.end).includes('\n')) return start;
    end = comment.end;
  }
  return /^[ \t\r]*\n/.test(cut.text.slice(end, limit)) ? end : start;
}

function valueNumber(
  interner: Interner,
  type: JsonContainer['type'],
  members: readonly JsonMember[],
): number {
  return type === 'object'
    ? interner.object(members.map(member => [member.key ?? '', member.node.value]))
    : interner.array(members.map(member => member.node.value));
}

function commentedNumber(
  interner: Interner,
  { type, header, members, footer }: Pick<JsonContainer, 'type' | 'header' | 'members' | 'footer'>,
): number {
  const around = interner.numberOf(JSON.stringify([header.comments, footer.comments]));
  const inner = members.map(member => [member.key ?? '', commentedMember(interner, member)] as const);
  const all = type === 'object' ? interner.object(inner) : interner.array(inner.map(([, value]) => value));
  return interner.numberOf(`${around} ${all}`);
}

/** Equal for members with equal values and equal comments in and around them. */
export function commentedMember(interner: Interner, { lead, name, node, gap, tail }: JsonMember): number {
  const pieces = [lead, name, gap, tail];
  if (pieces.every(piece => piece.comments.length === 0)) return node.commented;
  return interner.numberOf(`${JSON.stringify(pieces.map(piece => piece.comments))} ${node.commented}`);
}
