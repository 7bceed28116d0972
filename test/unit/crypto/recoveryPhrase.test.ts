import assert from 'node:assert/strict';
import { hkdfSync } from 'node:crypto';
import { systemRandom } from '../../../src/base/random';
import { unwrap } from '../../../src/base/result';
import { createRecoveryPhrase, recoveryKeys } from '../../../src/crypto/recoveryPhrase';
import { fromHex, seededRandom } from './cryptoFixtures';

/** BIP-39's own test vectors (trezor/python-mnemonic, vectors.json), 256 bits. */
const vectors: readonly (readonly [string, string])[] = [
  ['00'.repeat(32), `${'abandon '.repeat(23)}art`],
  [
    '7f'.repeat(32),
    'legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title',
  ],
  ['ff'.repeat(32), `${'zoo '.repeat(23)}vote`],
  [
    'f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f',
    'void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold',
  ],
];

describe('recovery phrase', () => {
  it('spells 32 random bytes as BIP-39 does', () => {
    for (const [entropy, phrase] of vectors) {
      const random = { ...systemRandom, bytes: () => fromHex(entropy) };
      assert.equal(createRecoveryPhrase(random), phrase);
    }
  });

  it('gives the keys that HKDF-SHA256 of those bytes gives', () => {
    for (const [entropy, phrase] of vectors) {
      const key = (use: string) =>
        new Uint8Array(hkdfSync('sha256', fromHex(entropy), '', `scratch-sync/1/recovery/${use}`, 32));
      assert.deepEqual(recoveryKeys(phrase), {
        ok: true,
        value: { authKey: key('authentication'), wrappingKey: key('wrapping') },
      });
    }
  });

  it('has 24 words, other ones each time', () => {
    const random = seededRandom(1);
    const first = createRecoveryPhrase(random);
    assert.equal(first.split(' ').length, 24);
    assert.notEqual(createRecoveryPhrase(random), first);
  });

  it('does not mind case, spaces, line breaks, commas or numbering', () => {
    const phrase = createRecoveryPhrase(seededRandom(2));
    const keys = unwrap(recoveryKeys(phrase));
    const words = phrase.split(' ');
    const written = [
      phrase.toUpperCase(),
      `  ${words.join('   ')}\n`,
      words.join('\r\n'),
      words.join(', '),
      words.map((word, index) => `${index + 1}. ${word}`).join('\n'),
      words.map((word, index) => `${index + 1}) ${word}`).join('\t'),
      words.join('\u00a0'),
    ];
    for (const text of written) assert.deepEqual(unwrap(recoveryKeys(text)), keys, text);
  });

  it('says how many words there are when they are not 24', () => {
    const words = createRecoveryPhrase(seededRandom(3)).split(' ');
    for (const count of [0, 1, 12, 23]) {
      const result = recoveryKeys(words.slice(0, count).join(' '));
      assert.deepEqual(!result.ok && result.error, {
        type: 'wordCount',
        words: count,
        detail: `A recovery phrase has 24 words; this one has ${count}.`,
      });
    }
  });

  it('says which word is unknown, without repeating it', () => {
    const words = createRecoveryPhrase(seededRandom(4)).split(' ');
    words[6] = 'hunter2x';
    const result = recoveryKeys(words.join(' '));
    assert.deepEqual(!result.ok && result.error, {
      type: 'unknownWord',
      position: 7,
      detail: 'Word 7 is not a word of a recovery phrase. Check its spelling.',
    });
  });

  it('notices two words in the wrong order', () => {
    const words = createRecoveryPhrase(seededRandom(5)).split(' ');
    const swapped = [words[1], words[0], ...words.slice(2)].join(' ');
    const result = recoveryKeys(swapped);
    assert.equal(!result.ok && result.error.type, 'wrongChecksum');
  });
});
