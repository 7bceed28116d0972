import type { Disposable } from '../../base/event';
import type { JsonObject } from '../../base/json';
import type { Result } from '../../base/result';
import type { Kdf } from '../../protocol/accounts';
import type { StorageError } from '../../sqlite/database';
import type { PlannedAnswer, PushedChange, PushLimits } from '../acceptance';
import type { Cursor } from '../cursors';

/**
 * What the server keeps. Every operation is one transaction of its own, so that an implementation over a database
 * server with several processes fits behind the same interface. Times are milliseconds since 1970, given by the caller.
 */
export interface ServerStorage extends AccountStorage, ChangeStorage, UpkeepStorage {
  /** Hears that another process changed something: devices may have been revoked, heads may have moved. */
  onForeignCommit(listener: () => void): Disposable;
  close(): Promise<void>;
}

export type Stored<T, E = never> = Promise<Result<T, E | StorageError>>;

export interface AccountStorage {
  createInvite(invite: { hash: string; createdAt: number; expiresAt: number }): Stored<void>;
  /** True while the invite exists and has not expired. */
  isInviteUsable(hash: string, now: number): Stored<boolean>;
  /** Creates account and first device, and uses up the invite, all or nothing. */
  createAccount(account: NewAccount): Stored<StoredKeyring, CreateAccountError>;
  findCredentials(by: { login: string } | { accountId: string }): Stored<Credentials | undefined>;
  listAccounts(): Stored<readonly AccountSummary[]>;
  deleteAccount(accountId: string): Stored<boolean>;

  findKeyring(accountId: string): Stored<StoredKeyring | undefined>;
  /** The keys that any payload of the account is sealed with, in order, at most `limit`. Looks at every version. */
  usedKeyIds(accountId: string, limit: number): Stored<readonly string[]>;
  /** Compare-and-set on `baseVersion`; fields left out stay as they are. */
  replaceKeyring(replacement: KeyringReplacement): Stored<StoredKeyring, ReplaceKeyringError>;

  /** Creates the device, or replaces the token of the one that has this id. */
  signInDevice(device: NewDevice & { accountId: string }): Stored<StoredKeyring, SignInDeviceError>;
  findDevice(accountId: string, deviceId: string): Stored<StoredDevice | undefined>;
  listDevices(accountId: string): Stored<readonly StoredDevice[]>;
  markSeen(accountId: string, deviceId: string, now: number): Stored<void>;
  /** Removes the device, its token and the answers remembered for it. False when there is no such device. */
  revokeDevice(accountId: string, deviceId: string): Stored<boolean>;
}

export interface ChangeStorage {
  /**
   * Takes a batch in: all that is acceptable by `planPush` is written, with sequence numbers that no reader can skip.
   * A cursor that this server cannot have issued starts a new epoch first, and then nothing is written.
   */
  push(batch: PushBatch): Stored<PushOutcome, CursorError | AccessGone | TooManyRemembered>;
  /** One page after the cursor. Reading with a cursor acknowledges it for the device. */
  pull(request: PullRequest): Stored<PulledPage, CursorError | AccessGone>;
  manifest(request: { accountId: string; after: string; limit: number }): Stored<ManifestPage, AccessGone>;
  findItem(accountId: string, subject: string): Stored<StoredVersion | undefined>;
  /** Newest first, bounded by count and by payload bytes; at least one when there is one. */
  listVersions(request: VersionsRequest): Stored<{ versions: readonly StoredVersion[]; hasMore: boolean }>;
}

export interface UpkeepStorage {
  /** The secret of this store, made of `candidate` when there is none yet. */
  secret(candidate: Uint8Array): Stored<Uint8Array>;
  counts(): Stored<{ accounts: number; invites: number }>;
  /** What every active device has acknowledged and the retention has passed over goes. One account a transaction. */
  prune(request: { now: number; retentionMs: number }): Stored<PruneOutcome>;
  /** What of the stored sums, heads and digests does not agree; empty for a sound store. */
  checkConsistency(): Stored<readonly string[]>;
  /** For each stream: whether its token is still good, and the account's head. */
  streamStates(streams: readonly StreamKey[]): Stored<readonly { valid: boolean; head: number }[]>;
}

export interface NewDevice {
  readonly deviceId: string;
  readonly name: string;
  readonly tokenHash: string;
  readonly now: number;
}

export interface NewAccount {
  readonly accountId: string;
  readonly login: string;
  readonly kdf: Kdf;
  readonly authHash: string;
  readonly recoveryHash: string;
  readonly wrapped: string;
  readonly recoveryWrapped: string;
  /** Fields of the key ring that this version does not know. */
  readonly extra: JsonObject;
  readonly device: NewDevice;
  /** Undefined when signing up is open. */
  readonly inviteHash: string | undefined;
}

