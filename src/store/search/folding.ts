/**
 * Text as the search index compares it: lower case, compatible forms made one, accents and vowel points taken off.
 * What remains are letters, digits and the marks that make up syllables (of Indic scripts, Thai, Japanese), so that no
 * folded text can hold an operator of the query language.
 */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase().replace(notAlphanumericAscii, '');
  return text
    .toLowerCase()
    .normalize('NFKD')
    .toLowerCase()
    .replace(accents, '')
    .replace(letterVariants, letter => plainForms[letter] ?? letter)
    .normalize('NFC')
    .replace(notWord, '');
}

export function isAscii(text: string): boolean {
  return !notAscii.test(text);
}

const notAscii = /[\u0080-\uffff]/;
const notAlphanumericAscii = /[^a-z0-9]+/g;
const notWord = /[^\p{L}\p{N}\p{M}]+/gu;

/** Combining diacritics; Hebrew points; Arabic vowel signs, hamza above and below, and the stretching tatweel. */
const accents =
  /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]+/g;

/** Letters that have no decomposition in Unicode and that people type in another way. */
const plainForms: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ı: 'i',
  þ: 'th',
  ς: 'σ',
  ى: 'ي',
};
const letterVariants = /[ßæœøđðłıþςى]/g;
