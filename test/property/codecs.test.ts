import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { unwrap } from '../../src/base/result';
import { maxAncestors } from '../../src/model/ancestors';
import type { Conflict, ConflictSide } from '../../src/model/conflict';
import { decodeConflict, encodeConflict } from '../../src/model/conflictCodec';
import type { Content } from '../../src/model/content';
import { contentText, decodeContent, encodeContent, sameContent } from '../../src/model/contentCodec';
import { type ConflictId, isConflictId } from '../../src/model/ids/ids';
import {
  decodeItemDocument,
  decodeRecordDocument,
  encodeItemDocument,
  encodeRecordDocument,
} from '../../src/sync/sealing/sealedDocument';
import { deviceId, itemId, stampAt } from '../support/storeFixture';

/** fast-check prints the seed of a failure; `SEED` replays it. */
const parameters = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

const entry = fc.string({ maxLength: 20, unit: 'grapheme' });
const list = fc.array(entry, { maxLength: 5 });
const text = fc.string({ maxLength: 200, unit: 'binary' });
/** Names that this version has no field of, those of every object's own members among them. */
const unknownName = fc.oneof(
  fc.constantFrom('color', 'constructor', 'toString', 'extra', 'hasOwnProperty', '__proto__'),
  fc.string({ minLength: 1, maxLength: 10 }).map(name => `x-${name}`),
);
const json = fc.json({ maxDepth: 3 }).map(text => JSON.parse(text));
const extra = fc.dictionary(unknownName, json, { maxKeys: 4, noNullPrototype: true });

const common = {
  title: entry,
  body: text,
  folder: entry,
  tags: list,
  pinned: fc.boolean(),
  sensitive: fc.boolean(),
  extra,
};
const contents: fc.Arbitrary<Content> = fc.oneof(
  fc.record(
    { kind: fc.constant('note' as const), ...common, language: entry, repository: entry },
    {
      noNullPrototype: true,
      requiredKeys: ['kind', 'title', 'body', 'folder', 'tags', 'pinned', 'sensitive', 'extra', 'language'],
    },
  ),
  fc.record(
    {
      kind: fc.constant('snippet' as const),
      ...common,
      prefixes: list,
      languages: list,
      description: text,
      include: list,
      exclude: list,
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant('config' as const),
      ...common,
      language: entry,
      target: entry,
      overlays: fc.dictionary(fc.constantFrom('os:linux', 'os:darwin', 'device:00', '__proto__'), text, {
        noNullPrototype: true,
      }),
    },
    {
      noNullPrototype: true,
      requiredKeys: [
        ...(['kind', 'title', 'body', 'folder', 'tags', 'pinned', 'sensitive', 'extra'] as const),
        ...(['language', 'overlays'] as const),
      ],
    },
  ),
);

const devices = fc.constantFrom(deviceId('00000000000000aa'), deviceId('00000000000000bb'));
const stamps = fc.tuple(fc.nat(10_000), devices).map(([millis, device]) => stampAt(millis, device));
const conflictIds: fc.Arbitrary<ConflictId> = fc
  .bigInt({ min: 0n, max: 2n ** 128n - 1n })
  .map(number => number.toString(16).padStart(32, '0'))
  .filter(isConflictId);
const sides: fc.Arbitrary<ConflictSide> = fc
  .record(
    {
      stamp: stamps,
      deviceId: devices,
      deviceName: entry,
      version: fc.nat(100),
      deleted: fc.boolean(),
      content: contents,
      extra,
    },
    { noNullPrototype: true },
  )
  .map(withoutEmptyExtra);
const conflicts: fc.Arbitrary<Conflict> = fc
  .record(
    {
      id: conflictIds,
      itemId: fc.nat(100).map(itemId),
      base: sides,
      earlier: sides,
      later: sides,
      outcome: fc.constantFrom('merged' as const, 'lastWriterWins' as const),
      keys: list,
      detectedAt: stamps,
      detectedBy: devices,
      state: fc.constantFrom('open' as const, 'resolved' as const, 'auto' as const),
      resolution: fc.constantFrom('keepLocal' as const, 'keepRemote' as const, 'keepBoth' as const),
      revision: fc.integer({ min: 1, max: 100 }),
      stamp: stamps,
      extra,
    },
    {
      noNullPrototype: true,
      requiredKeys: [
        ...(['id', 'itemId', 'earlier', 'later', 'outcome', 'keys', 'detectedAt', 'detectedBy'] as const),
        ...(['state', 'revision', 'stamp', 'extra'] as const),
      ],
    },
  )
  .map(withoutEmptyExtra);

function withoutEmptyExtra<T extends { readonly extra: object }>(value: T): T | Omit<T, 'extra'> {
  const { extra: fields, ...rest } = value;
  return Object.keys(fields).length === 0 ? rest : value;
}

/** As it comes from a file or from the wire. */
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('codecs', () => {
  it('a content comes back as it was, with the fields of a newer version', () => {
    fc.assert(
      fc.property(contents, content => {
        const decoded = unwrap(decodeContent(throughJson(encodeContent(content))));
        assert.deepEqual(decoded, content);
        assert.ok(sameContent(decoded, content));
      }),
      parameters,
    );
  });

  it('equal contents have equal texts, whatever the order of their fields', () => {
    fc.assert(
      fc.property(contents, content => {
        const turned = Object.fromEntries(Object.entries(encodeContent(content)).reverse());
        assert.equal(contentText(unwrap(decodeContent(turned))), contentText(content));
      }),
      parameters,
    );
  });

  it('a conflict record comes back as it was, with the fields of a newer version', () => {
    fc.assert(
      fc.property(conflicts, conflict => {
        assert.deepEqual(unwrap(decodeConflict(throughJson(encodeConflict(conflict)))), conflict);
      }),
      parameters,
    );
  });

  it('sealed documents come back as they were', () => {
    fc.assert(
      fc.property(
        contents,
        fc.array(stamps, { maxLength: maxAncestors }),
        entry,
        fc.option(conflictIds, { nil: undefined }),
        conflicts,
        (content, ancestors, deviceName, resolves, conflict) => {
          const document = { content, ancestors, deviceName, resolves };
          assert.deepEqual(unwrap(decodeItemDocument(encodeItemDocument(document))), document);
          assert.deepEqual(unwrap(decodeRecordDocument(encodeRecordDocument(conflict))), conflict);
        },
      ),
      parameters,
    );
  });

  it('anything else is refused, and never thrown at', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.json().map(json => JSON.parse(json)),
        ),
        value => {
          assert.equal(decodeContent(value).ok, false);
          assert.equal(decodeConflict(value).ok, false);
        },
      ),
      parameters,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        assert.equal(decodeItemDocument(bytes).ok, false);
        assert.equal(decodeRecordDocument(bytes).ok, false);
      }),
      parameters,
    );
  });
});
