import * as z from 'zod';
import {
  authKeyBytes,
  maxInviteLength,
  maxKeyringBytes,
  maxListedDevices,
  maxListedKeyIds,
  saltBytes,
} from './limits';
import {
  accountIdSchema,
  bytesSchema,
  deviceIdSchema,
  deviceNameSchema,
  keyIdSchema,
  loginSchema,
  serverTimeSchema,
} from './scalars';

/** Accounts, devices, key rings. Every key here is derived or wrapped on the device; the server stores only hashes. */

/** Beyond these a derivation could exhaust a device; its own floors and ceilings are stricter. */
export const maxKdfMemoryKib = 1024 * 1024;
export const maxKdfPasses = 20;

/** Parameters of argon2id (RFC 9106). */
export const kdfSchema = z.object({
  algorithm: z.literal('argon2id'),
  memoryKib: z.int().min(1).max(maxKdfMemoryKib),
  passes: z.int().min(1).max(maxKdfPasses),
  parallelism: z.int().min(1).max(4),
  salt: bytesSchema(saltBytes),
});
export type Kdf = z.infer<typeof kdfSchema>;

/** Exactly as long as HKDF makes it: a shorter one could be guessed. */
const authKeySchema = bytesSchema(authKeyBytes).length(Math.ceil((authKeyBytes * 4) / 3));
const wrappedSchema = bytesSchema(maxKeyringBytes);
const deviceSchema = z.object({ deviceId: deviceIdSchema, name: deviceNameSchema });

/** The key ring as the server holds it: wrapped, with a version that grows by one at each replacement. */
export const keyringSchema = z.looseObject({
  version: z.int().min(1),
  /** The ring wrapped by the password's wrapping key. */
  wrapped: wrappedSchema,
  /** The ring wrapped by the recovery phrase's wrapping key. */
  recoveryWrapped: wrappedSchema,
});
export type WireKeyring = z.infer<typeof keyringSchema>;

/** `GET /v1/accounts/me/keys`: the keys that any payload is sealed with, history and tombstones included. */
export const usedKeysAnswerSchema = z.looseObject({
  keyIds: z.array(keyIdSchema).max(maxListedKeyIds),
  /** True when there are more than an answer takes. */
  hasMore: z.boolean(),
  serverTime: serverTimeSchema,
});
export type UsedKeysAnswer = z.infer<typeof usedKeysAnswerSchema>;

/** `POST /v1/accounts`. */
export const signUpRequestSchema = z.object({
  login: loginSchema,
  invite: z.string().max(maxInviteLength).exactOptional(),
  /** Made by the device: it is bound into what the device seals. */
  accountId: accountIdSchema,
  kdf: kdfSchema,
  authKey: authKeySchema,
  recoveryAuthKey: authKeySchema,
  keyring: z.looseObject({ wrapped: wrappedSchema, recoveryWrapped: wrappedSchema }),
  device: deviceSchema,
});
export type SignUpRequest = z.infer<typeof signUpRequestSchema>;

/** Which of two keys proves who asks, for the OpenAPI file. */
const oneKeyRule = { oneOf: [{ required: ['authKey'] }, { required: ['recoveryAuthKey'] }] };

/** `POST /v1/devices`: exactly one of `authKey` and `recoveryAuthKey`. */
export const signInRequestSchema = z
  .object({
    login: loginSchema,
    authKey: authKeySchema.exactOptional(),
    recoveryAuthKey: authKeySchema.exactOptional(),
    device: deviceSchema,
  })
  .meta(oneKeyRule);
export type SignInRequest = z.infer<typeof signInRequestSchema>;

/** Answer of both. `token` is shown once; it names account and device, and the server keeps its hash. */
export const sessionAnswerSchema = z.looseObject({
  accountId: accountIdSchema,
  token: z.string().min(1).max(500),
  keyring: keyringSchema,
  serverTime: serverTimeSchema,
});
export type SessionAnswer = z.infer<typeof sessionAnswerSchema>;

/**
 * `PUT /v1/accounts/me/keyring`: compare-and-set on `baseVersion`. Fields that are not of this schema are the ring's, and
 * are given back with it.
 */
export const putKeyringRequestSchema = z.looseObject({
  authKey: authKeySchema,
  baseVersion: z.int().min(1),
  wrapped: wrappedSchema,
  recoveryWrapped: wrappedSchema,
  /** With a new recovery phrase: the hash of it is replaced in the same step. */
  recoveryAuthKey: authKeySchema.exactOptional(),
  /** Key ids under which nothing new may be sealed. */
  retiredKeyIds: z.array(z.string().max(16)).max(100).exactOptional(),
});

/** `PUT /v1/accounts/me/password`: exactly one of `authKey` and `recoveryAuthKey` proves who asks. */
export const putPasswordRequestSchema = z
  .object({
    authKey: authKeySchema.exactOptional(),
    recoveryAuthKey: authKeySchema.exactOptional(),
    kdf: kdfSchema,
    newAuthKey: authKeySchema,
    baseVersion: z.int().min(1),
    wrapped: wrappedSchema,
  })
  .meta(oneKeyRule);

/** `PUT /v1/accounts/me/recovery`: a new phrase, which voids the old. */
export const putRecoveryRequestSchema = z.object({
  authKey: authKeySchema,
  newRecoveryAuthKey: authKeySchema,
  baseVersion: z.int().min(1),
  recoveryWrapped: wrappedSchema,
});

/** `DELETE /v1/accounts/me`, and `DELETE /v1/devices/{id}` of another device. A device may revoke itself without. */
export const proofRequestSchema = z.object({ authKey: authKeySchema });

export const deviceEntrySchema = z.looseObject({
  deviceId: deviceIdSchema,
  name: z.string(),
  createdAt: serverTimeSchema,
  lastSeenAt: serverTimeSchema,
  /** True for the device that asks. */
  current: z.boolean(),
});
export type DeviceEntry = z.infer<typeof deviceEntrySchema>;

export const devicesAnswerSchema = z.looseObject({
  devices: z.array(deviceEntrySchema).max(maxListedDevices),
});
