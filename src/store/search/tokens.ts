import { fold, isAscii } from './folding';

/**
 * A term of a text and where it stands there, in UTF-16 units. The terms of a text, in order, are what phrases are
 * looked up in.
 */
export interface Token {
  readonly term: string;
  readonly start: number;
  readonly end: number;
}

export interface Tokens {
  /** In the order of the text. Words of identifiers stand one by one: `fooBar_baz` gives foo, bar, baz. */
  readonly words: readonly Token[];
  /** The same identifiers written as one, whole and by their parts between underscores: foobar, foobarbaz. */
  readonly joined: readonly Token[];
}

/**
 * Divides a text into terms. Scripts that put no spaces between words, and Hangul, give one term for each two
 * neighbouring syllables and one for the last, so that every part of such a text is found as a phrase of pairs
 * (the CJK bigrams of Lucene's `CJKAnalyzer`).
 */
export function tokenize(text: string): Tokens {
  const words: Token[] = [];
  const joined: Token[] = [];
  if (isAscii(text)) {
    for (const { 0: found, index } of text.matchAll(asciiRun)) {
      if (mayBePartedAscii.test(found)) addIdentifier(found, index, words, joined);
      else words.push({ term: asciiTerm(found), start: index, end: index + found.length });
    }
  } else {
    for (const { 0: found, index } of text.matchAll(run)) addRun(found, index, words, joined);
  }
  return { words, joined };
}

/** Whether a text is of a script whose terms are pairs of syllables. */
export function isUnspaced(text: string): boolean {
  return unspaced.test(text);
}

/** Longer terms are cut: they are hashes and encoded data, of which nobody remembers the end. */
const maxTermLength = 64;
/** Longer runs without a space are no identifiers: their capitals mean nothing. */
const maxIdentifierLength = 60;

const asciiRun = /[A-Za-z0-9_]+/g;
const run = /[\p{L}\p{N}\p{M}_]+/gu;
const unspaced =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]/u;
const unspacedOrOther = new RegExp(`(${unspaced.source}+)|(?:(?!${unspaced.source}).)+`, 'gu');
/** A letter with the marks that belong to it, the half-width sound marks of katakana too. */
const syllable = /[^\p{M}\uff9e\uff9f][\p{M}\uff9e\uff9f]*|[\p{M}\uff9e\uff9f]+/gu;

function addRun(text: string, start: number, words: Token[], joined: Token[]): void {
  if (!isUnspaced(text)) {
    addIdentifier(text, start, words, joined);
    return;
  }
  for (const match of text.matchAll(unspacedOrOther)) {
    if (match[1] === undefined) addIdentifier(match[0], start + match.index, words, joined);
    else addPairs(match[0], start + match.index, words);
  }
}

function addPairs(text: string, start: number, words: Token[]): void {
  let before: Token | undefined;
  for (const match of text.matchAll(syllable)) {
    const syllableAt = start + match.index;
    const here = { term: fold(match[0]), start: syllableAt, end: syllableAt + match[0].length };
    if (here.term === '') continue;
    if (before) words.push({ term: before.term + here.term, start: before.start, end: here.end });
    before = here;
  }
  if (before) words.push(before);
}

function addIdentifier(text: string, start: number, words: Token[], joined: Token[]): void {
  if (text.length > maxIdentifierLength || !mayBeParted.test(text)) {
    push(words, text, start);
    return;
  }
  const parts = partsOf(text, start);
  for (const part of parts) {
    for (const word of part.words) push(words, word.text, word.start);
    if (part.words.length > 1) push(joined, part.text, part.start);
  }
  if (parts.length > 1) push(joined, text, start);
}

/** An underscore, or a capital that is not the first letter. */
const mayBeParted = /_|.\p{Lu}/u;
const mayBePartedAscii = /_|.[A-Z]/;
const betweenUnderscores = /[^_]+/g;
/** Capitals that no small letter follows, or a word with at most its first letter a capital; digits stay with it. */
const camelWord = /(?:\p{Lu}\p{M}*)+(?!\p{M}*\p{Ll})\p{N}*|\p{Lu}?(?:(?!\p{Lu}).)+|\p{Lu}/gu;

interface Piece {
  readonly text: string;
  readonly start: number;
}

function partsOf(text: string, start: number): readonly (Piece & { readonly words: readonly Piece[] })[] {
  return Array.from(text.matchAll(betweenUnderscores), part => ({
    text: part[0],
    start: start + part.index,
    words: Array.from(part[0].matchAll(camelWord), word => ({
      text: word[0],
      start: start + part.index + word.index,
    })),
  }));
}

const asciiTerm = (text: string) => text.slice(0, maxTermLength).toLowerCase();

function push(to: Token[], text: string, start: number): void {
  const term = fold(text).slice(0, maxTermLength);
  if (term !== '') to.push({ term, start, end: start + text.length });
}
