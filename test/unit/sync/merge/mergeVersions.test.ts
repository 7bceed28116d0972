import assert from 'node:assert/strict';
import {
  type ConfigContent,
  emptyContent,
  type NoteContent,
  type SnippetContent,
} from '../../../../src/model/content';
import { maxListEntries } from '../../../../src/model/contentCodec';
import { maxKeyLength, maxNamedKeys } from '../../../../src/sync/merge/mergeLog';
import { deleted, live, mergeBothWays, mergeLive, stampAt } from './versions';

const emptyNote = emptyContent('note', 'Title');
const emptySnippet = emptyContent('snippet', 'Title');
const emptyConfig = emptyContent('config', 'Title');
assert.ok(emptyNote.kind === 'note' && emptySnippet.kind === 'snippet' && emptyConfig.kind === 'config');
const note = (fields: Partial<NoteContent> = {}): NoteContent => ({ ...emptyNote, ...fields });
const snippet = (fields: Partial<SnippetContent> = {}): SnippetContent => ({ ...emptySnippet, ...fields });
const config = (fields: Partial<ConfigContent> = {}): ConfigContent => ({ ...emptyConfig, ...fields });

describe('merging versions', () => {
  describe('with equal sides', () => {
    it('does nothing when content and deletion are equal, whatever the base and the stamps', () => {
      for (const base of [undefined, { deleted: false }, { content: note({ body: 'x' }), deleted: true }]) {
        const sides = { left: live(note({ body: 'a' }), 1), right: live(note({ body: 'a' }), 2) };
        assert.deepEqual(mergeBothWays({ base, ...sides }), { type: 'same' });
      }
    });

    it('does nothing when both deleted the same content', () => {
      const base = { content: note(), deleted: false };
      const sides = { left: deleted(note(), 1), right: deleted(note(), 2) };
      assert.deepEqual(mergeBothWays({ base, ...sides }), { type: 'same' });
    });
  });

  describe('when one side changed nothing', () => {
    it('takes the side that changed, even when its stamp is the earlier one', () => {
      const base = { content: note({ body: 'a' }), deleted: false };
      const changed = live(note({ body: 'b', title: 'New' }), 1);
      const merge = mergeBothWays({ base, left: changed, right: live(note({ body: 'a' }), 2) });
      assert.deepEqual(merge, {
        type: 'merged',
        content: changed.content,
        deleted: false,
        keys: [],
        open: false,
        equals: 'left',
      });
    });

    it('deletes without a question what the other side did not touch', () => {
      const base = { content: note({ body: 'a' }), deleted: false };
      const merge = mergeBothWays({
        base,
        left: deleted(note({ body: 'a' }), 1),
        right: live(note({ body: 'a' }), 2),
      });
      assert.ok(merge.type === 'merged');
      assert.equal(merge.deleted, true);
      assert.equal(merge.open, false);
      assert.deepEqual(merge.keys, []);
      assert.equal(merge.equals, 'left');
    });

    it('restores without a question what the other side left deleted', () => {
      const base = { content: note({ body: 'a' }), deleted: true };
      const merge = mergeBothWays({
        base,
        left: live(note({ body: 'a' }), 1),
        right: deleted(note({ body: 'a' }), 2),
      });
      assert.ok(merge.type === 'same' || merge.open === false);
      assert.ok(merge.type === 'merged');
      assert.equal(merge.deleted, false);
    });
  });

  describe('of fields that change as a whole', () => {
    it('takes each field from the side that changed it', () => {
      const merge = mergeLive(
        note({ repository: 'example.org/a' }),
        note({ title: 'Earlier', pinned: true, repository: 'example.org/a' }),
        note({ folder: 'work', language: 'plaintext' }),
      );
      assert.deepEqual(
        merge.content,
        note({ title: 'Earlier', pinned: true, folder: 'work', language: 'plaintext' }),
      );
      assert.ok(!('repository' in merge.content), 'the later side untied the note');
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: [], open: false });
      assert.equal(merge.equals, 'neither');
    });

    it('lets the later stamp win a field that both changed, names it and asks nothing', () => {
      const merge = mergeLive(
        snippet(),
        snippet({ title: 'Earlier', folder: 'a', description: 'earlier' }),
        snippet({ title: 'Later', folder: 'b', description: 'later' }),
      );
      assert.deepEqual(merge.content, snippet({ title: 'Later', folder: 'b', description: 'later' }));
      assert.deepEqual(merge.keys, ['title', 'folder', 'description']);
      assert.equal(merge.open, false);
      assert.equal(merge.equals, 'right');
    });

    it('does not name a field that both changed alike', () => {
      const merge = mergeLive(note(), note({ title: 'New', pinned: true }), note({ title: 'New' }));
      assert.deepEqual(merge.content, note({ title: 'New', pinned: true }));
      assert.deepEqual(merge.keys, []);
    });

    it('merges a target that one side set and the other left out', () => {
      const merge = mergeLive(
        config({ target: 'settings' }),
        config({}),
        config({ target: 'settings', title: 'New' }),
      );
      assert.deepEqual(merge.content, config({ title: 'New' }));
    });

    it('lets the later stamp win a target that one side removed and the other changed', () => {
      const merge = mergeLive(config({ target: 'settings' }), config({}), config({ target: 'tasks' }));
      assert.deepEqual(merge.content, config({ target: 'tasks' }));
      assert.deepEqual(merge.keys, ['target']);
    });
  });

  describe('of lists', () => {
    it('unites what both sides added and drops what either removed', () => {
      const merge = mergeLive(
        note({ tags: ['a', 'b', 'c'] }),
        note({ tags: ['b', 'c', 'x'] }),
        note({ tags: ['a', 'b', 'd'] }),
      );
      assert.deepEqual(merge.content.tags, ['b', 'd', 'x']);
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: [], open: false });
    });

    it('keeps tags in code-unit order', () => {
      const merge = mergeLive(note(), note({ tags: ['Z', 'é'] }), note({ tags: ['a'] }));
      assert.deepEqual(merge.content.tags, ['Z', 'a', 'é']);
    });

    it('keeps the order in which a person wrote the prefixes, additions after what they followed', () => {
      const merge = mergeLive(
        snippet({ prefixes: ['for', 'loop'] }),
        snippet({ prefixes: ['for', 'fori', 'loop'] }),
        snippet({ prefixes: ['for', 'forof', 'loop', 'each'] }),
      );
      assert.ok(merge.content.kind === 'snippet');
      assert.deepEqual(merge.content.prefixes, ['for', 'fori', 'forof', 'loop', 'each']);
    });

    it('keeps an order that only the earlier side changed', () => {
      const merge = mergeLive(
        snippet({ prefixes: ['a', 'b', 'c'] }),
        snippet({ prefixes: ['c', 'a', 'b'] }),
        snippet({ prefixes: ['a', 'b', 'c', 'd'] }),
      );
      assert.ok(merge.content.kind === 'snippet');
      assert.deepEqual(merge.content.prefixes, ['c', 'd', 'a', 'b']);
    });

    it('merges languages and globs of a snippet by entry', () => {
      const merge = mergeLive(
        snippet({ languages: ['ts'], include: ['*.ts'], exclude: ['*.d.ts'] }),
        snippet({ languages: ['ts', 'js'], include: ['*.ts'], exclude: [] }),
        snippet({ languages: ['ts', 'tsx'], include: ['src/*.ts'], exclude: ['*.d.ts', '*.gen.ts'] }),
      );
      assert.ok(merge.content.kind === 'snippet');
      assert.deepEqual(merge.content.languages, ['ts', 'js', 'tsx']);
      assert.deepEqual(merge.content.include, ['src/*.ts']);
      assert.deepEqual(merge.content.exclude, ['*.gen.ts']);
    });

    it('takes the later list and asks when the union would be too long to store', () => {
      const tags = (name: string) =>
        Array.from({ length: maxListEntries }, (_, index) => `${name}${String(index).padStart(3, '0')}`);
      const merge = mergeLive(note(), note({ tags: tags('a') }), note({ tags: tags('b') }));
      assert.deepEqual(merge.content.tags, tags('b'));
      assert.deepEqual(merge.keys, ['tags']);
      assert.equal(merge.open, true);
    });
  });

  describe('of sensitive items', () => {
    it('keeps an item sensitive when either side says so', () => {
      const merge = mergeLive(note(), note({ sensitive: true }), note({ body: 'x' }));
      assert.deepEqual(merge.content, note({ sensitive: true, body: 'x' }));
    });

    it('keeps an item sensitive even when the other side wins as a whole', () => {
      const sides = { left: live(note({ sensitive: true }), 1), right: live(note({ body: 'x' }), 2) };
      const merge = mergeBothWays(sides);
      assert.ok(merge.type === 'merged');
      assert.deepEqual(merge.content, note({ sensitive: true, body: 'x' }));
      assert.equal(merge.equals, 'neither');
    });
  });

  describe('of text', () => {
    it('merges changes of different lines without a question', () => {
      const merge = mergeLive(
        note({ body: 'one\ntwo\nthree\n' }),
        note({ body: 'ONE\ntwo\nthree\n' }),
        note({ body: 'one\ntwo\nTHREE\n' }),
      );
      assert.equal(merge.content.body, 'ONE\ntwo\nTHREE\n');
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: [], open: false });
      assert.equal(merge.equals, 'neither');
    });

    it('takes the whole later body and asks when changes overlap', () => {
      const merge = mergeLive(
        note({ body: 'one\ntwo\nthree\n' }),
        note({ body: 'ONE\ntwo\nearlier\n' }),
        note({ body: 'one\ntwo\nlater\n' }),
      );
      assert.equal(merge.content.body, 'one\ntwo\nlater\n');
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['body'], open: true });
      assert.equal(merge.equals, 'right');
    });

    it('asks, with both changes in the text, when repeated lines leave open where they belong', () => {
      const merge = mergeLive(
        note({ body: 'b\n\nc\n' }),
        note({ body: 'b\n\nnew\n\nc\n' }),
        note({ body: 'B\n\nc\n' }),
      );
      assert.equal(merge.content.body, 'B\n\nnew\n\nc\n');
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: [], open: true });
    });

    it('takes the whole later body and asks under the policy `latest`, but merges the other fields', () => {
      const merge = mergeLive(
        note({ body: 'one\ntwo\nthree\n' }),
        note({ body: 'ONE\ntwo\nthree\n', title: 'New' }),
        note({ body: 'one\ntwo\nTHREE\n' }),
        'latest',
      );
      assert.deepEqual(merge.content, note({ body: 'one\ntwo\nTHREE\n', title: 'New' }));
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['body'], open: true });
    });

    it('asks nothing under the policy `latest` when only one side changed the body', () => {
      const merge = mergeLive(
        note({ body: 'one\n' }),
        note({ body: 'ONE\n' }),
        note({ body: 'one\n', title: 'New' }),
        'latest',
      );
      assert.deepEqual(merge.content, note({ body: 'ONE\n', title: 'New' }));
      assert.equal(merge.open, false);
    });

    it('merges snippet bodies by line', () => {
      const merge = mergeLive(
        snippet({ body: 'a($1)\n\nb($2)' }),
        snippet({ body: 'a($1, $3)\n\nb($2)' }),
        snippet({ body: 'a($1)\n\nb($2)\n$0' }),
      );
      assert.equal(merge.content.body, 'a($1, $3)\n\nb($2)\n$0');
      assert.equal(merge.open, false);
    });
  });

  describe('of configs', () => {
    const both = [config({ body: '{"a":1,"b":2}' }), config({ body: '{"a":3,"b":2}' })] as const;
    const byKey = '{"a":3,"b":4}';

    it('merges by key whatever is JSON by its language or by its target', () => {
      for (const fields of [
        { language: 'json' },
        { language: 'jsonc' },
        { language: 'snippets' },
        { language: 'x', target: 'settings' },
        { language: 'x', target: 'keybindings' },
        { language: 'x', target: 'tasks' },
        { language: 'x', target: 'snippets:mine' },
      ]) {
        const [base, earlier] = both.map(content => ({ ...content, ...fields }));
        assert.ok(base && earlier);
        const merge = mergeLive(base, earlier, config({ body: '{"a":1,"b":4}', ...fields }));
        assert.equal(merge.content.body, byKey, JSON.stringify(fields));
        assert.equal(merge.open, false);
      }
    });

    it('merges by key under the policy `latest` too, which is for text', () => {
      const merge = mergeLive(...both, config({ body: '{"a":1,"b":4}' }), 'latest');
      assert.equal(merge.content.body, byKey);
      assert.equal(merge.open, false);
    });

    it('names the keys that both sides changed differently, and asks', () => {
      const merge = mergeLive(...both, config({ body: '{"a":5,"b":4}' }));
      assert.equal(merge.content.body, '{"a":5,"b":4}');
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['a'], open: true });
    });

    it('merges by line what is not JSON by its language', () => {
      const ini = (body: string) => config({ language: 'ini', target: '~/.gitconfig', body });
      const merge = mergeLive(ini('a=1\n\nb=2\n'), ini('a=3\n\nb=2\n'), ini('a=1\n\nb=4\n'));
      assert.equal(merge.content.body, 'a=3\n\nb=4\n');
    });

    it('merges by line what does not parse', () => {
      const merge = mergeLive(
        config({ body: '{\n"a": 1,\n"b": 2,\n"c": \n' }),
        config({ body: '{\n"a": 3,\n"b": 2,\n"c": \n' }),
        config({ body: '{\n"a": 1,\n"b": 2,\n"c": 4\n' }),
      );
      assert.equal(merge.content.body, '{\n"a": 3,\n"b": 2,\n"c": 4\n');
      assert.equal(merge.open, false);
    });

    it('takes the later text and asks when one side broke the JSON and changes overlap', () => {
      const merge = mergeLive(
        config({ body: '{"a":1}' }),
        config({ body: '{"a":1,"b":2}' }),
        config({ body: '{"a":' }),
      );
      assert.equal(merge.content.body, '{"a":');
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['body'], open: true });
    });

    it('merges overlays by name and each of them by key', () => {
      const merge = mergeLive(
        config({ overlays: { 'os:linux': '{"a":1,"b":2}', 'os:darwin': '{}', 'os:win32': '{"w":1}' } }),
        config({
          overlays: {
            'os:linux': '{"a":3,"b":2}',
            'os:darwin': '{}',
            'os:win32': '{"w":1}',
            'device:one': '{}',
          },
        }),
        config({ overlays: { 'os:linux': '{"a":1,"b":4}', 'os:win32': '{"w":2}', 'device:two': '{}' } }),
      );
      assert.deepEqual(
        merge.content,
        config({
          overlays: {
            'os:linux': '{"a":3,"b":4}',
            'os:win32': '{"w":2}',
            'device:one': '{}',
            'device:two': '{}',
          },
        }),
      );
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: [], open: false });
    });

    it('asks about an overlay that one side removed and the other changed', () => {
      const merge = mergeLive(
        config({ overlays: { 'os:linux': '{"a":1}' } }),
        config({ overlays: { 'os:linux': '{"a":2}' } }),
        config({}),
      );
      assert.deepEqual(merge.content, config({}));
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['overlays/os:linux'], open: true });
    });

    it('names a key of an overlay by the overlay', () => {
      const merge = mergeLive(
        config({ overlays: { 'os:linux': '{"a":1}' } }),
        config({ overlays: { 'os:linux': '{"a":2}' } }),
        config({ overlays: { 'os:linux': '{"a":3}' } }),
      );
      assert.deepEqual(merge.keys, ['overlays/os:linux/a']);
    });

    it('unites the keys of an overlay that both sides added', () => {
      const merge = mergeLive(
        config({}),
        config({ overlays: { 'os:linux': '{"a":1}' } }),
        config({ overlays: { 'os:linux': '{"b":2}' } }),
      );
      assert.deepEqual(merge.content, config({ overlays: { 'os:linux': '{"a":1, "b":2}' } }));
    });

    it('keeps an overlay that is named like a member of every object', () => {
      const overlays = (text: string) => Object.fromEntries([['__proto__', text]]);
      const merge = mergeLive(config({}), config({ overlays: overlays('{}') }), config({ title: 'New' }));
      assert.ok(merge.content.kind === 'config');
      assert.deepEqual(Object.entries(merge.content.overlays), [['__proto__', '{}']]);
    });
  });

  describe('of a deletion against an edit', () => {
    const base = { content: note({ body: 'a' }), deleted: false };

    it('deletes when the deletion is the later one, keeps what it held, and asks', () => {
      const merge = mergeBothWays({
        base,
        left: live(note({ body: 'b' }), 1),
        right: deleted(note({ body: 'a' }), 2),
      });
      assert.deepEqual(merge, {
        type: 'merged',
        content: note({ body: 'a' }),
        deleted: true,
        keys: ['deleted'],
        open: true,
        equals: 'right',
      });
    });

    it('keeps the edit when it is the later one, and asks', () => {
      const merge = mergeBothWays({
        base,
        left: deleted(note({ body: 'a' }), 1),
        right: live(note({ body: 'b' }), 2),
      });
      assert.deepEqual(merge, {
        type: 'merged',
        content: note({ body: 'b' }),
        deleted: false,
        keys: ['deleted'],
        open: true,
        equals: 'right',
      });
    });

    it('asks about an edit of a single field too', () => {
      const merge = mergeBothWays({
        base,
        left: live(note({ body: 'a', pinned: true }), 1),
        right: deleted(note({ body: 'a' }), 2),
      });
      assert.ok(merge.type === 'merged' && merge.open && merge.deleted);
    });

    it('takes the later content without a question when both deleted', () => {
      const merge = mergeBothWays({
        base,
        left: deleted(note({ body: 'b' }), 1),
        right: deleted(note({ body: 'c' }), 2),
      });
      assert.ok(merge.type === 'merged');
      assert.deepEqual(merge.content, note({ body: 'c' }));
      assert.deepEqual(
        { deleted: merge.deleted, keys: merge.keys, open: merge.open },
        {
          deleted: true,
          keys: [],
          open: false,
        },
      );
    });

    it('merges two restored versions like live ones', () => {
      const merge = mergeBothWays({
        base: { content: note({ body: 'a' }), deleted: true },
        left: live(note({ body: 'a', title: 'New' }), 1),
        right: live(note({ body: 'b' }), 2),
      });
      assert.ok(merge.type === 'merged');
      assert.deepEqual(merge.content, note({ body: 'b', title: 'New' }));
      assert.equal(merge.deleted, false);
      assert.equal(merge.open, false);
    });
  });

  describe('without a base', () => {
    it('takes the whole later version, names what differs, and asks', () => {
      for (const base of [undefined, { deleted: false }]) {
        const merge = mergeBothWays({
          base,
          left: live(note({ body: 'a', title: 'Earlier', tags: ['x'] }), 1),
          right: live(note({ body: 'b', title: 'Later' }), 2),
        });
        assert.ok(merge.type === 'merged');
        assert.deepEqual(merge.content, note({ body: 'b', title: 'Later' }));
        assert.deepEqual(merge.keys, ['body', 'tags', 'title']);
        assert.equal(merge.open, true);
        assert.equal(merge.equals, 'right');
      }
    });

    it('lets the later stamp decide on a deletion, and asks', () => {
      const merge = mergeBothWays({
        left: deleted(note({ body: 'a' }), 1),
        right: live(note({ body: 'b' }), 2),
      });
      assert.ok(merge.type === 'merged');
      assert.deepEqual(
        { deleted: merge.deleted, keys: merge.keys, open: merge.open },
        {
          deleted: false,
          keys: ['deleted', 'body'],
          open: true,
        },
      );
    });

    it('takes the later version and asks when the kinds differ', () => {
      const merge = mergeBothWays({
        base: { content: note(), deleted: false },
        left: live(snippet({ body: 'a' }), 2),
        right: live(note({ body: 'b' }), 1),
      });
      assert.ok(merge.type === 'merged');
      assert.deepEqual(merge.content, snippet({ body: 'a' }));
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['kind'], open: true });
    });

    it('does not take a base of another kind for a base', () => {
      const merge = mergeBothWays({
        base: { content: config(), deleted: false },
        left: live(note({ body: 'a' }), 1),
        right: live(note({ title: 'New' }), 2),
      });
      assert.ok(merge.type === 'merged');
      assert.deepEqual(merge.content, note({ title: 'New' }));
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['kind'], open: true });
    });
  });

  describe('of fields that a newer version wrote', () => {
    it('merges them by field: additions, removals and nested values', () => {
      const merge = mergeLive(
        note({ extra: { colour: 'red', old: 1, shape: { a: 1, b: 2 } } }),
        note({ extra: { colour: 'blue', old: 1, shape: { b: 2, a: 1 }, earlier: true } }),
        note({ extra: { colour: 'red', shape: { a: 1, b: 3 }, later: true } }),
      );
      assert.deepEqual(merge.content.extra, {
        colour: 'blue',
        shape: { a: 1, b: 3 },
        earlier: true,
        later: true,
      });
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: [], open: false });
    });

    it('lets the later stamp win one that both changed, and names it', () => {
      const merge = mergeLive(
        note({ extra: { colour: 'red' } }),
        note({ extra: { colour: 'blue' } }),
        note({ extra: {} }),
      );
      assert.deepEqual(merge.content.extra, {});
      assert.deepEqual({ keys: merge.keys, open: merge.open }, { keys: ['colour'], open: false });
    });
  });

  it('names only as much as a conflict record has room for, and asks all the same', () => {
    const body = (value: number) =>
      JSON.stringify(
        Object.fromEntries(
          Array.from({ length: 2 * maxNamedKeys }, (_, index) => [`${index} ${'😀'.repeat(1000)}`, value]),
        ),
      );
    const merge = mergeLive(config({ body: body(1) }), config({ body: body(2) }), config({ body: body(3) }));
    assert.equal(merge.open, true);
    assert.equal(merge.keys.length, maxNamedKeys);
    for (const key of merge.keys) assert.match(key, /^\d+ (😀)+…$/u);
    assert.ok(merge.keys.every(key => key.length <= maxKeyLength));
  });

  it('decides by the contents, alike on every device, should two stamps be equal', () => {
    const [left, right] = [
      { content: note({ title: 'A' }), deleted: false, stamp: stampAt(1) },
      { content: note({ title: 'B' }), deleted: false, stamp: stampAt(1) },
    ];
    const merge = mergeBothWays({ base: { content: note(), deleted: false }, left, right });
    assert.ok(merge.type === 'merged');
    assert.equal(merge.content.title, 'B');
  });
});
