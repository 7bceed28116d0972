import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { type DerivedKeys, derivedKeysOf } from './derivedKeys';

/** The recovery phrase: 256 random bits as 24 English words, the last of which carries a checksum (BIP-39). */

/** Why a phrase is refused. The details name the place of a word, never the word: the phrase is a secret. */
export type InvalidPhrase =
  | { readonly type: 'wordCount'; readonly words: number; readonly detail: string }
  | { readonly type: 'unknownWord'; readonly position: number; readonly detail: string }
  | { readonly type: 'wrongChecksum'; readonly detail: string };

export const phraseWords = 24;
const phraseEntropyBytes = 32;

export function createRecoveryPhrase(random: Random): string {
  return entropyToMnemonic(random.bytes(phraseEntropyBytes), wordlist);
}

/** The keys of a phrase. Case, line breaks, commas and the numbering of a written list do not matter. */
export function recoveryKeys(phrase: string): Result<DerivedKeys, InvalidPhrase> {
  const words = wordsOf(phrase);
  if (words.length !== phraseWords) {
    return err({
      type: 'wordCount',
      words: words.length,
      detail: `A recovery phrase has ${phraseWords} words; this one has ${words.length}.`,
    });
  }
  const unknown = words.findIndex(word => !wordlist.includes(word));
  if (unknown >= 0) {
    const position = unknown + 1;
    return err({
      type: 'unknownWord',
      position,
      detail: `Word ${position} is not a word of a recovery phrase. Check its spelling.`,
    });
  }
  try {
    return ok(derivedKeysOf(mnemonicToEntropy(words.join(' '), wordlist), 'recovery'));
  } catch {
    // count and words are checked above, so the checksum is all that is left to be wrong
    return err({
      type: 'wrongChecksum',
      detail:
        'Each word is a word of a recovery phrase, but together they are not one. Check their order, and that none was taken for a similar one.',
    });
  }
}

function wordsOf(phrase: string): string[] {
  return phrase
    .normalize('NFKD')
    .toLowerCase()
    .split(/[\s.,;:)-]+/u)
    .filter(word => !/^\d*$/.test(word));
}
