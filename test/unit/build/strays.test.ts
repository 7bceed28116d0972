import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeStrays } from '../../../src/build/strays';

describe('two builds in one checkout', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'scratch-strays-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (...names: string[]) => {
    for (const name of names) writeFileSync(path.join(folder, name), '');
  };

  it('remove what does not ship, and leave alone what the other is writing', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const ended = spawn(process.execPath, ['-e', '']);
    await once(ended, 'exit');
    try {
      write('cli.js', 'old.js', `cli.js.${other.pid}`, `cli.js.${ended.pid}`, `cli.js.${process.pid}`);
      await mkdir(path.join(folder, 'parts/inner'), { recursive: true });
      await removeStrays(folder, new Set(['cli.js']));
      assert.deepEqual(readdirSync(folder).sort(), ['cli.js', `cli.js.${other.pid}`]);
    } finally {
      other.kill();
    }
  });

  it('do not mind that another has just removed the same', async () => {
    write(...Array.from({ length: 100 }, (_, index) => `old-${index}.js`));
    await Promise.all(Array.from({ length: 8 }, () => removeStrays(folder, new Set())));
    assert.deepEqual(readdirSync(folder), []);
  });
});