export interface Credentials {
  readonly accountId: string;
  readonly kdf: Kdf;
  readonly authHash: string;
  readonly recoveryHash: string;
}

export interface StoredKeyring {
  readonly version: number;
  readonly wrapped: string;
  readonly recoveryWrapped: string;
  /** Fields that this version does not know. */
  readonly extra: JsonObject;
}

export interface KeyringReplacement {
  readonly accountId: string;
  readonly baseVersion: number;
  readonly wrapped?: string;
  readonly recoveryWrapped?: string;
  readonly kdf?: Kdf;
  readonly authHash?: string;
  readonly recoveryHash?: string;
  /** Added to those that are retired already: a key never comes back. */
  readonly retiredKeyIds?: readonly string[];
  /** In the place of the fields that this version does not know; left out: they stay. */
  readonly extra?: JsonObject;
}

export interface StoredDevice {
  readonly deviceId: string;
  readonly name: string;
  readonly tokenHash: string;
  readonly createdAt: number;
  readonly lastSeenAt: number;
}

export interface AccountSummary {
  readonly accountId: string;
  readonly login: string;
  readonly createdAt: number;
  readonly devices: number;
  readonly liveItems: number;
  readonly bytes: number;
}

export interface PushBatch {
  readonly accountId: string;
  readonly deviceId: string;
  /** Null before the device's first pull. */
  readonly cursor: Cursor | null;
  readonly changes: readonly PushedChange[];
  readonly now: number;
  readonly limits: PushLimits;
}

export interface PushOutcome {
  readonly answers: readonly AnsweredChange[];
  /** The account's last sequence after the push. */
  readonly head: number;
  /** Present when the batch's cursor was at the head. */
  readonly next?: { readonly cursor: Cursor; readonly digest: string };
}

/** An answer with what it quotes: the current version of a conflict. */
export interface AnsweredChange {
  readonly changeId: string;
  readonly answer: PlannedAnswer;
  readonly current: StoredVersion | null;
}

export interface PullRequest {
  readonly accountId: string;
  readonly deviceId: string;
  /** Null for everything. */
  readonly cursor: Cursor | null;
  readonly limit: number;
  readonly maxPayloadBytes: number;
  readonly now: number;
}

export interface PulledPage {
  readonly versions: readonly StoredVersion[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  /** On the last page. */
  readonly digest?: string;
}

export interface ManifestPage {
  readonly entries: readonly StoredEntry[];
  readonly hasMore: boolean;
  readonly cursor: Cursor;
}

export interface VersionsRequest {
  readonly accountId: string;
  readonly subject: string;
  /** Only versions below this one. */
  readonly before: number;
  readonly limit: number;
  readonly maxPayloadBytes: number;
}

export interface StoredEntry {
  readonly collection: 'item' | 'conflict';
  readonly itemId: string;
  readonly version: number;
  readonly sequence: number;
  readonly changeType: 'upsert' | 'delete';
  readonly timestamp: string;
}

export interface StoredVersion extends StoredEntry {
  readonly originDeviceId: string;
  readonly keyId: string;
  /** URL-safe base64. */
  readonly payload: string;
  readonly resolves?: string;
  readonly reseal?: boolean;
  readonly revision?: number;
  /** Fields that this version of the server does not know. */
  readonly extra: JsonObject;
}

export interface StreamKey {
  readonly accountId: string;
  readonly deviceId: string;
  readonly tokenHash: string;
}

export interface PruneOutcome {
  readonly tombstones: number;
  readonly versions: number;
  readonly marks: number;
}

export type CreateAccountError =
  | { readonly type: 'loginTaken' }
  | { readonly type: 'accountIdTaken' }
  | { readonly type: 'inviteInvalid' };
export type ReplaceKeyringError = AccessGone | { readonly type: 'keyringChanged'; readonly version: number };
export type SignInDeviceError = AccessGone | { readonly type: 'tooManyDevices' };
/** The account, or the device, no longer exists. */
export interface AccessGone {
  readonly type: 'accessGone';
}
/** The device has so many answers remembered that it must pull before it pushes on. */
export interface TooManyRemembered {
  readonly type: 'tooManyRemembered';
}
export type CursorError =
  /** The cursor is of another epoch, or its mark is not this server's. */
  | { readonly type: 'epochChanged'; readonly startedNow: boolean }
  /** What came after the cursor has been pruned. */
  | { readonly type: 'cursorExpired' };
