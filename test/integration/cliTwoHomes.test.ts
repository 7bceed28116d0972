import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  ConflictJson,
  ItemJson,
  ItemSummaryJson,
  StatusJson,
  SyncReportJson,
} from '../../src/device/json';
import { type ServerProcess, scratch, startServer } from '../support/processes';

const password = { environment: { SCRATCH_PASSWORD: 'correct horse battery staple' } };

describe('two homes of the terminal and a fresh server', () => {
  let folder = '';
  let server: ServerProcess;
  const a = () => path.join(folder, 'a');
  const b = () => path.join(folder, 'b');

  /** Runs a command that must succeed and answers its JSON value. */
  async function run<T>(home: string, args: readonly string[], input = ''): Promise<T> {
    const ended = await scratch(home, [...args, '--json'], { ...password, input });
    assert.equal(ended.exitCode, 0, `scratch ${args.join(' ')}: ${ended.errors}${ended.out}`);
    assert.equal(ended.errors, '');
    return JSON.parse(ended.out);
  }
  const show = (home: string, id: string) => run<ItemJson>(home, ['show', id]);
  const sync = (home: string) => run<SyncReportJson>(home, ['sync']);
  const openConflicts = (home: string) => run<ConflictJson[]>(home, ['conflicts']);
  /** Until neither has anything to tell the other. */
  async function syncAll(): Promise<void> {
    for (const home of [a(), b(), a(), b()]) await sync(home);
  }

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scratch-two-homes-'));
    server = await startServer(path.join(folder, 'server'));
    const invite = await server.prints(/[Ii]nvite[^:]*: *(\S+)/);
    const account = ['--server', server.url, '--login', 'ada'];
    const signedUp = await run<{ recoveryPhrase: string }>(a(), [
      'sign-up',
      ...account,
      ...['--device', 'laptop', '--invite', invite],
    ]);
    assert.equal(signedUp.recoveryPhrase.split(' ').length, 24);
    const status = await run<StatusJson>(b(), ['sign-in', ...account, '--device', 'desktop']);
    assert.equal(status.login, 'ada');
    assert.equal(status.device.name, 'desktop');
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await rm(folder, { recursive: true });
  });

  it('adds on A, syncs both, and shows equal JSON on B', async () => {
    const fields: readonly (readonly string[])[] = [
      [
        'note',
        'Kettle descaling',
        '--body',
        '# Steps\n\nVinegar, patience.\n',
        '--tags',
        'home,kitchen',
        '--pin',
      ],
      ['note', 'Zweitschlüssel', '--body', 'Beim Nachbarn', '--sensitive', '--folder', 'haus/keller'],
      [
        'snippet',
        'Wombat loop',
        '--body',
        'for (const $1 of $2) {\n\t$0\n}\n',
        '--prefix',
        'forw',
        '--languages',
        'typescript',
      ],
      ['config', 'Editor', '--body', '{ "editor.fontSize": 15 } // quokka\n', '--target', 'settings'],
    ];
    for (const args of fields) {
      const added = await run<ItemJson>(a(), ['add', ...args]);
      assert.equal(added.version, 0);
      const pushed = await sync(a());
      assert.equal(pushed.pushed, 1);
      assert.deepEqual(Object.keys(pushed).sort(), [
        'conflicts',
        'cursor',
        'durationMs',
        'merged',
        'pulled',
        'pushed',
      ]);
      assert.equal((await sync(b())).pulled, 1);
      const onA = await show(a(), added.id);
      assert.equal(onA.version, 1);
      assert.deepEqual(await show(b(), added.id), onA);
    }
    const titles = (items: ItemSummaryJson[]) => items.map(({ title }) => title);
    assert.deepEqual(
      titles(await run<ItemSummaryJson[]>(b(), ['list'])),
      titles(await run<ItemSummaryJson[]>(a(), ['list'])),
    );
  });

  it('merges edits of different lines on both, to equal bytes', async () => {
    const body = 'one\ntwo\nthree\nfour\nfive\n';
    const { id } = await run<ItemJson>(a(), ['add', 'note', 'Lines', '--body', body]);
    await syncAll();
    await run(a(), ['edit', id, '--body', body.replace('one', 'ONE on A')]);
    await run(b(), ['edit', id, '--body', body.replace('five', 'FIVE on B')]);
    await syncAll();
    const merged = 'ONE on A\ntwo\nthree\nfour\nFIVE on B\n';
    assert.equal((await show(a(), id)).body, merged);
    assert.deepEqual(await show(b(), id), await show(a(), id));
    assert.equal((await scratch(b(), ['show', id, '--body'])).out, merged);
    assert.deepEqual(await openConflicts(a()), []);
    assert.deepEqual(await openConflicts(b()), []);
  });

  it('ends with the later text and one open conflict on both, which resolving on A clears on B', async () => {
    const { id } = await run<ItemJson>(a(), ['add', 'note', 'Same line', '--body', 'the base\n']);
    await syncAll();
    await run(a(), ['edit', id, '--body', 'the earlier, on A\n']);
    await run(b(), ['edit', id, '--body', 'the later, on B\n']);
    await syncAll();
    for (const home of [a(), b()]) {
      assert.equal((await show(home, id)).body, 'the later, on B\n');
      const [conflict, ...more] = await openConflicts(home);
      assert.ok(conflict);
      assert.deepEqual(more, []);
      assert.equal(conflict.itemId, id);
      assert.equal(conflict.state, 'open');
      assert.equal(conflict.outcome, 'lastWriterWins');
      assert.equal(conflict.base?.body, 'the base\n');
      const [ofA, ofB] = home === a() ? [conflict.local, conflict.remote] : [conflict.remote, conflict.local];
      assert.equal(ofA.body, 'the earlier, on A\n');
      assert.equal(ofB.body, 'the later, on B\n');
      assert.equal(ofA.deviceName, 'laptop');
      assert.equal(ofB.deviceName, 'desktop');
    }
    const [onA] = await openConflicts(a());
    const [onB] = await openConflicts(b());
    assert.equal(onA?.id, onB?.id);
    await run(a(), ['resolve', onA?.id ?? '', '--keep', 'local']);
    await syncAll();
    for (const home of [a(), b()]) {
      assert.deepEqual(await openConflicts(home), []);
      assert.equal((await show(home, id)).body, 'the earlier, on A\n');
    }
    const all = await run<ConflictJson[]>(b(), ['conflicts', '--all']);
    assert.equal(all.find(conflict => conflict.id === onA?.id)?.state, 'resolved');
  });

  it('resolves with an edited merge, which is refused while markers remain', async () => {
    const { id } = await run<ItemJson>(a(), ['add', 'note', 'By hand', '--body', 'the base\n']);
    await syncAll();
    await run(a(), ['edit', id, '--body', 'from A\n']);
    await run(b(), ['edit', id, '--body', 'from B\n']);
    await syncAll();
    const [conflict] = await openConflicts(b());
    assert.ok(conflict);
    const { out: merge } = await scratch(b(), ['conflicts', conflict.id, '--merge']);
    const refused = await scratch(b(), ['resolve', conflict.id, '--file', '-'], { input: merge });
    assert.equal(refused.exitCode, 2, refused.errors);
    await run(b(), ['resolve', conflict.id, '--file', '-'], 'from A and B\n');
    await syncAll();
    for (const home of [a(), b()]) {
      assert.equal((await show(home, id)).body, 'from A and B\n');
      assert.deepEqual(await openConflicts(home), []);
    }
  });

  it('deletes and restores on every device, and takes unique prefixes for ids', async () => {
    const { id } = await run<ItemJson>(a(), ['add', 'note', 'Soon gone', '--body', 'still here\n']);
    await syncAll();
    const prefix = id.slice(0, 13);
    await run(b(), ['rm', prefix]);
    await syncAll();
    assert.equal((await show(a(), id)).deleted, true);
    const deleted = await run<ItemSummaryJson[]>(a(), ['list', '--deleted']);
    assert.ok(deleted.some(item => item.id === id));
    await run(a(), ['restore', prefix]);
    await syncAll();
    const restored = await show(b(), id);
    assert.equal(restored.deleted, false);
    assert.equal(restored.body, 'still here\n');
  });

  it('does one request and changes nothing in a cycle that finds nothing new', async () => {
    await syncAll();
    const before = await readFile(path.join(a(), 'store.db'));
    const { pushed, pulled, merged, conflicts } = await sync(a());
    assert.deepEqual(
      { pushed, pulled, merged, conflicts },
      { pushed: 0, pulled: 0, merged: 0, conflicts: 0 },
    );
    assert.ok(before.equals(await readFile(path.join(a(), 'store.db'))));
  });

  it('leaves no word of any item or title in the data folder of the server', async () => {
    const items = await Promise.all(
      (await run<ItemSummaryJson[]>(a(), ['list'])).map(({ id }) => show(a(), id)),
    );
    const words = new Set(
      items.flatMap(
        item => [item.title, item.body, item.folder, ...item.tags].join(' ').match(/\p{L}{5,}/gu) ?? [],
      ),
    );
    assert.ok(words.size > 10);
    const found: string[] = [];
    for (const file of await filesIn(server.dataDir)) {
      const bytes = await readFile(file);
      for (const word of words) {
        for (const encoding of ['utf8', 'utf16le'] as const) {
          if (bytes.includes(Buffer.from(word, encoding))) found.push(`${word} in ${path.basename(file)}`);
        }
      }
    }
    assert.deepEqual(found, []);
  });

  it('keeps the secrets of a home from others, and out of its store', async () => {
    const secrets = path.join(a(), 'secrets');
    assert.equal((await stat(secrets)).mode & 0o077, 0);
    const session = await readFile(path.join(secrets, 'session'), 'utf8');
    const store = await readFile(path.join(a(), 'store.db'));
    for (const secret of session.match(/[A-Za-z0-9_-]{40,}/g) ?? []) assert.ok(!store.includes(secret));
  });

  it('lists its devices, and a revoked one is signed out with nothing lost', async () => {
    const devices = await run<{ id: string; name: string; current: boolean }[]>(a(), ['devices']);
    assert.deepEqual(devices.map(({ name }) => name).sort(), ['desktop', 'laptop']);
    const desktop = devices.find(({ name }) => name === 'desktop');
    const added = await run<ItemJson>(b(), ['add', 'note', 'Written before', '--body', 'kept\n']);
    await run(a(), ['revoke', desktop?.id ?? '']);
    const refused = await scratch(b(), ['sync', '--json'], password);
    assert.equal(refused.exitCode, 4, refused.out);
    assert.equal((await show(b(), added.id)).body, 'kept\n');
    await run(b(), ['sign-in', '--server', server.url, '--login', 'ada', '--device', 'desktop']);
    await syncAll();
    assert.equal((await show(a(), added.id)).body, 'kept\n');
  });

  it('keeps what B holds of a mass change that is rejected, and all that was written meanwhile', async () => {
    const titles = async (home: string) =>
      (await run<ItemSummaryJson[]>(home, ['list'])).map(({ title }) => title).sort();
    const before = await titles(b());
    const ids = (await run<ItemSummaryJson[]>(a(), ['list'])).map(({ id }) => id);
    for (const id of ids.slice(0, Math.ceil(ids.length / 2))) await run(a(), ['rm', id]);
    await run(a(), ['add', 'note', 'New on A']);
    await sync(a());
    assert.equal((await scratch(b(), ['sync'], password)).exitCode, 1);
    await run(b(), ['add', 'note', 'Written while held']);
    assert.deepEqual(await run(b(), ['sync', '--reject-mass-change']), { rejected: true });
    await syncAll();
    const after = [...before, 'New on A', 'Written while held'].sort();
    assert.deepEqual([await titles(a()), await titles(b())], [after, after]);
  });
});

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
}
