import * as z from 'zod';
import type { JsonObject } from '../base/json';
import { maxBatchChanges, maxManifestEntries, maxPageChanges, maxVersionEntries } from './limits';
import {
  changeIdSchema,
  conflictIdSchema,
  cursorSchema,
  deviceIdSchema,
  itemIdSchema,
  keyIdSchema,
  sequenceSchema,
  serverTimeSchema,
  stampSchema,
  versionSchema,
} from './scalars';

/**
 * Pull and push. `payload` is always sealed: URL-safe base64 of an envelope that the server cannot open.
 *
 * Two collections share one sequence and one table. An `item` is accepted only on its current version and stamp.
 * A `conflict` (a conflict record) never conflicts: its state with the higher (revision, timestamp) is current.
 * Objects are decoded loosely: fields that a peer does not know are kept and sent back.
 */

const payloadSchema = z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be URL-safe base64 without padding');

const changeCommon = {
  changeId: changeIdSchema,
  /** 0 and null for the first version of an item. */
  baseVersion: z.int().min(0),
  baseTimestamp: stampSchema.nullable(),
  changeType: z.enum(['upsert', 'delete']),
  keyId: keyIdSchema,
  timestamp: stampSchema,
  /** The device of `timestamp`. */
  originDeviceId: deviceIdSchema,
  payload: payloadSchema,
  /**
   * Changes of one batch with the same `group` are accepted all or none: a resolution is a pair of the item's change
   * and the record.
   */
  group: changeIdSchema.exactOptional(),
};

const itemChangeSchema = z.looseObject({
  ...changeCommon,
  collection: z.literal('item'),
  itemId: itemIdSchema,
  /** The conflict record that this change resolves. */
  resolves: conflictIdSchema.exactOptional(),
  /** True when only the sealing changed: same content, another key. */
  reseal: z.boolean().exactOptional(),
});

const conflictChangeSchema = z.looseObject({
  ...changeCommon,
  collection: z.literal('conflict'),
  itemId: conflictIdSchema,
  /** Grows with each change of the record's state. */
  revision: z.int().min(1),
});

export const changeSchema = z.discriminatedUnion('collection', [itemChangeSchema, conflictChangeSchema]);
export type WireChange = z.infer<typeof changeSchema>;

const remoteCommon = {
  version: versionSchema,
  sequence: sequenceSchema,
  changeType: z.enum(['upsert', 'delete']),
  timestamp: stampSchema,
  originDeviceId: deviceIdSchema,
  keyId: keyIdSchema,
  payload: payloadSchema,
};

/** A version as the server holds it. */
export const remoteVersionSchema = z.discriminatedUnion('collection', [
  z.looseObject({
    ...remoteCommon,
    collection: z.literal('item'),
    itemId: itemIdSchema,
    resolves: conflictIdSchema.exactOptional(),
    reseal: z.boolean().exactOptional(),
  }),
  z.looseObject({
    ...remoteCommon,
    collection: z.literal('conflict'),
    itemId: conflictIdSchema,
    revision: z.int().min(1),
  }),
]);
export type RemoteVersion = z.infer<typeof remoteVersionSchema>;

/** `GET /v1/changes?since=&limit=`. */
export const pullQuerySchema = z.object({
  since: cursorSchema.describe('The cursor of the page before; left out for everything').exactOptional(),
  limit: z.coerce.number().int().min(1).max(maxPageChanges).default(maxPageChanges),
});

export const pullAnswerSchema = z.looseObject({
  changes: z.array(remoteVersionSchema).max(maxPageChanges),
  /** Opaque; names the last sequence of this page. Reading with it acknowledges everything up to it. */
  cursor: cursorSchema,
  hasMore: z.boolean(),
  serverTime: serverTimeSchema,
  /** On the last page only: the digest of the account's live versions at `cursor` (see `digest.ts`). */
  digest: z.string().exactOptional(),
});
export type PullAnswer = z.infer<typeof pullAnswerSchema>;

/** `POST /v1/changes`. */
export const pushRequestSchema = z.looseObject({
  /** The cursor of the device's last pull; null before the first. Checked before anything is accepted. */
  cursor: cursorSchema.nullable(),
  changes: z.array(changeSchema).min(1).max(maxBatchChanges),
});

