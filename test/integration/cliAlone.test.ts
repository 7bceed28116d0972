import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  FindingJson,
  ItemJson,
  ItemSummaryJson,
  ListedItemJson,
  SearchHitJson,
  SnapshotJson,
} from '../../src/device/json';
import { scratch } from '../support/processes';

describe('a home of the terminal without a server', () => {
  let home = '';
  before(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'scratch-alone-'));
  });
  after(() => rm(home, { recursive: true }));

  async function run<T>(args: readonly string[]): Promise<T> {
    const ended = await scratch(home, [...args, '--json']);
    assert.equal(ended.exitCode, 0, ended.errors);
    return JSON.parse(ended.out);
  }
  const titles = async () => (await run<ItemSummaryJson[]>(['list'])).map(({ title }) => title).sort();

  it('lists and finds items whole for a program', async () => {
    const { id } = await run<ItemJson>([
      'add',
      'config',
      'Editor',
      '--body',
      '{ "tab": 4 }',
      '--target',
      'settings',
    ]);
    const shown = await run<ItemJson>(['show', id]);
    const listed = (await run<ListedItemJson[]>(['list'])).find(item => item.id === id);
    assert.deepEqual(listed, { ...shown, pending: true, inConflict: false });
    const [hit] = await run<SearchHitJson[]>(['search', 'Editor']);
    assert.deepEqual(hit?.item, listed);
  });

  it('finds an item by words of its text, its title and its tags', async () => {
    const { id } = await run<ItemJson>([
      'add',
      'note',
      'Ängste',
      '--body',
      'vor der fooBar_baz',
      '--tags',
      'köln',
    ]);
    for (const query of ['ängs', 'fooBar', 'köln', '"der fooBar_baz"']) {
      const hits = await run<SearchHitJson[]>(['search', query]);
      assert.deepEqual(
        hits.map(({ item }) => item.id),
        [id],
        query,
      );
    }
    assert.deepEqual(await run(['search', 'nothing like it']), []);
  });

  it('goes back to a snapshot, and back from there', async () => {
    const { id } = await run<ItemJson>(['add', 'note', 'Before']);
    const before = await titles();
    const { id: snapshot } = await run<SnapshotJson>(['snapshot']);
    await run(['edit', id, '--title', 'After']);
    await run(['add', 'note', 'Later']);
    const after = await titles();
    const { undoSnapshot } = await run<{ undoSnapshot: string }>(['rollback', snapshot]);
    assert.deepEqual(await titles(), before);
    await run(['rollback', undoSnapshot]);
    assert.deepEqual(await titles(), after);
    const listed = await run<SnapshotJson[]>(['snapshots']);
    assert.ok(listed.some(entry => entry.id === snapshot && entry.reason === 'command'));
  });

  it('is in order, says the doctor', async () => {
    const findings = await run<FindingJson[]>(['doctor']);
    assert.ok(findings.length > 0);
    assert.deepEqual(
      findings.filter(({ level }) => level !== 'ok'),
      [],
    );
  });

  it('serves several commands at once', async () => {
    const added = await Promise.all(
      Array.from({ length: 6 }, (_, index) => scratch(home, ['add', 'note', `At once ${index}`])),
    );
    assert.deepEqual(
      added.map(({ exitCode }) => exitCode),
      [0, 0, 0, 0, 0, 0],
      added.map(run => run.errors).join(''),
    );
    const kept = (await titles()).filter(title => title.startsWith('At once'));
    assert.equal(kept.length, 6);
  });
});
