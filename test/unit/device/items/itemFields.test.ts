import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { maxBodyBytes, newContent, withFields } from '../../../../src/device/items/itemFields';
import type { ItemFieldsJson } from '../../../../src/device/json';
import { type Content, emptyContent, type Kind, kinds } from '../../../../src/model/content';
import {
  decodeContent,
  encodeContent,
  maxEntryLength,
  maxFolderLength,
  maxListEntries,
  maxTitleLength,
} from '../../../../src/model/contentCodec';
import { normalizeText } from '../../../../src/model/plainText';

function made(kind: Kind, fields: ItemFieldsJson, title = 'Title'): Content {
  const content = newContent(kind, title, fields);
  assert.ok(content.ok, content.ok ? '' : content.error.message);
  return content.value;
}

function refusal(kind: Kind, fields: ItemFieldsJson, title = 'Title'): string {
  const content = newContent(kind, title, fields);
  assert.ok(!content.ok, 'it is refused');
  assert.match(content.error.message, /\.$/);
  return content.error.code;
}

describe('the fields of an item', () => {
  it('are those of its kind', () => {
    assert.equal(refusal('note', { prefixes: ['x'] }), 'badInput');
    assert.equal(refusal('snippet', { target: 'settings' }), 'badInput');
    assert.equal(refusal('config', { repository: 'example.org/r' }), 'badInput');
    assert.equal(made('note', { repository: 'example.org/r' }).kind, 'note');
  });

  it('hold text with LF line ends and no byte order mark', () => {
    assert.equal(normalizeText('\uFEFFa\r\nb\rc\n'), 'a\nb\nc\n');
    assert.equal(made('note', { body: 'a\r\nb' }).body, 'a\nb');
  });

  it('are trimmed, each entry once, in order where order means nothing', () => {
    const content = made('snippet', { tags: [' b', 'a', 'a', ''], prefixes: ['z', 'a', 'z'] }, ' Title ');
    assert.equal(content.title, 'Title');
    assert.deepEqual(content.tags, ['a', 'b']);
    assert.ok(content.kind === 'snippet');
    assert.deepEqual(content.prefixes, ['z', 'a']);
  });

  it('hold a folder of plain names', () => {
    assert.equal(made('note', { folder: '/a/ b /c//' }).folder, 'a/b/c');
  });

  it('may be taken away', () => {
    const tied = made('note', { repository: 'example.org/r' });
    const untied = withFields(tied, { repository: null });
    assert.ok(untied.ok && untied.value.kind === 'note');
    assert.ok(!('repository' in untied.value));
    const config = withFields(made('config', { target: 'settings' }), { target: null });
    assert.ok(config.ok && !('target' in config.value));
  });

  it('that are not given stay as they are, those of a newer version too', () => {
    const content: Content = { ...emptyContent('note', 'Title'), extra: { color: 'red' }, tags: ['x'] };
    const changed = withFields(content, { pinned: true });
    assert.ok(changed.ok);
    assert.deepEqual(changed.value, { ...content, pinned: true });
  });

  it('have the forms that the model gives them', () => {
    const note = made('note', { repository: 'git@example.org:a/b.git', language: ' markdown ' });
    assert.ok(note.kind === 'note');
    assert.deepEqual([note.repository, note.language], ['example.org/a/b', 'markdown']);
    assert.equal(refusal('note', { folder: '../x' }), 'badInput');
    assert.equal(refusal('note', { language: '' }), 'badInput');
    assert.equal(refusal('note', { repository: '/srv/x' }), 'badInput');
    assert.equal(refusal('snippet', { languages: ['ts,js'] }), 'badInput');
    assert.equal(refusal('config', { target: '/etc/passwd' }), 'badInput');
    assert.equal(refusal('config', { overlays: { linux: '' } }), 'badInput');
  });

  it('may be given again as they are, whatever a newer version has made of them', () => {
    const held = { target: 'newer:place', folder: '..', overlays: { 'os:newer': 'x' } };
    const config: Content = { ...emptyContent('config', 'Title'), kind: 'config', language: '', ...held };
    const changed = withFields(config, { ...held, language: '', title: 'Other' });
    assert.ok(changed.ok);
    assert.deepEqual(changed.value, { ...config, title: 'Other' });
  });

  it('are refused when they cannot be stored and read again', () => {
    assert.equal(refusal('note', {}, ' '), 'badInput');
    assert.equal(refusal('note', {}, 'x'.repeat(maxTitleLength + 1)), 'badInput');
    assert.equal(refusal('note', { folder: 'x'.repeat(maxFolderLength + 1) }), 'badInput');
    assert.equal(refusal('note', { tags: Array.from({ length: maxListEntries + 1 }, String) }), 'badInput');
    const long = 'x'.repeat(maxEntryLength + 1);
    assert.equal(refusal('note', { tags: [long] }), 'badInput');
    assert.equal(refusal('note', { language: long }), 'badInput');
    assert.equal(refusal('note', { repository: long }), 'badInput');
    assert.equal(refusal('config', { language: long }), 'badInput');
    assert.equal(refusal('config', { target: long }), 'badInput');
    assert.equal(refusal('config', { overlays: { [long]: '' } }), 'badInput');
    assert.equal(refusal('note', { body: 'x'.repeat(maxBodyBytes + 1) }), 'tooLarge');
    assert.equal(refusal('snippet', { description: 'x'.repeat(maxBodyBytes + 1) }), 'tooLarge');
    assert.equal(refusal('config', { overlays: { 'os:linux': 'x'.repeat(maxBodyBytes + 1) } }), 'tooLarge');
    assert.equal(refusal('note', { body: '\uD800' }), 'badInput');
  });

  it('are readable at their bounds', () => {
    const entry = 'x'.repeat(maxEntryLength);
    for (const kind of kinds) {
      const tags = Array.from({ length: maxListEntries }, (_, index) =>
        `${index}${entry}`.slice(0, maxEntryLength),
      );
      const content = made(kind, { tags, body: 'x'.repeat(maxBodyBytes) }, 'x'.repeat(maxTitleLength));
      const decoded = decodeContent(encodeContent(content));
      assert.ok(decoded.ok);
      assert.deepEqual(decoded.value, content);
    }
  });
});
