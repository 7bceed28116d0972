import * as z from 'zod';
import { type DurationBuckets, durationBucketCount, noDurations } from '../base/durations';
import { parseJson } from '../base/json';
import {
  type AccountId,
  type DeviceId,
  isAccountId,
  isDeviceId,
  isKeyId,
  type KeyId,
} from '../model/ids/ids';
import { text } from '../sqlite/rows';
import type { AtRestPolicy } from './payloads';
import type { StoreTransaction } from './transaction';

/**
 * What a device remembers beside its items: one JSON value a key in the `meta` table, decoded by the schema of its
 * key. A key that was never written reads as undefined.
 */
export interface DeviceState {
  readonly device: { readonly id: DeviceId; readonly name: string };
  /** The hybrid logical clock: the greatest reading issued or taken over. */
  readonly clock: { readonly millis: number; readonly counter: number };
  /** Server time less this machine's wall time, in milliseconds. */
  readonly clockOffsetMs: number;
  /** What the last answer of the server that was followed said of the time, as far as it was kept. */
  readonly timeAnchor: TimeAnchor;
  readonly account: { readonly id: AccountId; readonly login: string; readonly server: string };
  /** False after signing out; the account is remembered, so that another one is recognised. */
  readonly signedIn: boolean;
  /** The server's opaque cursor after the last page that was applied. */
  readonly cursor: string;
  /** The digest of what this device holds as synced; see the protocol's digest. */
  readonly digest: string;
  /** A reconcile that is to be done before anything else is pulled. */
  readonly reconcile: ReconcileReason;
  /** The server's cursor when that reconcile began: what it has taken up since may be newer than this device's own. */
  readonly comparedCursor: string;
  /** When the last reconcile for a digest mismatch was done, milliseconds since 1970. */
  readonly digestReconciledMs: number;
  /** The server has accepted changes that come after the cursor: others had pushed in between. */
  readonly pushedAhead: true;
  /** The id of the key that everything on the server, but for its history, is known to be sealed with. */
  readonly resealedWith: KeyId;
  /** When the server was last asked again for what came unsound, milliseconds since 1970. */
  readonly unsoundFetchedMs: number;
  /** Grows with every commit of a sync cycle, so that one that was overtaken by another finds out; see the lease. */
  readonly fence: number;
  readonly lastSyncMs: number;
  /** What the sync cycles of this device have cost; idle ones only while they were counted in memory. */
  readonly counters: SyncCounters;
  /** How the last sync cycle ended, when a person should know; undefined when all was well. */
  readonly syncTrouble: SyncTrouble;
  readonly paused: boolean;
  /** A mass change that waits for a person's answer. */
  readonly guard: HeldMassChange;
  /** The key that encrypts at rest, wrapped by the account's data key of this id. */
  readonly wrappedLocalKey: { readonly keyId: string; readonly wrapped: string };
  /** Tells the local key from another one without telling anything of it; set before the first value is sealed. */
  readonly localKeyPrint: string;
  /** The last rounds of upkeep; times in milliseconds since 1970. */
  readonly upkeep: {
    /** When a round was last done to its end; a later one within a day need not be noted. */
    readonly doneMs: number;
    /** When every page was last looked at. */
    readonly checkedMs?: number;
    /** Where a round that ran out of time goes on: its step, and the item whose history came last. */
    readonly at?: { readonly step: number; readonly versionsAfter?: string };
  };
  /** The last daily snapshot that was due, and what the store looked like then. */
  readonly dailySnapshot: { readonly atMs: number; readonly mark: string };
  /** Up to where the time has gone on by which things age; see the aging. */
  readonly agingMs: number;
  /** While the search index is not whole: rows from this one on are not in it yet. */
  readonly searchIndexedBelow: number;
  /**
   * By which policy the rows lie in the file; while they are rewritten, the row after which that goes on; then whether
   * the snapshots are still to follow.
   */
  readonly atRest: {
    readonly policy: AtRestPolicy;
    readonly afterRid?: number;
    readonly snapshotsDue?: boolean;
  };
}

export interface HeldMassChange {
  readonly changed: number;
  /** Live items before it. */
  readonly total: number;
  /** The id of the snapshot that was taken. */
  readonly snapshot: string;
  /** The corrected time at which it was held; older versions of the product did not note it. */
  readonly heldMs?: number;
}

/** The clocks at the moment of one answer of the server, in milliseconds. */
export interface TimeAnchor {
  readonly serverMs: number;
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** Names the time since the machine was started, where the system says it. */
  readonly boot?: string;
}

export interface SyncTrouble {
  /** What kind of failure it was; left out when the cycle succeeded all the same. */
  readonly code?: string;
  /** For a person. */
  readonly message: string;
}

/** Why everything is compared with the server's manifest. */
export type ReconcileReason = 'newEpoch' | 'cursorExpired' | 'digestMismatch';

