import { minTextPrefixLength, titleStart } from './query';
import { isUnspaced, type Tokens, tokenize } from './tokens';

/** What the index holds of an item: terms with a space between them, by column. */
export interface IndexText {
  readonly title: string;
  /** Tags, languages and the prefixes of a snippet. */
  readonly labels: string;
  readonly body: string;
}

/**
 * The index text of an encoded content. It is made anew, from what the row held, when an item leaves the index: so it
 * depends on nothing but the value, and takes any.
 */
export function indexTextOf(content: Readonly<Record<string, unknown>>): IndexText {
  const title = tokenize(textOf(content['title']));
  const starts = new Set<string>();
  for (const { term } of [...title.words, ...title.joined]) {
    if (isUnspaced(term)) continue;
    for (let length = 1; length < minTextPrefixLength; length++)
      starts.add(titleStart(term.slice(0, length)));
  }
  return {
    title: [...termsOf(title), ...starts].join(' '),
    labels: termsOf(tokenize(labelsOf(content).join('\n'))).join(' '),
    body: termsOf(tokenize(bodyOf(content))).join(' '),
  };
}

/** What the body column is made from: the body and every other text of the item. */
export function bodyOf(content: Readonly<Record<string, unknown>>): string {
  const { overlays } = content;
  const others = typeof overlays === 'object' && overlays !== null ? Object.values(overlays) : [];
  return [content['body'], content['description'], content['target'], content['repository'], ...others]
    .map(textOf)
    .filter(text => text !== '')
    .join('\n');
}

function labelsOf(content: Readonly<Record<string, unknown>>): readonly string[] {
  return [content['tags'], content['language'], content['languages'], content['prefixes']].flatMap(value =>
    Array.isArray(value) ? value.map(textOf) : [textOf(value)],
  );
}

function termsOf(tokens: Tokens): string[] {
  return [...tokens.words, ...tokens.joined].map(token => token.term);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
