import type { Kind } from '../model/content';
import type { DeviceErrorCode } from './deviceError';

/**
 * What leaves a device towards people and programs: the JSON of the terminal, of the editor's API and of its
 * commands. Plain data, so that it also crosses a thread. Names are fixed by the product's surfaces.
 */

/** Fields that a kind does not have are left out. */
export interface ItemJson {
  readonly id: string;
  readonly kind: Kind;
  readonly title: string;
  readonly body: string;
  readonly folder: string;
  readonly tags: readonly string[];
  readonly language?: string;
  readonly languages?: readonly string[];
  readonly prefixes?: readonly string[];
  readonly description?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly target?: string;
  readonly overlays?: Readonly<Record<string, string>>;
  readonly repository?: string;
  readonly pinned: boolean;
  readonly sensitive: boolean;
  /** ISO 8601. */
  readonly lastModified: string;
  readonly deviceId: string;
  /** The server's; 0 before the first push. */
  readonly version: number;
  readonly deleted: boolean;
}

/** An item in a list: everything but its texts. */
export interface ItemSummaryJson extends Omit<ItemJson, 'body' | 'overlays'> {
  /** True while a change of the item waits to be pushed. */
  readonly pending: boolean;
  /** True while an open conflict of the item waits for a person. */
  readonly inConflict: boolean;
}

/** An item as a program lists it: whole, but for one that cannot be read while the device is locked. */
export type ListedItemJson = ItemSummaryJson & Partial<Pick<ItemJson, 'body' | 'overlays'>>;

/** Where items lie. */
export interface PlaceJson {
  readonly kind: Kind;
  /** The folder itself, not those below it; empty for none. */
  readonly folder: string;
}

export interface OutlineJson {
  /** Each place that holds live items, in no order. */
  readonly places: readonly (PlaceJson & { readonly count: number })[];
  readonly deleted: number;
}

/** A side of a conflict. */
export interface ConflictSideJson extends ItemJson {
  readonly deviceName: string;
}

export interface ConflictJson {
  readonly id: string;
  readonly itemId: string;
  readonly kind: Kind;
  readonly title: string;
  /** Null when it is not known. */
  readonly base: ConflictSideJson | null;
  readonly local: ConflictSideJson;
  readonly remote: ConflictSideJson;
  readonly outcome: 'merged' | 'lastWriterWins';
  readonly winner: 'local' | 'remote';
  /** The fields and JSON keys that both sides changed differently. */
  readonly keys: readonly string[];
  /** ISO 8601. */
  readonly detectedAt: string;
  readonly deviceId: string;
  readonly state: 'open' | 'resolved' | 'auto';
}

export interface VersionJson {
  /** Counts the item's history on this device, 1 for the oldest; what `restore --version` takes. */
  readonly number: number;
  /** Names the version for good, where its number counts on when older ones are let go of. */
  readonly stamp: string;
  readonly item: ItemJson;
  readonly deviceName: string;
}

export interface SearchHitJson {
  readonly item: ItemSummaryJson;
  /** A part of the text around the match. */
  readonly excerpt: string;
  /** Where the matches are in `excerpt`: pairs of start and end, in UTF-16 units. */
  readonly highlights: readonly (readonly [number, number])[];
}

export type DeviceState =
  | 'signedOut'
  | 'idle'
  | 'syncing'
  | 'offline'
  | 'paused'
  /** The keys are not in the secret storage: everything that is not sensitive works; the password unlocks. */
  | 'locked'
  /** Sync cannot go on without a person: `attention` of the status says why. */
  | 'attention';

export interface StatusJson {
  readonly device: { readonly id: string; readonly name: string };
  readonly login: string | null;
  readonly server: string | null;
  /** Items with changes that wait to be pushed. */
  readonly pending: number;
  readonly openConflicts: number;
  readonly cursor: string | null;
  /** Server time less this machine's, in milliseconds; null before the first answer. */
  readonly clockOffsetMs: number | null;
  /** ISO 8601 of the last cycle that succeeded, or null. */
  readonly lastSync: string | null;
  readonly state: DeviceState;
  /** What is wrong and what to do about it, when the state is `offline` or `attention`. */
  readonly attention?: string;
  /** What kind of trouble that is, by which what mends it can be told. */
  readonly attentionCode?: DeviceErrorCode;
  /** A mass change that waits for a person's answer. */
  readonly guard?: { readonly changed: number; readonly total: number; readonly snapshot: string };
  readonly counters: CountersJson;
}

/**
 * What syncing has done and cost since the store was made. Cycles that had nothing to do are counted while the device
 * runs, and are kept with the next one that did something.
 */
