import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AddressedItem,
  fileName,
  isFolderOf,
  itemPath,
} from '../../../src/extension/documents/itemAddress';

const item: AddressedItem = {
  id: '0b5a3c1e-0000-4000-8000-000000000001',
  kind: 'note',
  folder: 'work/plans',
  title: 'Milk & eggs',
  language: 'markdown',
  sensitive: false,
};

describe('the address of an item', () => {
  it('is made of its kind, folder, title and language', () => {
    assert.equal(itemPath(item), '/notes/work/plans/Milk & eggs.md');
    assert.equal(
      itemPath({ ...item, kind: 'snippet', language: 'go', folder: '' }),
      '/snippets/Milk & eggs.go',
    );
    assert.equal(
      itemPath({ ...item, kind: 'config', language: 'jsonc', folder: '' }),
      '/config/Milk & eggs.jsonc',
    );
  });

  it('does not tell the title of a sensitive item', () => {
    assert.equal(itemPath({ ...item, sensitive: true }), '/notes/Sensitive 0b5a3c1e.md');
  });

  it('keeps an extension that the title has already', () => {
    assert.equal(fileName('README.MD', 'markdown'), 'README.MD');
    assert.equal(fileName('settings.json', 'jsonc'), 'settings.json.jsonc');
  });

  it('names what has no usable title', () => {
    for (const title of ['', ' ', '.', '..']) assert.equal(fileName(title, 'markdown'), 'Untitled.md');
  });

  it('takes unknown languages for plain text', () => {
    assert.equal(fileName('a', 'brainfuck'), 'a.txt');
  });

  it('is one name without separators and control characters for any title', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), title => {
        const name = fileName(title, 'markdown');
        assert.ok(name.endsWith('.md') || name.toLowerCase().endsWith('.md'));
        assert.doesNotMatch(name, /[\\/\p{Cc}]/u);
        assert.ok([...name].length <= 104);
      }),
    );
  });

  it('is stable for a path that is parsed as one', () => {
    assert.ok(isFolderOf('/', itemPath(item)));
    assert.ok(isFolderOf('/notes/work', itemPath(item)));
    assert.ok(!isFolderOf('/notes/wor', itemPath(item)));
    assert.ok(!isFolderOf(itemPath(item), itemPath(item)));
  });
});
