import * as z from 'zod';
import { assert, defined } from '../base/assert';
import { fromBase64Url, fromUtf8, toBase64Url, toUtf8 } from '../base/encoding';
import { type JsonObject, parseJson } from '../base/json';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { createKeyId } from '../model/ids/createId';
import { type AccountId, isKeyId, type KeyId } from '../model/ids/ids';
import { boxOverheadBytes, type Malformed, openBox, sealBox, type UnsupportedVersion } from './sealedBox';
import { keyBytes } from './xchacha';

/**
 * The key ring: the data keys of an account. New payloads are sealed with the current one; retired ones open what was
 * sealed before a rotation, until nothing uses them any more.
 */

export interface KeyRing {
  /**
   * Grows with each change of the ring. A device that holds a ring refuses one with a lower revision: it would be an
   * old one played back, with a key that was retired for a reason.
   */
  readonly revision: number;
  /** Names the one key that is not retired. */
  readonly current: KeyId;
  /** Oldest first. */
  readonly keys: readonly DataKey[];
  /** Fields that a newer version wrote: kept, and wrapped again with the ring. */
  readonly extra?: JsonObject;
}

/** A key that seals payloads. */
export interface DataKey {
  readonly keyId: KeyId;
  /** 32 random bytes. */
  readonly key: Uint8Array;
  /** Milliseconds since 1970, by the clock of the device that made it. */
  readonly createdAt: number;
  /** A retired key opens, and seals nothing new. */
  readonly retired: boolean;
  /** Fields that a newer version wrote. */
  readonly extra?: JsonObject;
}

/** A ring of {@link maxKeys} keys takes no more; wrapped it would near what a server stores. */
export interface KeyRingFull {
  readonly type: 'keyRingFull';
}

/** The ring has no such key: it was rotated on another device. The password fetches the new ring. */
export interface KeyMissing {
  readonly type: 'keyMissing';
  readonly keyId: KeyId;
}

/** The password or the recovery phrase is not this account's. */
export interface WrongKey {
  readonly type: 'wrongKey';
}

export type UnwrapKeyRingError = WrongKey | DecodeKeyRingError;
export type DecodeKeyRingError = Malformed | UnsupportedVersion;

export const maxKeys = 100;
const ringFormatVersion = 1;

export function createKeyRing(random: Random, now: number): KeyRing {
  const first = createDataKey(random, now);
  return { revision: 1, current: first.keyId, keys: [first] };
}

/** Rotation: a new current key; the one before is retired. */
export function addKey(ring: KeyRing, random: Random, now: number): Result<KeyRing, KeyRingFull> {
  if (ring.keys.length >= maxKeys) return err({ type: 'keyRingFull' });
  const added = createDataKey(random, now);
  const retired = ring.keys.map(key => ({ ...key, retired: true }));
  return ok({ ...ring, revision: ring.revision + 1, current: added.keyId, keys: [...retired, added] });
}

/** Takes a retired key out; the same ring when it is out already. What was sealed with it can never be opened again. */
export function removeKey(ring: KeyRing, keyId: KeyId): KeyRing {
  assert(keyId !== ring.current, 'the current key stays in the ring');
  const keys = ring.keys.filter(key => key.keyId !== keyId);
  return keys.length === ring.keys.length ? ring : { ...ring, revision: ring.revision + 1, keys };
}

export function findKey(ring: KeyRing, keyId: KeyId): DataKey | undefined {
  return ring.keys.find(key => key.keyId === keyId);
}

/** The key for everything new. */
export function currentKey(ring: KeyRing): DataKey {
  return defined(findKey(ring, ring.current), 'a ring holds its current key');
}

/** The opened ring as text, for the device's secret storage. It is as secret as the keys. */
export function encodeKeyRing(ring: KeyRing): string {
  return JSON.stringify({
    ...ring.extra,
    version: ringFormatVersion,
    revision: ring.revision,
    current: ring.current,
    keys: ring.keys.map(({ keyId, key, createdAt, retired, extra }) => ({
      ...extra,
      keyId,
      key: toBase64Url(key),
      createdAt,
      retired,
    })),
  });
}

