/**
 * Everything that a simulated person types carries a token of its own, which tells where it went. A token is plain
 * text, so one on the wire is text that leaked.
 */
export type Token = string;

const pattern = /zqtok\d{6}kq/g;
const leak = /zqtok\d{6}kq|scratch-plain/;

export function tokenNumbered(number: number): Token {
  return `zqtok${String(number).padStart(6, '0')}kq`;
}

export function tokensIn(text: string): ReadonlySet<Token> {
  return new Set(text.match(pattern) ?? []);
}

/** True for a text with something in it that a person typed. */
export function isPlaintext(text: string): boolean {
  return leak.test(text);
}

/** Stands in every title and body that is made, so that a text without a token is known as well. */
export const plainMark = 'scratch-plain';
