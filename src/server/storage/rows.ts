import { z } from 'zod';
import { assert } from '../../base/assert';
import { toBase64Url } from '../../base/encoding';
import type { JsonObject } from '../../base/json';
import { conflictIdSchema, itemIdSchema, type SubjectId, stampSchema } from '../../protocol/scalars';
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

export const entryColumns = 'collection, subject, version, sequence, change_type, timestamp';
export const versionColumns = `${entryColumns}, origin_device_id, key_id, revision, resolves, reseal, extra, payload`;
export const headColumns = 'version, sequence, timestamp, change_type, revision, bytes';

export function entryOf(row: Row): StoredEntry {
  return {
    collection: textOf(row, 'collection') === 'conflict' ? 'conflict' : 'item',
    itemId: textOf(row, 'subject'),
    version: integerOf(row, 'version'),
    sequence: integerOf(row, 'sequence'),
    changeType: changeTypeOf(row),
    timestamp: textOf(row, 'timestamp'),
  };
}

export function versionOf(row: Row): StoredVersion {
  return {
    ...entryOf(row),
    originDeviceId: textOf(row, 'origin_device_id'),
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
    live: changeTypeOf(row) === 'upsert',
    revision: row['revision'] === null ? 0 : integerOf(row, 'revision'),
    bytes: integerOf(row, 'bytes'),
  };
}

/** The item or conflict record that a row is about. */
export function subjectOf(row: Row): SubjectId {
  return textOf(row, 'collection') === 'conflict'
    ? conflictIdSchema.parse(row['subject'])
    : itemIdSchema.parse(row['subject']);
}

function changeTypeOf(row: Row): 'upsert' | 'delete' {
  return textOf(row, 'change_type') === 'delete' ? 'delete' : 'upsert';
}

const objectSchema = z.record(z.string(), z.json());

function objectOf(text: string): JsonObject {
  return objectSchema.parse(JSON.parse(text));
}
