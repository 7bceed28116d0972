import assert from 'node:assert/strict';
import { Interner, maxJsonDepth, parseJsonDocument } from '../../../../src/sync/merge/jsonDocument';
import { mergeJson } from '../../../../src/sync/merge/jsonMerge';

/** Generous: a bound on a test that hangs, not a measurement. */
const slowMs = 60_000;

const nested = (depth: number, inner: string) => `${'{"a":'.repeat(depth)}${inner}${'}'.repeat(depth)}`;

describe('merging JSON', () => {
  it('leaves to the text what is not JSON', () => {
    const good = '{"a": 1}';
    for (const bad of [
      '{',
      '{"a" 1}',
      '{"a": 1} x',
      '[1,,2]',
      '{a: 1}',
      "{'a': 1}",
      '{"a": 01}',
      '/* open',
      'x',
    ]) {
      assert.equal(mergeJson({ base: bad, earlier: good, later: '{"a": 2}' }), undefined, `base ${bad}`);
      assert.equal(mergeJson({ base: good, earlier: bad, later: '{"a": 2}' }), undefined, `earlier ${bad}`);
      assert.equal(mergeJson({ base: good, earlier: '{"a": 2}', later: bad }), undefined, `later ${bad}`);
    }
  });

  it('leaves to the text a side without a value', () => {
    assert.equal(mergeJson({ base: '{}', earlier: '', later: '{"a": 1}' }), undefined);
    assert.equal(mergeJson({ base: '{}', earlier: '{"a": 1}', later: ' // nothing\n' }), undefined);
  });

  it('leaves to the text an object that names a key twice', () => {
    const twice = '{"a": 1, "a": 2}';
    assert.equal(mergeJson({ base: '{"a": 1}', earlier: twice, later: '{"a": 3}' }), undefined);
    assert.equal(
      mergeJson({ base: '{}', earlier: '{"b": {"c": 1, "\\u0063": 2}}', later: '{"a": 3}' }),
      undefined,
    );
  });

  it('leaves to the text what nests too deep, without running out of stack', () => {
    const merge = (depth: number) =>
      mergeJson({
        base: nested(depth, '1, "b": 1'),
        earlier: nested(depth, '2, "b": 1'),
        later: nested(depth, '1, "b": 2'),
      });
    assert.equal(merge(maxJsonDepth)?.text, nested(maxJsonDepth, '2, "b": 2'));
    assert.equal(merge(maxJsonDepth + 1), undefined);
    assert.equal(merge(500_000), undefined);
    assert.equal(mergeJson({ base: '['.repeat(500_000), earlier: '1', later: '2' }), undefined);
  });

  it('merges documents of half a mebibyte', function () {
    this.timeout(slowMs);
    const object = (changes: Readonly<Record<string, number>>) =>
      JSON.stringify(
        Object.fromEntries(
          Array.from({ length: 20_000 }, (_, index) => [`some.setting.${index}`, changes[index] ?? index]),
        ),
        undefined,
        2,
      );
    const merge = mergeJson({ base: object({}), earlier: object({ 0: -1 }), later: object({ 39999: -1 }) });
    assert.equal(merge?.text, object({ 0: -1, 39999: -1 }));
    assert.deepEqual(merge.keys, []);
  });

  it('merges an array of many elements with a comment each', function () {
    this.timeout(slowMs);
    const array = (elements: readonly string[]) =>
      `[\n${elements.map(element => `  ${element}`).join('\n')}\n]\n`;
    const elements = Array.from({ length: 20_000 }, (_, index) => `"element ${index}", // comment ${index}`);
    const merge = mergeJson({
      base: array(elements),
      earlier: array(['"first", // new', ...elements]),
      later: array([...elements, '"last", // new']),
    });
    assert.equal(merge?.text, array(['"first", // new', ...elements, '"last", // new']));
  });

  it('cuts a text into pieces that join to the same text', () => {
    const text =
      ' // head\n{ // header\n  /* a */ "a" /* b */ : /* c */ [1, /* d */ 2, ] /* e */ , // f\n  // g\n} // end';
    const document = parseJsonDocument(text, new Interner());
    assert.ok(document?.root?.type === 'object');
    const { root } = document;
    const [member] = root.members;
    assert.ok(member);
    assert.deepEqual(
      {
        head: document.head.text,
        header: root.header.text,
        lead: member.lead.text,
        name: member.name.text,
        value: member.node.raw,
        gap: member.gap.text,
        tail: member.tail.text,
        footer: root.footer.text,
        end: document.tail.text,
      },
      {
        head: ' // head\n',
        header: ' // header',
        lead: '\n  /* a */ ',
        name: '"a" /* b */ : /* c */ ',
        value: '[1, /* d */ 2, ]',
        gap: ' /* e */ ',
        tail: ' // f',
        footer: '\n  // g\n',
        end: ' // end',
      },
    );
  });

  it('keeps a comment of one line from swallowing what follows it in a text of another layout', () => {
    const merge = mergeJson({
      base: '{\n  "a": 1\n}\n',
      earlier: '{\n  "a": 1, // one\n  "b": 2 // two\n}\n',
      later: '{ "a": 10, "c": 3 }\n',
    });
    assert.equal(merge?.text, '{ "a": 10, // one\n"b": 2, // two\n"c": 3 }\n');
    assert.deepEqual(merge.keys, []);
  });

  it('asks when a comment that the earlier side wrote gives way', () => {
    const merge = mergeJson({
      base: '{ // x\n  "a": 1 }',
      earlier: '{ // earlier\n  "a": 1 }',
      later: '{ // later\n  "a": 1 }',
    });
    assert.deepEqual(merge, { text: '{ // later\n  "a": 1 }', keys: [''] });
  });

  it('asks nothing when the later side has the comments that the earlier one wrote', () => {
    const merge = mergeJson({
      base: '{\n  "a": 1\n}',
      earlier: '{\n  // one\n  "a": 1\n}',
      later: '{\n  // one\n  // two\n  "a": 1\n}',
    });
    assert.deepEqual(merge, { text: '{\n  // one\n  // two\n  "a": 1\n}', keys: [] });
  });
});
