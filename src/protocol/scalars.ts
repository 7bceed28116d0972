import * as z from 'zod';
import { fromBase64Url } from '../base/encoding';
import {
  type ConflictId,
  hex16Pattern,
  hex32Pattern,
  type ItemId,
  isAccountId,
  isChangeId,
  isConflictId,
  isDeviceId,
  isItemId,
  isKeyId,
  uuidPattern,
} from '../model/ids/ids';
import { isStamp, parseStamp, type Stamp, stampPattern } from '../model/ids/stamp';
import { maxCursorLength, maxDeviceNameLength, maxLoginLength } from './limits';

/** The scalar fields of the protocol, each decoded into its branded type. The patterns are for the OpenAPI file. */

const uuidRule = { pattern: uuidPattern.source };
const hex16Rule = { pattern: hex16Pattern.source };

export const itemIdSchema = z.string().refine(isItemId, 'must be a UUID in lower case').meta(uuidRule);
export const conflictIdSchema = z
  .string()
  .refine(isConflictId, 'must be 32 hexadecimal digits')
  .meta({ pattern: hex32Pattern.source });
export const changeIdSchema = z.string().refine(isChangeId, 'must be a UUID in lower case').meta(uuidRule);
export const accountIdSchema = z.string().refine(isAccountId, 'must be a UUID in lower case').meta(uuidRule);
export const deviceIdSchema = z.string().refine(isDeviceId, 'must be 16 hexadecimal digits').meta(hex16Rule);
export const keyIdSchema = z.string().refine(isKeyId, 'must be 16 hexadecimal digits').meta(hex16Rule);
export const stampSchema = z
  .string()
  .refine(isStamp, 'must be a stamp')
  .meta({ pattern: stampPattern.source });

export const versionSchema = z.int().min(1);
export const sequenceSchema = z.int().min(1);
/** Milliseconds since 1970 by the server's clock. */
export const serverTimeSchema = z.int().min(0);
export const cursorSchema = z.string().min(1).max(maxCursorLength);

export const loginSchema = z
  .string()
  .max(maxLoginLength)
  .regex(
    /^[a-z0-9][a-z0-9._@+-]*$/,
    'lower-case letters, digits and . _ @ + - only, starting with a letter or digit',
  );
export const deviceNameSchema = z.string().trim().min(1).max(maxDeviceNameLength);

/** URL-safe base64 of at most `maxBytes` bytes, decoded. */
export const bytesSchema = (maxBytes: number) =>
  z
    .string()
    .max(Math.ceil((maxBytes * 4) / 3))
    .refine(text => fromBase64Url(text) !== undefined, 'must be URL-safe base64 without padding')
    .meta({ pattern: '^[A-Za-z0-9_-]*$' });

/** The item id or conflict id that a change or a version is about. */
export type SubjectId = ItemId | ConflictId;

/** The milliseconds of a stamp: all that a server reads of it, but for its order. */
export function stampMillis(stamp: Stamp): number {
  return parseStamp(stamp).millis;
}

/** The device that issued a stamp. */
export function stampDevice(stamp: Stamp): string {
  return parseStamp(stamp).deviceId;
}
