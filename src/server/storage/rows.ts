import * as z from 'zod';
import { toBase64Url } from '../../base/encoding';
import type { JsonObject } from '../../base/json';
import {
  conflictIdSchema,
  itemIdSchema,
  type SubjectId,
  stampDevice,
  stampSchema,
} from '../../protocol/scalars';
import type { Row } from '../../sqlite/database';
import { blob, integer, text } from '../../sqlite/rows';
import type { Head } from '../acceptance';
import type { StoredEntry, StoredVersion } from './storage';

export const entryColumns = 'subject, version, sequence, live, timestamp, revision';
export const versionColumns = `${entryColumns}, key_id, resolves, reseal, extra, payload`;
export const headColumns = 'subject, version, sequence, live, timestamp, revision, bytes';

export function entryOf(row: Row): StoredEntry {
  return {
    collection: row['revision'] === null ? 'item' : 'conflict',
    itemId: text(row, 'subject'),
    version: integer(row, 'version'),
    sequence: integer(row, 'sequence'),
    changeType: integer(row, 'live') === 1 ? 'upsert' : 'delete',
    timestamp: text(row, 'timestamp'),
  };
}

export function versionOf(row: Row): StoredVersion {
  return {
    ...entryOf(row),
    originDeviceId: stampDevice(stampSchema.parse(row['timestamp'])),
    keyId: text(row, 'key_id'),
    payload: toBase64Url(blob(row, 'payload')),
    ...(row['resolves'] === null ? {} : { resolves: text(row, 'resolves') }),
    ...(row['reseal'] === null ? {} : { reseal: integer(row, 'reseal') === 1 }),
    ...(row['revision'] === null ? {} : { revision: integer(row, 'revision') }),
    extra: row['extra'] === null ? {} : objectOf(text(row, 'extra')),
  };
}

export function headOf(row: Row): Head {
  return {
    version: integer(row, 'version'),
    sequence: integer(row, 'sequence'),
    timestamp: stampSchema.parse(row['timestamp']),
    live: integer(row, 'live') === 1,
    revision: row['revision'] === null ? 0 : integer(row, 'revision'),
    bytes: integer(row, 'bytes'),
  };
}

/** The item or conflict record that a row is about. */
export function subjectOf(row: Row): SubjectId {
  return row['revision'] === null
    ? itemIdSchema.parse(row['subject'])
    : conflictIdSchema.parse(row['subject']);
}

const objectSchema = z.record(z.string(), z.json());

export function objectOf(json: string): JsonObject {
  return objectSchema.parse(JSON.parse(json));
}
