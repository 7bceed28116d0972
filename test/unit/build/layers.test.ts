import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hourMs } from '../../../src/base/time';
import { type Layer, layers, limitOf, runLayer } from '../../../src/build/layers';

describe('a layer of tests', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scratch-layer-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const run = async (text: string, grep?: string) => {
    await writeFile(path.join(folder, 'some.test.ts'), text);
    const layer: Layer = {
      name: 'sample',
      title: 'sample',
      folders: [folder],
      needsBuild: false,
      testLimitMs: 1000,
      layerLimitMs: 20_000,
    };
    return runLayer(layer, { reporter: 'silent', ...(grep === undefined ? {} : { grep }) });
  };

  it('has room in the extended mode for what takes half an hour there', () => {
    const limits = layers.map(layer => limitOf(layer, { EXTENDED: '1' }));
    assert.ok(limits.every(limitMs => limitMs >= hourMs));
    assert.ok(layers.every(layer => limitOf(layer, {}) === layer.layerLimitMs));
  });

  it('counts what passed, failed and did not run', async () => {
    const result = await run(`
      it('passes', () => undefined);
      it('fails', () => { throw new Error('on purpose'); });
      it('waits to be written');
    `);
    assert.deepEqual(result, { passed: 1, failed: 1, skipped: ['waits to be written'] });
  });

  it('counts a crash in the middle as a failure', async () => {
    const result = await run("it('passes', () => undefined); it('crashes', () => process.exit(0));");
    assert.deepEqual(result, { passed: 0, failed: 1, skipped: [] });
  });

  it('counts a file that does not load as a failure', async () => {
    assert.deepEqual(await run("throw new Error('on purpose');"), { passed: 0, failed: 1, skipped: [] });
  });

  it('counts it as a failure when no test was run', async () => {
    assert.equal((await run('')).failed, 1);
    assert.equal((await run("it('passes', () => undefined);", 'no such title')).failed, 1);
  });

  it('does not wait for what a test left open', async () => {
    const result = await run("it('leaves a timer', () => { setInterval(() => undefined, 1000); });");
    assert.deepEqual(result, { passed: 1, failed: 0, skipped: [] });
  });
});
