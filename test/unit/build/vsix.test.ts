import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { maxVsixBytes, vsixProblems } from '../../../src/build/vsix';

const good = [
  'package.json',
  'package.nls.json',
  'readme.md',
  'changelog.md',
  'LICENSE.txt',
  'dist/extension.js',
  'dist/worker.js',
  'dist/argon2.js',
  'dist/sql-wasm.wasm',
  'dist/NOTICES.txt',
  'dist/scratchSync.d.ts',
  'media/icon.png',
  'l10n/bundle.l10n.de.json',
];

describe('the files of the packaged extension', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scratch-vsix-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  interface Contents {
    readonly vsixBytes?: number;
    readonly activationBytes?: number;
    readonly pages?: Readonly<Record<string, string>>;
  }

  async function problems(files: readonly string[], contents: Contents = {}) {
    const { vsixBytes = 1000, activationBytes = 1000, pages = {} } = contents;
    const unpacked = path.join(folder, 'unpacked');
    for (const name of files) {
      await mkdir(path.dirname(path.join(unpacked, name)), { recursive: true });
      await writeFile(
        path.join(unpacked, name),
        pages[name] ?? Buffer.alloc(name === 'dist/extension.js' ? activationBytes : 1),
      );
    }
    const vsix = path.join(folder, 'extension.vsix');
    await writeFile(vsix, Buffer.alloc(vsixBytes));
    return vsixProblems(vsix, unpacked);
  }

  it('are those that an editor needs', async () => {
    assert.deepEqual(await problems([...good, '.vsixmanifest']), []);
  });

  for (const name of [
    'node_modules/zod/index.js',
    'src/cli/main.ts',
    'dist/cli.js',
    'dist/other.wasm',
    '.env',
  ]) {
    it(`are not ${name}`, async () => {
      assert.deepEqual(await problems([...good, name]), [`it contains ${name}`]);
    });
  }

  it('must be complete', async () => {
    assert.deepEqual(await problems(good.filter(name => name !== 'dist/worker.js')), [
      'it lacks dist/worker.js',
    ]);
  });

  it('link to nothing that is not among them', async () => {
    const text = `[web](https://example.com/x.md) [here](#items) [mail](mailto:a@example.com)
![a picture](media/icon.png) [the licence](./LICENSE.txt "MIT")
[gone](docs/OPERATIONS.md#settings) [![both](images/gone.png)](changelog.md)`;
    assert.deepEqual(
      await problems([...good, 'media/walkthrough/note.md'], { pages: { 'readme.md': text } }),
      [
        'readme.md links to docs/OPERATIONS.md, which it does not hold',
        'readme.md links to images/gone.png, which it does not hold',
      ],
    );
    assert.deepEqual(
      await problems([...good, 'media/walkthrough/note.md'], {
        pages: { 'media/walkthrough/note.md': '![up](../icon.png) ![beside](icon.png)' },
      }),
      ['media/walkthrough/note.md links to icon.png, which it does not hold'],
    );
  });

  it('must be small, above all the one that activation loads', async () => {
    const found = await problems(good, { vsixBytes: maxVsixBytes + 1, activationBytes: 151 * 1024 });
    assert.equal(found.length, 2);
  });
});
