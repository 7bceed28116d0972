import { fold } from './folding';
import { isUnspaced, tokenize } from './tokens';

/** A part of a query, of which every one must be found: neighbouring terms, and another way to write them. */
export interface Clause {
  /** Terms that follow each other. */
  readonly terms: readonly string[];
  /** True when the last term may go on. */
  readonly isPrefix: boolean;
  /** Several words of an identifier written as one, where the query was one. */
  readonly joined: string | undefined;
}

/**
 * Reads what a person typed. Words must all be found, in any order; quoted ones as they stand; the last one may be
 * the beginning of a word. Every text is a query: what holds no letter and no digit asks for nothing.
 */
export function parseQuery(text: string): readonly Clause[] {
  const clauses: Clause[] = [];
  const bounded = text.slice(0, maxQueryLength);
  const parts = Array.from(bounded.matchAll(quotedOrWord));
  for (const [index, part] of parts.entries()) {
    const [, quoted, word] = part;
    const isLast = index === parts.length - 1;
    const clause = word === undefined ? clauseOf(quoted ?? '', false, true) : clauseOf(word, isLast, false);
    if (clause && clauses.length < maxClauses) clauses.push(clause);
  }
  return clauses;
}

/** Whether what begins like the clause's last term is found without looking at every such term. */
export function hasPrefixIndex({ terms }: Clause): boolean {
  return Buffer.byteLength(terms.at(-1) ?? '') <= longestIndexedPrefix;
}

/** In bytes, as the index is declared. */
export const indexedPrefixes = [3, 4] as const;
const longestIndexedPrefix = Math.max(...indexedPrefixes);

/** The `MATCH` expression of FTS4's enhanced query syntax; `titles` asks for what the titles alone answer. */
export function matchExpression(clauses: readonly Clause[], where: 'anywhere' | 'titles'): string {
  return clauses
    .map(clause => {
      const ways = clause.joined === undefined ? [clause.terms] : [clause.terms, [clause.joined]];
      const texts = ways.flatMap(terms => wayOf(terms, clause.isPrefix, where));
      return texts.length === 1 ? texts[0] : `(${texts.join(' OR ')})`;
    })
    .join(' ');
}

/** The term under which the beginnings of a title's words are indexed, so that one or two letters find them. */
export function titleStart(letters: string): string {
  return startMark + letters;
}

/** A beginning shorter than this is looked for only in titles: in texts nearly every item has it. */
export const minTextPrefixLength = 3;

const maxQueryLength = 500;
/** FTS4 bounds the depth of an expression; more words than this make no search better. */
const maxClauses = 20;
const maxTermsOfPhrase = 50;

/** A private character, which no text folds to and which FTS4 takes as a letter. */
const startMark = '\ue001';
const quotedOrWord = /["“”„«»]([^"“”„«»]*)["“”„«»]?|([^\s"“”„«»]+)/g;

function clauseOf(text: string, isLast: boolean, isQuoted: boolean): Clause | undefined {
  const { words, joined } = tokenize(text);
  const terms = words.map(word => word.term);
  const last = terms.at(-1);
  if (last === undefined) return undefined;
  // The last syllable of an unspaced script stands alone only at the end of a text: inside one, its pair is found.
  const before = words.at(-2);
  const closesPair = before !== undefined && before.end === words.at(-1)?.end;
  if (closesPair) terms.pop();
  const isLoneSyllable = !closesPair && isUnspaced(last);
  const whole = fold(text);
  return {
    terms: terms.slice(0, maxTermsOfPhrase),
    isPrefix: isLoneSyllable || (isLast && !isQuoted && !closesPair),
    joined: !isQuoted && joined.some(token => token.term === whole) ? whole : undefined,
  };
}

function mayGoOn(term: string): boolean {
  return term.length >= minTextPrefixLength || isUnspaced(term);
}

function wayOf(terms: readonly string[], isPrefix: boolean, where: 'anywhere' | 'titles'): readonly string[] {
  const last = terms.at(-1) ?? '';
  const star = isPrefix && mayGoOn(last) ? '*' : '';
  // FTS4 has no way to ask for a phrase in one column.
  if (terms.length > 1) return [`"${terms.join(' ')}${star}"`];
  const term = `${where === 'titles' ? 'title:' : ''}${last}${star}`;
  return isPrefix && star === '' ? [term, titleStart(last)] : [term];
}