export const rejectionCodes = [
  /** The stamp is further ahead than allowed. Correct the clock and send again under a new id. */
  'stampAhead',
  /** The stamp is not above the current version's. */
  'stampNotGrowing',
  'tooLarge',
  'quotaExceeded',
  /** The key is retired, or not one of the account's. */
  'keyRetired',
  /** Another change of its group was not accepted. */
  'groupRefused',
  'malformed',
  /** Not looked at, because the answer was full of current versions. Pull, then push it again under a new id. */
  'deferred',
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

export const changeAnswerSchema = z.discriminatedUnion('status', [
  z.looseObject({
    changeId: changeIdSchema,
    status: z.literal('accepted'),
    version: versionSchema,
    sequence: sequenceSchema,
  }),
  z.looseObject({
    changeId: changeIdSchema,
    status: z.literal('conflict'),
    /** The current version; null when the server has none (it was pruned, or lost). */
    current: remoteVersionSchema.nullable(),
  }),
  z.looseObject({
    changeId: changeIdSchema,
    status: z.literal('rejected'),
    /** One of {@link rejectionCodes}, or one of a newer server. */
    code: z.string(),
    detail: z.string(),
  }),
]);
export type ChangeAnswer = z.infer<typeof changeAnswerSchema>;

export const pushAnswerSchema = z.looseObject({
  /** One answer a change, in the order of the request. */
  results: z.array(changeAnswerSchema).max(maxBatchChanges),
  serverTime: serverTimeSchema,
  /** Present when the request's cursor was at the head: the cursor after this push, so that nothing is pulled back. */
  cursor: cursorSchema.exactOptional(),
  /** With `cursor`: the digest at it. */
  digest: z.string().exactOptional(),
});
export type PushAnswer = z.infer<typeof pushAnswerSchema>;

/** `GET /v1/items?after=&limit=`: the manifest. */
export const manifestQuerySchema = z.object({
  after: z.string().max(36).describe('The `itemId` of the last entry of the page before').exactOptional(),
  limit: z.coerce.number().int().min(1).max(maxManifestEntries).default(maxManifestEntries),
});

export const manifestEntrySchema = z.looseObject({
  collection: z.enum(['item', 'conflict']),
  itemId: z.union([itemIdSchema, conflictIdSchema]),
  version: versionSchema,
  sequence: sequenceSchema,
  changeType: z.enum(['upsert', 'delete']),
  timestamp: stampSchema,
});
export type ManifestEntry = z.infer<typeof manifestEntrySchema>;

export const manifestAnswerSchema = z.looseObject({
  /** In order of `itemId`. */
  items: z.array(manifestEntrySchema).max(maxManifestEntries),
  hasMore: z.boolean(),
  /** The head when this page was read; that of the first page is where pulling goes on. */
  cursor: cursorSchema,
  epoch: z.string(),
  serverTime: serverTimeSchema,
});
export type ManifestAnswer = z.infer<typeof manifestAnswerSchema>;

/** `GET /v1/items/{id}`. */
export const itemAnswerSchema = z.looseObject({ item: remoteVersionSchema, serverTime: serverTimeSchema });

/** `GET /v1/items/{id}/versions?before=&limit=`. */
export const versionsQuerySchema = z.object({
  before: z.coerce
    .number()
    .int()
    .min(1)
    .describe('Only versions below this one: the last of the page before')
    .exactOptional(),
  limit: z.coerce.number().int().min(1).max(maxVersionEntries).default(maxVersionEntries),
});

/** Newest first, as many as the server still holds, bounded in bytes like a page. */
export const versionsAnswerSchema = z.looseObject({
  versions: z.array(remoteVersionSchema).max(maxVersionEntries),
  hasMore: z.boolean().exactOptional(),
  serverTime: serverTimeSchema,
});

/** The fields of a wire object that this version does not know; stored beside it and sent back. */
export function unknownFields(
  value: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
): JsonObject {
  const entries = Object.entries(value).filter(([name]) => !known.has(name));
  return z.record(z.string(), z.json()).parse(Object.fromEntries(entries));
}

/** The names of the fields that this version knows on a pushed change and on a version. */
export const knownChangeFields: ReadonlySet<string> = new Set([
  ...Object.keys(itemChangeSchema.shape),
  ...Object.keys(conflictChangeSchema.shape),
]);
export const knownVersionFields: ReadonlySet<string> = new Set([
  ...Object.keys(remoteCommon),
  'collection',
  'itemId',
  'resolves',
  'reseal',
  'revision',
]);
