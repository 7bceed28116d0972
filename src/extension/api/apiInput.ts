import * as z from 'zod';
import { err, ok, type Result } from '../../base/result';
import type { DeviceError } from '../../device/deviceError';

/**
 * Schemas of what other extensions give, by type or by command. Loaded on first use: this file brings a library along.
 * `sensitive` is no field here, so it is refused like any unknown one.
 */

const id = z.string().min(1);
const text = z.string();
const texts = z.array(text).readonly();
const kind = z.enum(['note', 'snippet', 'config']);

const fields = {
  title: text.exactOptional(),
  body: text.exactOptional(),
  folder: text.exactOptional(),
  tags: texts.exactOptional(),
  language: text.exactOptional(),
  languages: texts.exactOptional(),
  prefixes: texts.exactOptional(),
  description: text.exactOptional(),
  include: texts.exactOptional(),
  exclude: texts.exactOptional(),
  target: text.nullable().exactOptional(),
  overlays: z.record(text, text).exactOptional(),
  repository: text.nullable().exactOptional(),
  pinned: z.boolean().exactOptional(),
};
const resolution = z.union([
  z.strictObject({ keep: z.enum(['local', 'remote', 'both']) }),
  z.strictObject({ body: text }),
]);

export const itemId = z.union([id, z.strictObject({ id }).transform(given => given.id)]);
export const newItem = z.strictObject({ ...fields, kind, title: text });
export const itemUpdate = z.strictObject({ id, fields: z.strictObject(fields) });
export const listQuery = z
  .strictObject({
    kind: kind.exactOptional(),
    folder: text.exactOptional(),
    tag: text.exactOptional(),
    deleted: z.boolean().exactOptional(),
    limit: z.int().min(1).exactOptional(),
  })
  .default({});
export const searchQuery = z.strictObject({ query: text, limit: z.int().min(1).max(1000).default(50) });
export const conflictQuery = z.strictObject({ all: z.boolean().default(false) }).default({ all: false });
export const conflictResolution = z.strictObject({ id, how: resolution });

/** The decoded value, or what is wrong with it in words. */
export function decodeInput<T>(schema: z.ZodType<T>, value: unknown): Result<T, DeviceError> {
  const decoded = schema.safeParse(value);
  if (decoded.success) return ok(decoded.data);
  return err({ code: 'badInput', message: z.prettifyError(decoded.error) });
}
