import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Content } from '../../src/model/content';
import { decodeContent, encodeContent, sameContent } from '../../src/model/contentCodec';
import { isDeviceId } from '../../src/model/ids/ids';
import { stampAfter } from '../../src/model/ids/stamp';
import { type MergeInput, type MergeSide, mergeVersions } from '../../src/sync/merge/mergeVersions';
import { stampAt } from '../unit/sync/merge/versions';
import { lostLines, propertyLimitMs, seedParameters, type Texts, texts } from './mergeArbitraries';

const names = fc.constantFrom('one', 'two', 'three', 'four', 'five');
const list = fc.uniqueArray(names, { maxLength: 4 });
const jsonBody = fc
  .dictionary(names, fc.oneof(fc.nat(3), list), { maxKeys: 4, noNullPrototype: true })
  .map(value => JSON.stringify(value, undefined, 2));
const overlays = fc.dictionary(fc.constantFrom('os:linux', 'os:darwin', 'device:a'), jsonBody, {
  noNullPrototype: true,
  maxKeys: 2,
});
const common = {
  title: names,
  folder: fc.constantFrom('', 'work', 'work/deep'),
  tags: list.map(tags => [...tags].sort()),
  pinned: fc.boolean(),
  sensitive: fc.boolean(),
  extra: fc.dictionary(fc.constantFrom('colour', 'shape'), fc.oneof(names, fc.nat(2)), {
    maxKeys: 2,
    noNullPrototype: true,
  }),
};

const noteWith = (body: string): fc.Arbitrary<Content> =>
  fc.record(
    {
      kind: fc.constant('note' as const),
      ...common,
      body: fc.constant(body),
      language: fc.constantFrom('markdown', 'plaintext'),
      repository: names,
    },
    { requiredKeys: ['kind', 'title', 'body', 'folder', 'tags', 'pinned', 'sensitive', 'extra', 'language'] },
  );
const snippetWith = (body: string): fc.Arbitrary<Content> =>
  fc.record({
    kind: fc.constant('snippet' as const),
    ...common,
    body: fc.constant(body),
    prefixes: list,
    languages: list,
    description: names,
    include: list,
    exclude: list,
  });
const configWith = (body: fc.Arbitrary<string>): fc.Arbitrary<Content> =>
  fc.record(
    {
      kind: fc.constant('config' as const),
      ...common,
      body,
      language: fc.constantFrom('jsonc', 'ini'),
      target: fc.constantFrom('settings', 'tasks', '~/.gitconfig'),
      overlays,
    },
    {
      requiredKeys: [
        'kind',
        'title',
        'body',
        'folder',
        'tags',
        'pinned',
        'sensitive',
        'extra',
        'language',
        'overlays',
      ],
    },
  );

interface Contents {
  readonly base: Content;
  readonly left: Content;
  readonly right: Content;
}

/** Three contents of one kind; about half of the fields of a side are the base's. */
const contents: fc.Arbitrary<Contents> = fc
  .oneof(
    texts.chain(all => three(all, noteWith)),
    texts.chain(all => three(all, snippetWith)),
    texts.chain(all => three(all, body => configWith(fc.oneof(jsonBody, fc.constant(body))))),
  )
  .chain(({ base, left, right }) =>
    fc.tuple(fc.array(fc.boolean()), fc.array(fc.boolean())).map(([changesLeft, changesRight]) => ({
      base: mix(base, base, []),
      left: mix(base, left, changesLeft),
      right: mix(base, right, changesRight),
    })),
  );

function three(all: Texts, contentWith: (body: string) => fc.Arbitrary<Content>): fc.Arbitrary<Contents> {
  return fc.record({
    base: contentWith(all.base),
    left: contentWith(all.left),
    right: contentWith(all.right),
  });
}

function mix(base: Content, side: Content, changes: readonly boolean[]): Content {
  const changed = Object.entries(side).filter(([name], index) => name === 'body' || changes[index] === true);
  const { extra, ...fields } = { ...base, ...Object.fromEntries(changed) };
  const decoded = decodeContent({ ...extra, ...fields });
  assert.ok(decoded.ok);
  return decoded.value;
}

