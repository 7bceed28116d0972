import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ok } from '../../../src/base/result';
import type { ItemFieldsJson, NewItemJson } from '../../../src/device/json';
import { runScratch } from '../../support/cliTerminal';
import { MemoryDevice } from '../../support/memoryDevice';

const id = '1f3a0000-0000-4000-8000-000000000001';

describe('item commands', () => {
  const created = async (args: readonly string[], input = ''): Promise<NewItemJson> => {
    const device = new MemoryDevice();
    const { items } = device;
    let asked: NewItemJson | undefined;
    const create = async (item: NewItemJson) => {
      asked = item;
      return items.create(item);
    };
    const taking = Object.assign(device, { items: { ...device.items, create } });
    const run = await runScratch(taking, ['add', ...args], { input });
    assert.equal(run.exitCode, 0, run.errors);
    assert.ok(asked);
    return asked;
  };

  it('adds an item with just a title, leaving every other field to the device', async () => {
    assert.deepEqual(await created(['note', 'Shopping']), { kind: 'note', title: 'Shopping' });
  });

  it('says what there is none of', async () => {
    const device = new MemoryDevice();
    assert.match((await runScratch(device, ['list'])).out, /makes the first item/);
    assert.equal((await runScratch(device, ['list', '--tag', 'x'])).out, 'No item is like that.\n');
    assert.equal((await runScratch(device, ['list', '--deleted'])).out, 'Nothing is deleted.\n');
  });

  it('shows what was found without what turns the direction of a terminal', async () => {
    const device = new MemoryDevice();
    device.hold({ id, title: 'a\u202eb', body: 'c\u202ed' });
    const { out } = await runScratch(device, ['search', 'c']);
    assert.match(out, /a\ufffdb\n.*c\ufffdd/);
  });

  it('passes on every field of a snippet', async () => {
    const args = [
      '--body',
      'for ($1) {}',
      '--folder',
      'js/loops',
      '--tags',
      'loop, fast',
      '--prefix',
      'for,fo',
    ];
    const more = ['--languages', 'typescript,javascript', '--description', 'A loop', '--pin', '--sensitive'];
    const globs = ['--include', '**/*.ts', '--exclude', '**/*.d.ts'];
    assert.deepEqual(await created(['snippet', 'Loop', ...args, ...more, ...globs]), {
      kind: 'snippet',
      title: 'Loop',
      body: 'for ($1) {}',
      folder: 'js/loops',
      tags: ['loop', 'fast'],
      prefixes: ['for', 'fo'],
      languages: ['typescript', 'javascript'],
      description: 'A loop',
      include: ['**/*.ts'],
      exclude: ['**/*.d.ts'],
      pinned: true,
      sensitive: true,
    });
  });

  it('reads a body from standard input', async () => {
    const item = await created(['config', 'Settings', '--file', '-', '--target', 'settings'], '{ "a": 1 }\n');
    assert.deepEqual(item, { kind: 'config', title: 'Settings', body: '{ "a": 1 }\n', target: 'settings' });
  });

  describe('reading a file', () => {
    let folder = '';
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'scratch-cli-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    it('takes its text as the body', async () => {
      const file = path.join(folder, 'note.md');
      await writeFile(file, '# Grüße\n');
      assert.equal((await created(['note', 'Hi', '--file', file])).body, '# Grüße\n');
    });

    it('refuses one that is not there, a folder, and one that is not UTF-8', async () => {
      const latin = path.join(folder, 'latin.txt');
      await writeFile(latin, Buffer.from([0x47, 0x72, 0xfc]));
      const cases: readonly (readonly [string, RegExp])[] = [
        [path.join(folder, 'none'), /there is no such file/],
        [folder, /it is a folder/],
        [latin, /is not UTF-8 text/],
      ];
      for (const [file, said] of cases) {
        const run = await runScratch(new MemoryDevice(), ['add', 'note', 'Hi', '--file', file]);
        assert.equal(run.exitCode, 2);
        assert.match(run.errors, said);
      }
    });
  });

  const edited = async (args: readonly string[]): Promise<ItemFieldsJson> => {
    const device = new MemoryDevice();
    device.hold({ id });
    const { items } = device;
    let asked: ItemFieldsJson | undefined;
    const update = async (which: string, fields: ItemFieldsJson) => {
      asked = fields;
      return items.update(which, fields);
    };
    const taking = Object.assign(device, { items: { ...device.items, update } });
    const run = await runScratch(taking, ['edit', id, ...args]);
    assert.equal(run.exitCode, 0, run.errors);
    assert.ok(asked);
    return asked;
  };

  it('edits only what is named', async () => {
    assert.deepEqual(await edited(['--title', 'New']), { title: 'New' });
    assert.deepEqual(await edited(['--no-pin', '--no-sensitive']), { pinned: false, sensitive: false });
    assert.deepEqual(await edited(['--body', '', '--tags', '']), { body: '', tags: [] });
  });

  it('takes a target or a repository away when it is given empty', async () => {
    assert.deepEqual(await edited(['--target', '', '--repository', '']), { target: null, repository: null });
  });

  it('shows an item as JSON just as the device gives it', async () => {
    const device = new MemoryDevice();
    const item = device.hold({ id, title: 'Hello', body: 'World\n' });
    const run = await runScratch(device, ['show', id, '--json']);
    assert.deepEqual(JSON.parse(run.out), item);
    assert.equal(run.out, `${JSON.stringify(item)}\n`);
  });

  it('shows only the body, byte for byte, when asked to', async () => {
    const device = new MemoryDevice();
    device.hold({ id, body: 'no line end' });
    assert.equal((await runScratch(device, ['show', id, '--body'])).out, 'no line end');
  });

  it('lets nothing that another machine wrote steer the terminal', async () => {
    const device = new MemoryDevice();
    device.hold({ id, title: 'x\u001b]0;owned\u0007', body: 'a\u001b[2Jb\n\tc' });
    const list = await runScratch(device, ['list'], { isTerminal: true, environment: { NO_COLOR: '1' } });
    assert.ok(!list.out.includes('\u001b') && !list.out.includes('\u0007'));
    const show = await runScratch(device, ['show', id], {
      isTerminal: true,
      environment: { NO_COLOR: '1' },
    });
    assert.ok(!show.out.includes('\u001b'));
    assert.ok(show.out.includes('\ufffd[2Jb\n\tc'));
  });

  it('lists within 80 columns, cutting the longest titles', async () => {
    const device = new MemoryDevice();
    device.hold({ id, title: 'A very long title '.repeat(10), folder: 'some/folder' });
    device.hold({ id: id.replace('1f3a', '2f3a'), title: '漢字の題名'.repeat(20) });
    const { out } = await runScratch(device, ['list']);
    for (const line of out.split('\n')) assert.ok([...line].length <= 80, line);
    assert.match(out, /some\/folder\/A very/);
    assert.match(out, /…/);
  });

  it('passes the filters of a list on, and answers an empty list as JSON', async () => {
    const device = new MemoryDevice();
    let asked: unknown;
    const list: typeof device.items.list = async query => {
      asked = query;
      return ok([]);
    };
    const run = await runScratch(Object.assign(device, { items: { ...device.items, list } }), [
      'list',
      '--kind',
      'snippet',
      '--folder',
      'a/b',
      '--tag',
      't',
      '--deleted',
      '--json',
    ]);
    assert.deepEqual(asked, { kind: 'snippet', folder: 'a/b', tag: 't', deleted: true });
    assert.equal(run.out, '[]\n');
  });

  it('searches for all words as one query and marks the matches', async () => {
    const device = new MemoryDevice();
    const item = device.hold({ id, title: 'Deploy', body: 'run the deploy script' });
    let asked: unknown;
    const search: typeof device.items.search = async (query, limit) => {
      asked = { query, limit };
      const { body: _body, ...summary } = item;
      return ok([
        {
          item: { ...summary, pending: false, inConflict: false },
          excerpt: 'the deploy script',
          highlights: [[4, 10]],
        },
      ]);
    };
    const run = await runScratch(
      Object.assign(device, { items: { ...device.items, search } }),
      ['search', 'deploy', 'script'],
      { isTerminal: true },
    );
    assert.deepEqual(asked, { query: 'deploy script', limit: 20 });
    assert.ok(run.out.includes('the \u001b[33mdeploy\u001b[0m script'));
  });

  it('deletes, says how to bring it back, and restores a version', async () => {
    const device = new MemoryDevice();
    device.hold({ id, title: 'Hello' });
    const removed = await runScratch(device, ['rm', id]);
    assert.equal(removed.out, 'Deleted Hello (1f3a0000). scratch restore 1f3a0000 brings it back.\n');
    let asked: unknown;
    const restore: typeof device.items.restore = async (which, version) => {
      asked = { which, version };
      return device.items.get(which);
    };
    const restored = await runScratch(Object.assign(device, { items: { ...device.items, restore } }), [
      'restore',
      id,
      '--version',
      '3',
    ]);
    assert.equal(restored.exitCode, 0);
    assert.deepEqual(asked, { which: id, version: 3 });
  });
});