export interface CountersJson {
  readonly cycles: { readonly succeeded: number; readonly failed: number };
  /** Pairs of versions that met, of the account: merged without a person, and answered by one. */
  readonly conflictsResolved: { readonly automatically: number; readonly byPerson: number };
  readonly pulls: RequestTimesJson;
  readonly pushes: RequestTimesJson;
  readonly bytesSent: number;
  /** After inflating. */
  readonly bytesReceived: number;
}

/** Requests of one sort. */
export interface RequestTimesJson {
  readonly count: number;
  /** Milliseconds that they took together. */
  readonly totalMs: number;
  /** Milliseconds that half of them took at most, as near as the buckets tell that they are counted in; null for none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** The answer of one sync cycle. */
export interface SyncReportJson {
  readonly pushed: number;
  readonly pulled: number;
  readonly merged: number;
  /** Open conflicts that this cycle recorded. */
  readonly conflicts: number;
  readonly durationMs: number;
  readonly cursor: string | null;
  /** Changes that wait because they are not taken as they are; left out when there are none. */
  readonly refused?: number;
  /** What a person should know although the cycle succeeded; left out when there is nothing. */
  readonly notice?: string;
}

/** One cycle in the activity log. Only cycles that did something, or failed, are logged. */
export interface LogEntryJson extends SyncReportJson {
  /** ISO 8601. */
  readonly at: string;
  readonly trigger: SyncTrigger;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly pullMs: number;
  readonly mergeMs: number;
  readonly pushMs: number;
  /** Server time less this machine's, in milliseconds; left out before the first answer. */
  readonly clockOffsetMs?: number;
  /** Items that were sealed with a new key; left out when there were none. */
  readonly resealed?: number;
  readonly error?: string;
}

export type SyncTrigger = 'save' | 'focus' | 'start' | 'event' | 'timer' | 'command' | 'retry';

export interface DeviceEntryJson {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly current: boolean;
}

export interface SnapshotJson {
  readonly id: string;
  readonly at: string;
  readonly reason: 'migration' | 'massChange' | 'daily' | 'command' | 'rollback';
  readonly items: number;
  readonly bytes: number;
}

export interface FindingJson {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'error';
  /** What was found, in words. */
  readonly found: string;
  /** What mending it will do, or did, when it can be mended. */
  readonly mend?: string;
  readonly mended: boolean;
}

/** What was found of the locks of a device's folder. */
export interface LockCheckJson {
  readonly findings: readonly FindingJson[];
  /** The store cannot be opened before its lock is removed. */
  readonly isStoreLocked: boolean;
}

/** What a person gives for a new item. Fields that the kind does not have are refused. */
export interface NewItemJson extends ItemFieldsJson {
  readonly kind: Kind;
  readonly title: string;
}

/** What a person may change of an item. */
export interface ItemFieldsJson {
  readonly title?: string;
  readonly body?: string;
  readonly folder?: string;
  readonly tags?: readonly string[];
  readonly language?: string;
  readonly languages?: readonly string[];
  readonly prefixes?: readonly string[];
  readonly description?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Null takes it away. */
  readonly target?: string | null;
  readonly overlays?: Readonly<Record<string, string>>;
  readonly repository?: string | null;
  readonly pinned?: boolean;
  readonly sensitive?: boolean;
}

export interface ListQueryJson {
  readonly kind?: Kind;
  readonly folder?: string;
  readonly tag?: string;
  /** True for deleted items only. */
  readonly deleted?: boolean;
  /** Newest first; all when left out. */
  readonly limit?: number;
}

/** An item's body as an editor document. */
export interface DocumentJson {
  readonly itemId: string;
  readonly kind: Kind;
  readonly title: string;
  readonly folder: string;
  readonly language: string;
  readonly sensitive: boolean;
  readonly deleted: boolean;
  readonly body: string;
  /** Names this state of the item; given back with a save. */
  readonly revision: string;
  /** Milliseconds since 1970; grows strictly with each revision of the item. */
  readonly modifiedMs: number;
  readonly createdMs: number;
}

/** What a document last read: the base of its save. */
export interface DocumentBaseJson {
  readonly revision: string;
  readonly body: string;
}

export interface SavedDocumentJson {
  readonly revision: string;
  readonly modifiedMs: number;
  /**
   * True when the item had changed since the base was read: the saved text is kept durably beside it and waits for
   * `documents.settle`, which merges the two.
   */
  readonly unsettled: boolean;
}

export type ResolveJson =
  | { readonly keep: 'local' | 'remote' | 'both' }
  /** The merge as edited by a person; it must hold no conflict markers. */
  | { readonly body: string };
