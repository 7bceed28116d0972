import * as z from 'zod';
import { assert } from '../../base/assert';
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
import type { Head } from '../acceptance';
import type { StoredEntry, StoredVersion } from './storage';

/** Reads typed values out of rows that this server wrote; anything else is a bug or damage, and throws. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === 'string', `${column} is not text`);
  return value;
}

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  assert(typeof value === 'number' && Number.isSafeInteger(value), `${column} is not an integer`);
  return value;
}

export function blobOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  assert(value instanceof Uint8Array, `${column} is not a blob`);
  return value;
}

export const entryColumns = 'subject, version, sequence, live, timestamp, revision';
export const versionColumns = `${entryColumns}, key_id, resolves, reseal, extra, payload`;
export const headColumns = 'subject, version, sequence, live, timestamp, revision, bytes';

export function entryOf(row: Row): StoredEntry {
  return {
    collection: row['revision'] === null ? 'item' : 'conflict',
    itemId: textOf(row, 'subject'),
    version: integerOf(row, 'version'),
    sequence: integerOf(row, 'sequence'),
    changeType: integerOf(row, 'live') === 1 ? 'upsert' : 'delete',
    timestamp: textOf(row, 'timestamp'),
  };
}

export function versionOf(row: Row): StoredVersion {
  return {
    ...entryOf(row),
    originDeviceId: stampDevice(stampSchema.parse(row['timestamp'])),
    keyId: textOf(row, 'key_id'),
    payload: toBase64Url(blobOf(row, 'payload')),
    ...(row['resolves'] === null ? {} : { resolves: textOf(row, 'resolves') }),
    ...(row['reseal'] === null ? {} : { reseal: integerOf(row, 'reseal') === 1 }),
    ...(row['revision'] === null ? {} : { revision: integerOf(row, 'revision') }),
    extra: row['extra'] === null ? {} : objectOf(textOf(row, 'extra')),
  };
}

export function headOf(row: Row): Head {
  return {
    version: integerOf(row, 'version'),
    sequence: integerOf(row, 'sequence'),
    timestamp: stampSchema.parse(row['timestamp']),
    live: integerOf(row, 'live') === 1,
    revision: row['revision'] === null ? 0 : integerOf(row, 'revision'),
    bytes: integerOf(row, 'bytes'),
  };
}

/** The item or conflict record that a row is about. */
export function subjectOf(row: Row): SubjectId {
  return row['revision'] === null
    ? itemIdSchema.parse(row['subject'])
    : conflictIdSchema.parse(row['subject']);
}

const objectSchema = z.record(z.string(), z.json());

export function objectOf(text: string): JsonObject {
  return objectSchema.parse(JSON.parse(text));
}
