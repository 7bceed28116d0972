import * as z from 'zod';
import { fromUtf8, toUtf8 } from '../base/encoding';
import { canonicalJson, parseJson } from '../base/json';
import { err, ok, type Result } from '../base/result';
import { maxAncestors } from '../model/ancestors';
import type { Conflict } from '../model/conflict';
import { decodeConflict, encodeConflict } from '../model/conflictCodec';
import type { Content } from '../model/content';
import { decodeContent, encodeContent } from '../model/contentCodec';
import { type ConflictId, isConflictId } from '../model/ids/ids';
import { isStamp, type Stamp } from '../model/ids/stamp';

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
const maxDeviceNameLength = 200;

const header = z.object({ format: z.int().min(1) });
const itemSchema = z.object({
  content: z.unknown(),
  ancestors: z.array(z.string().refine(isStamp, 'must be a stamp')).max(maxAncestors),
  deviceName: z.string().max(maxDeviceNameLength),
  resolves: z.string().refine(isConflictId, 'must be a conflict id').optional(),
});
const recordSchema = z.object({ conflict: z.unknown() });

export function encodeItemDocument({ content, ancestors, deviceName, resolves }: ItemDocument): Uint8Array {
  return toUtf8(
    canonicalJson({
      format,
      content: encodeContent(content),
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
  const { ancestors, deviceName, resolves } = document.value;
  return ok({ content: content.value, ancestors, deviceName, resolves });
}

export function encodeRecordDocument(conflict: Conflict): Uint8Array {
  return toUtf8(canonicalJson({ format, conflict: encodeConflict(conflict) }));
}

export function decodeRecordDocument(bytes: Uint8Array): Result<Conflict, DocumentError> {
  const document = readDocument(bytes, recordSchema);
  if (!document.ok) return document;
  const conflict = decodeConflict(document.value.conflict);
  if (!conflict.ok) return err({ type: 'malformedDocument', detail: conflict.error.detail });
  return ok(conflict.value);
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
