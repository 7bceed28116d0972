import * as z from 'zod';
import { canonicalJson, isJsonObject, type JsonObject } from '../base/json';
import { err, ok, type Result } from '../base/result';
import type { Content } from './content';

/**
 * The JSON form of a content: its fields side by side with those of a newer version (`extra`). The same form is
 * stored, sealed and compared, so equal contents have equal texts.
 */

export const maxTitleLength = 500;
export const maxFolderLength = 1000;
export const maxListEntries = 500;
export const maxEntryLength = 500;

function isOverlays(value: unknown): boolean {
  return (
    isJsonObject(value) &&
    Object.entries(value).every(([name, text]) => name.length <= maxEntryLength && typeof text === 'string')
  );
}

const entry = z.string().max(maxEntryLength);
const list = z.array(entry).max(maxListEntries);
const common = {
  title: z.string().max(maxTitleLength),
  body: z.string(),
  folder: z.string().max(maxFolderLength),
  tags: list,
  pinned: z.boolean(),
  sensitive: z.boolean(),
};
const fieldsByKind = {
  note: z.object({ kind: z.literal('note'), ...common, language: entry, repository: entry.exactOptional() }),
  snippet: z.object({
    kind: z.literal('snippet'),
    ...common,
    prefixes: list,
    languages: list,
    description: z.string(),
    include: list,
    exclude: list,
  }),
  config: z.object({
    kind: z.literal('config'),
    ...common,
    language: entry,
    target: entry.exactOptional(),
    overlays: z.custom<Readonly<Record<string, string>>>(isOverlays, 'must be texts by name'),
  }),
};
const contentFields = z.discriminatedUnion('kind', [
  fieldsByKind.note,
  fieldsByKind.snippet,
  fieldsByKind.config,
]);

export interface MalformedContent {
  readonly type: 'malformedContent';
  /** What is wrong, naming the field but never quoting its text. */
  readonly detail: string;
}

/** Decodes the JSON value of a content. Fields that this version does not know are kept in `extra`. */
export function decodeContent(value: unknown): Result<Content, MalformedContent> {
  const fields = contentFields.safeParse(value);
  if (!fields.success) return err({ type: 'malformedContent', detail: z.prettifyError(fields.error) });
  const known = fieldsByKind[fields.data.kind].shape;
  const others = Object.entries(Object(value)).filter(([name]) => !Object.hasOwn(known, name));
  if (others.length === 0) return ok({ ...fields.data, extra: {} });
  const extra: unknown = Object.fromEntries(others);
  if (!isJsonObject(extra)) return err({ type: 'malformedContent', detail: 'a field is not JSON' });
  return ok({ ...fields.data, extra });
}

export function encodeContent(content: Content): JsonObject {
  const { extra, ...fields } = content;
  return { ...extra, ...fields };
}

/** Canonical JSON text: equal contents give equal texts. */
export function contentText(content: Content): string {
  return canonicalJson(encodeContent(content));
}

export function sameContent(left: Content, right: Content): boolean {
  return contentText(left) === contentText(right);
}
