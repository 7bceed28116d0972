import assert from 'node:assert/strict';
import { hkdfSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { argon2id as referenceArgon2id } from '@noble/hashes/argon2.js';
import { toBase64Url, toHex } from '../../../src/base/encoding';
import { unwrap } from '../../../src/base/result';
import { repositoryFolder } from '../../../src/build/paths';
import { argon2id } from '../../../src/crypto/argon2';
import {
  defaultKdf,
  defaultKdfPolicy,
  deriveKeys,
  type KdfParameters,
  type KdfPolicy,
} from '../../../src/crypto/keyDerivation';
import { seededRandom } from './cryptoFixtures';

const cheap: KdfParameters = {
  memoryKib: 64,
  passes: 2,
  parallelism: 1,
  salt: new TextEncoder().encode('0123456789abcdef'),
};
const anyCost: KdfPolicy = { ...defaultKdfPolicy, minMemoryKib: 8, minPasses: 1 };

async function deriveHex(password: string, kdf: KdfParameters = cheap) {
  const { authKey, wrappingKey } = unwrap(await deriveKeys(password, kdf, anyCost));
  return { authKey: toHex(authKey), wrappingKey: toHex(wrappingKey) };
}

describe('key derivation', () => {
  it('is built on the argon2id of the reference implementation', async () => {
    // phc-winner-argon2, src/test.c: version 0x13 with 2 passes
    const vectors: readonly (readonly [number, number, string])[] = [
      [256, 1, '9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe'],
      [256, 2, '6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037'],
      [65_536, 1, '09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7'],
    ];
    for (const [memorySize, parallelism, hash] of vectors) {
      const options = { password: 'password', salt: 'somesalt', iterations: 2, hashLength: 32 };
      assert.equal(await argon2id({ ...options, memorySize, parallelism, outputType: 'hex' }), hash);
    }
  });

  it('gives the keys that argon2id and HKDF-SHA256 of other libraries give', async () => {
    const secret = referenceArgon2id('correct horse', cheap.salt, { m: 64, t: 2, p: 1, dkLen: 32 });
    const key = (use: string) =>
      Buffer.from(hkdfSync('sha256', secret, '', `scratch-sync/1/password/${use}`, 32)).toString('hex');
    assert.deepEqual(await deriveHex('correct horse'), {
      authKey: key('authentication'),
      wrappingKey: key('wrapping'),
    });
  });

  it('gives the key that the protocol page gives as its example', async () => {
    const salt = Uint8Array.from({ length: 16 }, (_, index) => index);
    const kdf = { memoryKib: 65_536, passes: 3, parallelism: 1, salt };
    const { authKey } = unwrap(await deriveKeys('correct horse battery staple', kdf));
    const page = await readFile(path.join(repositoryFolder, 'docs', 'PROTOCOL.md'), 'utf8');
    assert.ok(page.includes(`\`${toBase64Url(salt)}\``));
    assert.ok(page.includes(`\`${toBase64Url(authKey)}\``));
  });

  it('gives other keys for another password, salt, memory, number of passes or lanes', async () => {
    const variants = [
      await deriveHex('one'),
      await deriveHex('two'),
      await deriveHex('one', { ...cheap, salt: new Uint8Array(16) }),
      await deriveHex('one', { ...cheap, memoryKib: 72 }),
      await deriveHex('one', { ...cheap, passes: 3 }),
      await deriveHex('one', { ...cheap, parallelism: 2 }),
    ];
    const keys = variants.flatMap(({ authKey, wrappingKey }) => [authKey, wrappingKey]);
    assert.equal(new Set(keys).size, keys.length);
  });

  it('takes a password as the same however the system composes its characters', async () => {
    assert.deepEqual(await deriveHex('pässwörd ①'), await deriveHex('pa\u0308sswo\u0308rd 1'));
    assert.notDeepEqual(await deriveHex('Password'), await deriveHex('password'));
    assert.notDeepEqual(await deriveHex('password '), await deriveHex('password'));
  });

  it('accepts its own default, with a new salt each time', async () => {
    const random = seededRandom(1);
    const [first, second] = [defaultKdf(random), defaultKdf(random)];
    assert.notDeepEqual(first.salt, second.salt);
    assert.deepEqual(
      { ...first, salt: first.salt.length },
      { memoryKib: 65_536, passes: 3, parallelism: 1, salt: 16 },
    );
    assert.ok((await deriveKeys('password', first)).ok);
  });

  it('refuses an empty password', async () => {
    assert.deepEqual(await deriveKeys('', cheap, anyCost), { ok: false, error: { type: 'emptyPassword' } });
  });

  describe('with the parameters that a server asks for', () => {
    const base = defaultKdf(seededRandom(2));
    const cases: readonly (readonly [string, Partial<KdfParameters>, 'weakKdf' | 'excessiveKdf'])[] = [
      ['memory just below 19 MiB', { memoryKib: 19 * 1024 - 1 }, 'weakKdf'],
      ['one pass', { passes: 1 }, 'weakKdf'],
      ['no pass', { passes: 0 }, 'weakKdf'],
      ['half a pass', { passes: 2.5 }, 'weakKdf'],
      ['no memory', { memoryKib: Number.NaN }, 'weakKdf'],
      ['negative memory', { memoryKib: -65_536 }, 'weakKdf'],
      ['no lane', { parallelism: 0 }, 'weakKdf'],
      ['a short salt', { salt: new Uint8Array(15) }, 'weakKdf'],
      ['memory above 1 GiB', { memoryKib: 1024 * 1024 + 1 }, 'excessiveKdf'],
      ['endless memory', { memoryKib: Number.POSITIVE_INFINITY }, 'weakKdf'],
      ['very many passes', { passes: 65 }, 'excessiveKdf'],
      ['the largest of both', { memoryKib: 1024 * 1024, passes: 5 }, 'excessiveKdf'],
      ['many lanes', { parallelism: 5 }, 'excessiveKdf'],
    ];
    for (const [name, change, type] of cases) {
      it(`refuses ${name}`, async () => {
        const result = await deriveKeys('password', { ...base, ...change });
        assert.equal(!result.ok && result.error.type, type);
      });
    }

    it('says in words when the machine has not that much memory', async () => {
      const beyondWasm = 5 * 1024 * 1024;
      const policy = { ...anyCost, maxMemoryKib: beyondWasm, maxMemoryKibTimesPasses: beyondWasm };
      const result = await deriveKeys('password', { ...cheap, memoryKib: beyondWasm, passes: 1 }, policy);
      assert.deepEqual(result, {
        ok: false,
        error: { type: 'excessiveKdf', detail: 'this machine could not provide 5120 MiB of memory' },
      });
    });
  });
});
