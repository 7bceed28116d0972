import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { LazyParts } from '../../../src/build/lazyParts';

describe('parts that load on first use', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scratch-parts-'));
    await mkdir(path.join(folder, 'node_modules/@scope/heavy'), { recursive: true });
    await writeFile(path.join(folder, 'node_modules/@scope/heavy/index.js'), "module.exports = 'heavy';");
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function bundle(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), text);
    }
    const parts = new LazyParts(folder);
    const { outputFiles } = await build({
      entryPoints: [path.join(folder, 'main.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      supported: { 'dynamic-import': false },
      write: false,
      logLevel: 'silent',
      plugins: [parts.plugin],
    });
    return { parts, text: outputFiles[0]?.text ?? '' };
  }

  it('are the dynamic imports of our sources, packages too', async () => {
    const { parts, text } = await bundle({
      'main.ts': "void import('./a/slow'); void import('@scope/heavy'); void import('node:fs');",
      'a/slow.ts': "export const slow = 'only in the part';",
    });
    assert.deepEqual([...parts.entries.keys()].sort(), ['scope-heavy', 'slow']);
    assert.ok(text.includes('require("./slow.js")'));
    assert.ok(text.includes('require("node:fs")'));
    assert.ok(!text.includes('only in the part'));
  });

  it('are not what is imported as usual', async () => {
    const { parts, text } = await bundle({
      'main.ts': "import { now } from './now'; console.log(now);",
      'now.ts': "export const now = 'in the bundle';",
    });
    assert.equal(parts.entries.size, 0);
    assert.ok(text.includes('in the bundle'));
  });

  it('have names of their own', async () => {
    const twice = bundle({
      'main.ts': "void import('./a/slow'); void import('./b/slow');",
      'a/slow.ts': 'export const slow = 1;',
      'b/slow.ts': 'export const slow = 2;',
    });
    await assert.rejects(twice, /rename one of them/);
  });
});