export function decodeKeyRing(text: string): Result<KeyRing, DecodeKeyRingError> {
  const json = parseJson(text);
  const versioned = versionedSchema.safeParse(json);
  if (!versioned.success) return err({ type: 'malformed', detail: 'it is not a key ring' });
  const { version } = versioned.data;
  if (version !== ringFormatVersion) return err({ type: 'unsupportedVersion', version });
  const ring = ringSchema.safeParse(json);
  if (!ring.success) return err({ type: 'malformed', detail: wrongFields(ring.error) });
  const { version: _, revision, current, keys, ...extra } = ring.data;
  return ok({
    revision,
    current,
    keys: keys.map(({ keyId, key, createdAt, retired, ...rest }) => ({
      keyId,
      key,
      createdAt,
      retired,
      ...unknownOf(rest),
    })),
    ...unknownOf(extra),
  });
}

/**
 * The ring as the server stores it: a check value (nothing, sealed), then the ring, both under the wrapping key. The
 * check value tells a wrong password from a damaged ring.
 */
export function wrapKeyRing(
  ring: KeyRing,
  wrappingKey: Uint8Array,
  accountId: AccountId,
  random: Random,
): Uint8Array {
  const check = sealBox(new Uint8Array(), wrappingKey, checkContext(accountId), random);
  const box = sealBox(toUtf8(encodeKeyRing(ring)), wrappingKey, ringContext(accountId), random);
  const wrapped = new Uint8Array(checkBytes + box.length);
  wrapped.set(check);
  wrapped.set(box, checkBytes);
  return wrapped;
}

export function unwrapKeyRing(
  wrapped: Uint8Array,
  wrappingKey: Uint8Array,
  accountId: AccountId,
): Result<KeyRing, UnwrapKeyRingError> {
  const check = openBox(wrapped.subarray(0, checkBytes), wrappingKey, checkContext(accountId));
  const opened = openBox(wrapped.subarray(checkBytes), wrappingKey, ringContext(accountId));
  if (opened.ok) {
    const text = fromUtf8(opened.value);
    return text === undefined ? err({ type: 'malformed', detail: 'it is not text' }) : decodeKeyRing(text);
  }
  if (!check.ok) return check.error.type === 'tampered' ? err({ type: 'wrongKey' }) : err(check.error);
  return opened.error.type === 'tampered'
    ? err({ type: 'malformed', detail: 'the key is right, but the ring was damaged' })
    : err(opened.error);
}

function createDataKey(random: Random, now: number): DataKey {
  return { keyId: createKeyId(random), key: random.bytes(keyBytes), createdAt: now, retired: false };
}

const checkBytes = boxOverheadBytes;
const checkContext = (accountId: AccountId) => ({ purpose: 'keyRingCheck', parts: [accountId] }) as const;
const ringContext = (accountId: AccountId) => ({ purpose: 'keyRing', parts: [accountId] }) as const;

const keyIdSchema = z.string().refine(isKeyId);
const keySchema = z.string().transform((text, context) => {
  const bytes = fromBase64Url(text);
  if (bytes?.length === keyBytes) return bytes;
  context.addIssue({ code: 'custom' });
  return z.NEVER;
});

/** The fields that this version does not know, when there are any. */
function unknownOf(fields: Readonly<Record<string, unknown>>): { readonly extra?: JsonObject } {
  return Object.keys(fields).length === 0 ? {} : { extra: z.record(z.string(), z.json()).parse(fields) };
}

const versionedSchema = z.looseObject({ version: z.int() });
const ringSchema = z
  .looseObject({
    version: z.int(),
    revision: z.int().min(1),
    current: keyIdSchema,
    keys: z
      .array(
        z.looseObject({
          keyId: keyIdSchema,
          key: keySchema,
          createdAt: z.int().min(0),
          retired: z.boolean(),
        }),
      )
      .min(1)
      .max(maxKeys),
  })
  .refine(({ keys }) => new Set(keys.map(({ keyId }) => keyId)).size === keys.length, { path: ['keys'] })
  .refine(({ current, keys }) => keys.every(({ keyId, retired }) => retired === (keyId !== current)), {
    path: ['current'],
  })
  .refine(({ current, keys }) => keys.some(({ keyId }) => keyId === current), { path: ['current'] });

/** Names fields only: what is in them is secret. */
function wrongFields(error: z.ZodError): string {
  const paths = error.issues.map(({ path }) => path.join('.') || 'the whole');
  return `wrong in it: ${[...new Set(paths)].join(', ')}`;
}