export interface SyncCounters {
  readonly succeeded: number;
  readonly failed: number;
  /** Requests for a page of changes, and the time they took together. */
  readonly pulls: number;
  readonly pullMs: number;
  /** How long each of them took, since that is counted. */
  readonly pullDurations: DurationBuckets;
  /** Requests with changes, and the time they took together. */
  readonly pushes: number;
  readonly pushMs: number;
  readonly pushDurations: DurationBuckets;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export type StateKey = keyof DeviceState;

const durationBuckets = z.array(z.int().min(0)).length(durationBucketCount).readonly().default(noDurations);

const schemas: { readonly [Key in StateKey]: z.ZodType<DeviceState[Key]> } = {
  device: z.object({ id: z.string().refine(isDeviceId, 'must be a device id'), name: z.string() }),
  clock: z.object({ millis: z.int().min(0), counter: z.int().min(0) }),
  clockOffsetMs: z.number(),
  timeAnchor: z.object({
    serverMs: z.number(),
    wallMs: z.number(),
    monotonicMs: z.number(),
    boot: z.string().exactOptional(),
  }),
  account: z.object({
    id: z.string().refine(isAccountId, 'must be an account id'),
    login: z.string(),
    server: z.string(),
  }),
  signedIn: z.boolean(),
  cursor: z.string(),
  digest: z.string(),
  reconcile: z.enum(['newEpoch', 'cursorExpired', 'digestMismatch']),
  comparedCursor: z.string(),
  digestReconciledMs: z.number(),
  pushedAhead: z.literal(true),
  unsoundFetchedMs: z.number(),
  resealedWith: z.string().refine(isKeyId, 'must be a key id'),
  fence: z.int().min(0),
  lastSyncMs: z.number(),
  counters: z.object({
    succeeded: z.int().min(0),
    failed: z.int().min(0),
    pulls: z.int().min(0),
    pullMs: z.number().min(0),
    pullDurations: durationBuckets,
    pushes: z.int().min(0),
    pushMs: z.number().min(0),
    pushDurations: durationBuckets,
    bytesSent: z.int().min(0),
    bytesReceived: z.int().min(0),
  }),
  syncTrouble: z.object({ code: z.string().exactOptional(), message: z.string() }),
  paused: z.boolean(),
  guard: z.object({
    changed: z.int(),
    total: z.int(),
    snapshot: z.string(),
    heldMs: z.number().exactOptional(),
  }),
  wrappedLocalKey: z.object({ keyId: z.string(), wrapped: z.string() }),
  localKeyPrint: z.string(),
  upkeep: z.object({
    doneMs: z.number(),
    checkedMs: z.number().exactOptional(),
    at: z.object({ step: z.int().min(0), versionsAfter: z.string().exactOptional() }).exactOptional(),
  }),
  dailySnapshot: z.object({ atMs: z.number(), mark: z.string() }),
  agingMs: z.number(),
  searchIndexedBelow: z.int().min(0),
  atRest: z.object({
    policy: z.enum(['sensitive', 'all']),
    afterRid: z.int().exactOptional(),
    snapshotsDue: z.boolean().exactOptional(),
  }),
};

export function readState<Key extends StateKey>(
  store: StoreTransaction,
  key: Key,
): DeviceState[Key] | undefined {
  const json = stateText(store, key);
  return json === undefined ? undefined : schemas[key].parse(parseJson(json));
}

export function writeState<Key extends StateKey>(
  store: StoreTransaction,
  key: Key,
  value: DeviceState[Key],
): void {
  setText(store, key, JSON.stringify(value));
}

export function clearState(store: StoreTransaction, key: StateKey): void {
  setText(store, key, undefined);
}

/** Writes what the transaction has set. To be called once, at its end. */
export function flushState(store: StoreTransaction): void {
  const { memo } = store;
  for (const key of memo?.stateSet ?? []) storeText(store, key, memo?.state.get(key));
}

function stateText(store: StoreTransaction, key: StateKey): string | undefined {
  if (store.memo?.state.has(key)) return store.memo.state.get(key);
  const row = store.sql.get('SELECT value FROM meta WHERE key = ?', [key]);
  const json = row && text(row, 'value');
  store.memo?.state.set(key, json);
  return json;
}

function setText(store: StoreTransaction, key: StateKey, json: string | undefined): void {
  if (store.memo === undefined) {
    storeText(store, key, json);
    return;
  }
  store.memo.state.set(key, json);
  store.memo.stateSet.add(key);
}

function storeText(store: StoreTransaction, key: string, json: string | undefined): void {
  if (json === undefined) store.sql.run('DELETE FROM meta WHERE key = ?', [key]);
  else
    store.sql.run(
      'INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value',
      [key, json],
    );
}
