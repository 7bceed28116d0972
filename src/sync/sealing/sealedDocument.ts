import * as z from 'zod';
import { fromUtf8, toUtf8 } from '../../base/encoding';
import { canonicalJson, isJsonObject, type JsonObject, parseJson } from '../../base/json';
import { err, ok, type Result } from '../../base/result';
import { maxAncestors } from '../../model/ancestors';
import type { Conflict } from '../../model/conflict';
import { decodeConflict, encodeConflict } from '../../model/conflictCodec';
import type { Content } from '../../model/content';
import { decodeContent, encodeContent } from '../../model/contentCodec';
import { type ConflictId, isConflictId } from '../../model/ids/ids';
import { isStamp, type Stamp } from '../../model/ids/stamp';

/**
 * What is sealed into a payload: a JSON document with a format number. A document of a newer format is kept sealed
 * until this device understands it.
 */

export interface ItemDocument {
  readonly content: Content;
  /** The stamps of the versions before this one, newest first. */
  readonly ancestors: readonly Stamp[];
  /** The name of the device that made it. */
  readonly deviceName: string;
  /** The conflict record that this version resolves. */
  readonly resolves: ConflictId | undefined;
}

export type DocumentError =
  | { readonly type: 'newerFormat'; readonly format: number }
  | { readonly type: 'malformedDocument'; readonly detail: string };

const format = 1;
/**
 * Fields that a newer version wrote beside the content, or beside the record, are kept as one unknown field of it: so
 * they are encrypted at rest, have a history and merge as it does. They leave in their own place.
 */
const besideName = '$beside';
const maxDeviceNameLength = 200;

const header = z.object({ format: z.int().min(1) });
const itemSchema = z.looseObject({
  format: z.int(),
  content: z.unknown(),
  ancestors: z.array(z.string().refine(isStamp, 'must be a stamp')).max(maxAncestors),
  deviceName: z.string().max(maxDeviceNameLength),
  resolves: z.string().refine(isConflictId, 'must be a conflict id').optional(),
});
const recordSchema = z.looseObject({ format: z.int(), conflict: z.unknown() });

export function encodeItemDocument({ content, ancestors, deviceName, resolves }: ItemDocument): Uint8Array {
  return toUtf8(
    canonicalJson({
      ...besideOf(content.extra),
      format,
      content: without(encodeContent(content)),
      ancestors: ancestors.slice(0, maxAncestors),
      deviceName: deviceName.slice(0, maxDeviceNameLength),
      ...(resolves === undefined ? {} : { resolves }),
    }),
  );
}

export function decodeItemDocument(bytes: Uint8Array): Result<ItemDocument, DocumentError> {
  const document = readDocument(bytes, itemSchema);
  if (!document.ok) return document;
  const content = decodeContent(document.value.content);
  if (!content.ok) return err({ type: 'malformedDocument', detail: content.error.detail });
  const { content: _, format: __, ancestors, deviceName, resolves, ...beside } = document.value;
  const extra = withBeside(content.value.extra, beside);
  return ok({ content: { ...content.value, extra }, ancestors, deviceName, resolves });
}

export function encodeRecordDocument(conflict: Conflict): Uint8Array {
  const { extra = {} } = conflict;
  return toUtf8(canonicalJson({ ...besideOf(extra), format, conflict: without(encodeConflict(conflict)) }));
}

export function decodeRecordDocument(bytes: Uint8Array): Result<Conflict, DocumentError> {
  const document = readDocument(bytes, recordSchema);
  if (!document.ok) return document;
  const conflict = decodeConflict(document.value.conflict);
  if (!conflict.ok) return err({ type: 'malformedDocument', detail: conflict.error.detail });
  const { conflict: _, format: __, ...beside } = document.value;
  const extra = withBeside(conflict.value.extra ?? {}, beside);
  return ok(Object.keys(extra).length === 0 ? conflict.value : { ...conflict.value, extra });
}

function besideOf(extra: JsonObject): JsonObject {
  const beside = extra[besideName];
  return isJsonObject(beside) ? beside : {};
}

function without({ [besideName]: _, ...rest }: JsonObject): JsonObject {
  return rest;
}

function withBeside(extra: JsonObject, fields: Readonly<Record<string, unknown>>): JsonObject {
  const beside = z.record(z.string(), z.json()).parse(fields);
  return Object.keys(beside).length === 0 ? without(extra) : { ...extra, [besideName]: beside };
}

function readDocument<T>(bytes: Uint8Array, schema: z.ZodType<T>): Result<T, DocumentError> {
  const json = fromUtf8(bytes);
  const value = json === undefined ? undefined : parseJson(json);
  const head = header.safeParse(value);
  if (!head.success) return err({ type: 'malformedDocument', detail: 'not a sealed document' });
  if (head.data.format > format) return err({ type: 'newerFormat', format: head.data.format });
  const document = schema.safeParse(value);
  return document.success
    ? ok(document.data)
    : err({ type: 'malformedDocument', detail: z.prettifyError(document.error) });
}
