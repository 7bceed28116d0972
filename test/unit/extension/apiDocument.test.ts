import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ScratchSyncApi } from '../../../src/extension/api/scratchSync';
import { internalCommandIds } from '../../../src/extension/manifest';

const root = path.resolve(__dirname, '../../..');

/** Every member; the compiler says when one is missing here. */
const members: Readonly<Record<Exclude<keyof ScratchSyncApi, 'items' | 'conflicts'>, true>> & {
  readonly items: Readonly<Record<keyof ScratchSyncApi['items'], true>>;
  readonly conflicts: Readonly<Record<keyof ScratchSyncApi['conflicts'], true>>;
} = {
  apiVersion: true,
  items: { create: true, get: true, list: true, search: true, update: true, delete: true },
  conflicts: { list: true, resolve: true },
  sync: true,
  onDidChange: true,
};

describe('docs/API.md', () => {
  it('names every member of the API and every command that mirrors it', async () => {
    const text = await readFile(path.join(root, 'docs/API.md'), 'utf8');
    const names = Object.entries(members).flatMap(([name, below]) =>
      below === true ? [name] : Object.keys(below).map(member => `${name}.${member}`),
    );
    const mirrors = internalCommandIds.filter(id => id.startsWith('scratchSync.api.'));
    assert.ok(mirrors.length > 0);
    for (const name of names) assert.match(text, new RegExp(`^\\| \`${name.replace('.', '\\.')}[(\`]`, 'm'));
    for (const id of mirrors) assert.ok(text.includes(`| \`${id}\` |`), id);
  });
});
