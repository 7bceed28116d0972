import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { emptyContent } from '../../../../src/model/content';
import { mergeJson } from '../../../../src/sync/merge/jsonMerge';
import { mergeVersions } from '../../../../src/sync/merge/mergeVersions';
import { stampAt } from './versions';

/**
 * Each file is one case: the sections `base`, `earlier`, `later` and `expected` hold texts as they are, `keys` what the
 * merge must ask about. `(no final newline)` beside a section's name takes its last line feed off.
 */
const folder = path.join(__dirname, 'fixtures', 'json');
const sectionNames = ['base', 'earlier', 'later', 'expected', 'keys'] as const;
type Case = Readonly<Record<(typeof sectionNames)[number], string>>;

function readCase(file: string): Case {
  const sections = new Map(
    readFileSync(path.join(folder, file), 'utf8')
      .split(/^=== /m)
      .slice(1)
      .map(section => {
        const [heading = '', ...lines] = section.split('\n');
        const text = lines.join('\n');
        const [name = ''] = heading.split(' ');
        return [name, heading.endsWith('(no final newline)') ? text.replace(/\n$/, '') : text] as const;
      }),
  );
  const read = (name: string) => {
    const text = sections.get(name);
    assert.ok(text !== undefined, `${file} has no section ${name}`);
    return text;
  };
  return {
    base: read('base'),
    earlier: read('earlier'),
    later: read('later'),
    expected: read('expected'),
    keys: read('keys'),
  };
}

const keysOf = (text: string) => text.split('\n').filter(line => line !== '');
const config = (body: string) => ({ ...emptyContent('config', 'settings'), body });

describe('JSON merge corpus', () => {
  const files = readdirSync(folder);

  it('holds at least 60 cases', () => {
    assert.ok(files.length >= 60, `${files.length} cases`);
  });

  for (const file of files) {
    const name = path.basename(file, '.txt').replaceAll('-', ' ');
    it(`merges to the expected bytes: ${name}`, () => {
      const { base, earlier, later, expected, keys } = readCase(file);
      const merge = mergeJson({ base, earlier, later });
      assert.ok(merge, 'the texts are JSON');
      assert.equal(merge.text, expected);
      assert.deepEqual(
        merge.keys.map(key => (key === '' ? '(document)' : key)),
        keysOf(keys),
      );
    });

    it(`merges a config from either side, and asks about what gave way: ${name}`, () => {
      const { base, earlier, later, expected, keys } = readCase(file);
      const sides = {
        left: { content: config(earlier), deleted: false, stamp: stampAt(1) },
        right: { content: config(later), deleted: false, stamp: stampAt(2) },
      };
      const known = { content: config(base), deleted: false };
      const merge = mergeVersions({ base: known, ...sides, text: 'merge' });
      assert.ok(merge.type === 'merged');
      assert.equal(merge.content.body, expected);
      assert.equal(merge.open, keysOf(keys).length > 0);
      const mirrored = mergeVersions({ base: known, left: sides.right, right: sides.left, text: 'merge' });
      assert.ok(mirrored.type === 'merged');
      assert.deepEqual(mirrored.content, merge.content);
      assert.deepEqual(mirrored.keys, merge.keys);
    });
  }
});
