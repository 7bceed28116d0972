import * as z from 'zod';
import { isJsonObject, type JsonObject } from '../base/json';
import { err, ok, type Result } from '../base/result';
import type { Conflict, ConflictSide } from './conflict';
import { decodeContent, encodeContent, type MalformedContent } from './contentCodec';
import { isConflictId, isDeviceId, isItemId } from './ids/ids';
import { isStamp } from './ids/stamp';

/** The JSON form of a conflict record, as it is stored and sealed. */

const maxKeys = 1000;

const sideSchema = z.object({
  stamp: z.string().refine(isStamp, 'must be a stamp'),
  deviceId: z.string().refine(isDeviceId, 'must be a device id'),
  deviceName: z.string(),
  version: z.int().min(0),
  deleted: z.boolean(),
  content: z.unknown(),
});

const conflictSchema = z.object({
  id: z.string().refine(isConflictId, 'must be a conflict id'),
  itemId: z.string().refine(isItemId, 'must be an item id'),
  base: z.unknown().optional(),
  earlier: z.unknown(),
  later: z.unknown(),
  outcome: z.enum(['merged', 'lastWriterWins']),
  keys: z.array(z.string()).max(maxKeys),
  detectedAt: z.string().refine(isStamp, 'must be a stamp'),
  detectedBy: z.string().refine(isDeviceId, 'must be a device id'),
  state: z.enum(['open', 'resolved', 'auto']),
  resolution: z.enum(['keepLocal', 'keepRemote', 'keepBoth', 'merge', 'undo']).exactOptional(),
  revision: z.int().min(1),
  stamp: z.string().refine(isStamp, 'must be a stamp'),
});

export function encodeConflict(conflict: Conflict): JsonObject {
  const { base, earlier, later, resolution, extra, ...rest } = conflict;
  return {
    ...extra,
    ...rest,
    keys: rest.keys.slice(0, maxKeys),
    earlier: encodeSide(earlier),
    later: encodeSide(later),
    ...(base === undefined ? {} : { base: encodeSide(base) }),
    ...(resolution === undefined ? {} : { resolution }),
  };
}

export function decodeConflict(value: unknown): Result<Conflict, MalformedContent> {
  const record = conflictSchema.safeParse(value);
  if (!record.success) return err({ type: 'malformedContent', detail: z.prettifyError(record.error) });
  const { base, earlier, later, ...known } = record.data;
  const rest = { ...known, ...extraOf(value, conflictSchema.shape) };
  const earlierSide = decodeSide(earlier);
  if (!earlierSide.ok) return earlierSide;
  const laterSide = decodeSide(later);
  if (!laterSide.ok) return laterSide;
  if (base === undefined) return ok({ ...rest, earlier: earlierSide.value, later: laterSide.value });
  const baseSide = decodeSide(base);
  if (!baseSide.ok) return baseSide;
  return ok({ ...rest, earlier: earlierSide.value, later: laterSide.value, base: baseSide.value });
}

/** True when a side of the record holds an item that is encrypted at rest. */
export function isSensitiveConflict({ base, earlier, later }: Conflict): boolean {
  return [base, earlier, later].some(side => side?.content.sensitive === true);
}

function encodeSide({ extra, ...side }: ConflictSide): JsonObject {
  return { ...extra, ...side, content: encodeContent(side.content) };
}

/** The fields that this version does not know. */
function extraOf(value: unknown, known: object): { readonly extra?: JsonObject } {
  if (!isJsonObject(value)) return {};
  const unknown = Object.entries(value).filter(([name]) => !Object.hasOwn(known, name));
  return unknown.length === 0 ? {} : { extra: Object.fromEntries(unknown) };
}

function decodeSide(value: unknown): Result<ConflictSide, MalformedContent> {
  const side = sideSchema.safeParse(value);
  if (!side.success) return err({ type: 'malformedContent', detail: z.prettifyError(side.error) });
  const content = decodeContent(side.data.content);
  if (!content.ok) return content;
  const { stamp, deviceId, deviceName, version, deleted } = side.data;
  const known = { stamp, deviceId, deviceName, version, deleted, content: content.value };
  return ok({ ...known, ...extraOf(value, sideSchema.shape) });
}
