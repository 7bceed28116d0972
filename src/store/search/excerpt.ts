import type { Clause } from './query';
import { type Token, tokenize } from './tokens';

/** A part of a text around what was found. */
export interface Excerpt {
  readonly text: string;
  /** Where the matches are in `text`: pairs of start and end, in UTF-16 units, in order. */
  readonly highlights: readonly (readonly [number, number])[];
}

/** The part of a text with the most of a query's clauses; the beginning of the text when none is in it. */
export function excerptOf(text: string, clauses: readonly Clause[]): Excerpt {
  const scanned = text.slice(0, maxScannedLength);
  const spans = matchesIn(scanned, clauses);
  const focus = densest(spans);
  const start = focus === undefined ? 0 : startOfExcerpt(scanned, focus.start);
  return flatten(
    text,
    start,
    Math.min(text.length, start + maxExcerptLength),
    spans.filter(span => span.start >= start && span.end <= start + maxExcerptLength),
  );
}

/** Where the clauses of a query stand in a text, in order. */
export function matchesIn(text: string, clauses: readonly Clause[]): readonly Span[] {
  const { words, joined } = tokenize(text);
  const spans: Span[] = [];
  for (const [index, clause] of clauses.entries()) {
    for (let at = 0; at < words.length; at++) {
      const end = endOfPhrase(words, at, clause);
      const start = words[at]?.start;
      if (end !== undefined && start !== undefined) spans.push({ clause: index, start, end });
    }
    const whole = clause.joined ?? (clause.terms.length === 1 ? clause.terms[0] : undefined);
    if (whole === undefined) continue;
    for (const { term, start, end } of joined) {
      if (fits(term, whole, clause.isPrefix)) spans.push({ clause: index, start, end });
    }
  }
  return spans.sort((left, right) => left.start - right.start || right.end - left.end);
}

interface Span {
  readonly clause: number;
  readonly start: number;
  readonly end: number;
}

const maxExcerptLength = 180;
/** How much stands before the first match. */
const leadLength = 40;
/** Matches further behind are found by the index, but not shown. */
const maxScannedLength = 64 * 1024;

function endOfPhrase(words: readonly Token[], at: number, clause: Clause): number | undefined {
  let end: number | undefined;
  for (const [offset, term] of clause.terms.entries()) {
    const word = words[at + offset];
    const isLast = offset === clause.terms.length - 1;
    if (word === undefined || !fits(word.term, term, clause.isPrefix && isLast)) return undefined;
    end = word.end;
  }
  return end;
}

function fits(term: string, wanted: string, isPrefix: boolean): boolean {
  return isPrefix ? term.startsWith(wanted) : term === wanted;
}

/** The first match of the stretch in which the most clauses are found. */
function densest(spans: readonly Span[]): Span | undefined {
  let best: Span | undefined;
  let most = 0;
  for (const [index, span] of spans.entries()) {
    const found = new Set<number>();
    for (let next = index; next < spans.length; next++) {
      const other = spans[next];
      if (other === undefined || other.end > span.start + maxExcerptLength - leadLength) break;
      found.add(other.clause);
    }
    if (best === undefined || found.size > most) {
      best = span;
      most = found.size;
    }
  }
  return best;
}

/** A little before the match, at the beginning of a line or of a word. */
function startOfExcerpt(text: string, match: number): number {
  const earliest = Math.max(0, match - leadLength);
  const lead = text.slice(earliest, match);
  const line = lead.lastIndexOf('\n');
  if (line >= 0) return earliest + line + 1;
  if (earliest === 0) return 0;
  const space = lead.search(/\s/);
  return space < 0 ? match : earliest + space + 1;
}

/** One line: each stretch of white space is one space, and what is left out is marked. */
function flatten(text: string, start: number, end: number, spans: readonly Span[]): Excerpt {
  let flat = start > 0 ? '…' : '';
  const places: number[] = [];
  for (let at = start; at < end; at++) {
    places.push(flat.length);
    const letter = text.charAt(at);
    if (!/\s/.test(letter)) flat += letter;
    else if (flat !== '' && !flat.endsWith(' ') && flat !== '…') flat += ' ';
  }
  places.push(flat.length);
  const place = (at: number) => places[at - start] ?? flat.length;
  const highlights: [number, number][] = [];
  for (const span of spans) {
    const last = highlights.at(-1);
    const from = place(span.start);
    const to = place(span.end);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else highlights.push([from, to]);
  }
  return { text: end < text.length ? `${flat.trimEnd()}…` : flat.trimEnd(), highlights };
}