const inputs: fc.Arbitrary<MergeInput> = fc
  .record({
    contents,
    deleted: fc.record({
      base: fc.boolean(),
      left: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
      right: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
    isBaseKnown: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
    stamps: fc.constantFrom([1, 2] as const, [2, 1] as const),
    text: fc.constantFrom('merge' as const, 'latest' as const),
  })
  .map(({ contents: { base, left, right }, deleted, isBaseKnown, stamps, text }) => ({
    base: { deleted: deleted.base, ...(isBaseKnown ? { content: base } : {}) },
    left: { content: left, deleted: deleted.left, stamp: stampAt(stamps[0]) },
    right: { content: right, deleted: deleted.right, stamp: stampAt(stamps[1]) },
    text,
  }));

const options = { numRuns: 2000, ...seedParameters };

const laterOf = ({ left, right }: MergeInput): MergeSide => (left.stamp > right.stamp ? left : right);

describe('merging any versions', function () {
  this.timeout(propertyLimitMs);

  it('gives the same whichever side is called left', () => {
    fc.assert(
      fc.property(inputs, input => {
        const merge = mergeVersions(input);
        const mirrored = mergeVersions({ ...input, left: input.right, right: input.left });
        const swap = { left: 'right', right: 'left', neither: 'neither' } as const;
        assert.deepEqual(mirrored, merge.type === 'same' ? merge : { ...merge, equals: swap[merge.equals] });
      }),
      options,
    );
  });

  it('depends on nothing but its input, which it leaves as it is', () => {
    fc.assert(
      fc.property(inputs, input => {
        const copy = structuredClone(input);
        const merge = mergeVersions(input);
        assert.deepEqual(input, copy);
        assert.deepEqual(mergeVersions(copy), merge);
      }),
      options,
    );
  });

  it('gives contents that can be stored', () => {
    fc.assert(
      fc.property(inputs, input => {
        const merge = mergeVersions(input);
        if (merge.type === 'same') return;
        const decoded = decodeContent(encodeContent(merge.content));
        assert.ok(decoded.ok && sameContent(decoded.value, merge.content));
      }),
      options,
    );
  });

  it('says truly which side the outcome is equal to', () => {
    fc.assert(
      fc.property(inputs, input => {
        const merge = mergeVersions(input);
        const isEqual = (side: MergeSide, to: Pick<MergeSide, 'content' | 'deleted'>) =>
          side.deleted === to.deleted && sameContent(side.content, to.content);
        assert.equal(merge.type === 'same', isEqual(input.left, input.right));
        if (merge.type === 'same') return;
        assert.equal(merge.equals === 'left', isEqual(input.left, merge));
        assert.equal(merge.equals === 'right', isEqual(input.right, merge));
      }),
      options,
    );
  });

  it('loses no line of a body that a side added, unless it asks', () => {
    fc.assert(
      fc.property(inputs, input => {
        const merge = mergeVersions(input);
        const base = input.base?.content;
        if (merge.type === 'same' || merge.open || merge.deleted || base === undefined) return;
        if (base.kind === 'config') return; // its bodies need not merge by line
        const bodies = { base: base.body, left: input.left.content.body, right: input.right.content.body };
        assert.deepEqual(lostLines(bodies, merge.content.body), []);
      }),
      options,
    );
  });

  it('unites tags: what a side added is there, what a side removed is not', () => {
    fc.assert(
      fc.property(contents, ({ base, left, right }) => {
        const merge = mergeVersions({
          base: { content: base, deleted: false },
          left: { content: left, deleted: false, stamp: stampAt(1) },
          right: { content: right, deleted: false, stamp: stampAt(2) },
          text: 'merge',
        });
        if (merge.type === 'same') return;
        for (const tag of new Set([base, left, right].flatMap(content => content.tags))) {
          const [inLeft, inRight] = [left.tags.includes(tag), right.tags.includes(tag)];
          const expected = base.tags.includes(tag) ? inLeft && inRight : inLeft || inRight;
          assert.equal(merge.content.tags.includes(tag), expected, tag);
        }
        assert.deepEqual([...merge.content.tags], [...merge.content.tags].sort());
      }),
      options,
    );
  });

  it('asks about nothing when one side changed nothing, and takes the other', () => {
    fc.assert(
      fc.property(contents, fc.boolean(), fc.constantFrom(1, 3), ({ base, left }, deleted, millis) => {
        const merge = mergeVersions({
          base: { content: base, deleted: false },
          left: { content: left, deleted, stamp: stampAt(2) },
          right: { content: base, deleted: false, stamp: stampAt(millis) },
          text: 'merge',
        });
        if (merge.type === 'same') return;
        const sensitive = left.sensitive || base.sensitive;
        assert.ok(sameContent(merge.content, { ...left, sensitive }));
        assert.deepEqual(
          { deleted: merge.deleted, keys: merge.keys, open: merge.open },
          { deleted, keys: [], open: false },
        );
      }),
      options,
    );
  });

  it('changes nothing when a merge is merged with one of its parents again', () => {
    const deviceId = 'fedcba9876543210';
    assert.ok(isDeviceId(deviceId));
    fc.assert(
      fc.property(inputs, input => {
        const merge = mergeVersions(input);
        if (merge.type === 'same') return;
        const stamp = stampAfter(laterOf(input).stamp, deviceId);
        const child: MergeSide = { content: merge.content, deleted: merge.deleted, stamp };
        const base = input.base?.content;
        // What took an item back to its base cannot be told from what changed nothing.
        if (base !== undefined && sameContent(base, child.content) && input.base?.deleted === child.deleted)
          return;
        for (const parent of [input.left, input.right]) {
          const again = mergeVersions({ ...input, left: child, right: parent });
          if (again.type === 'same') continue;
          assert.equal(again.deleted, child.deleted);
          assert.deepEqual(again.content, child.content);
        }
      }),
      options,
    );
  });
});
