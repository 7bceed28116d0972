import type { Disposable } from '../base/event';
import type { Result } from '../base/result';
import type { DeviceError } from './deviceError';
import type {
  ConflictJson,
  DeviceEntryJson,
  DocumentBaseJson,
  DocumentJson,
  FindingJson,
  ItemFieldsJson,
  ItemJson,
  ItemSummaryJson,
  ListQueryJson,
  LogEntryJson,
  NewItemJson,
  OutlineJson,
  PlaceJson,
  ResolveJson,
  SavedDocumentJson,
  SearchHitJson,
  SnapshotJson,
  StatusJson,
  SyncReportJson,
  SyncTrigger,
  VersionJson,
} from './json';

type Answer<T> = Promise<Result<T, DeviceError>>;

/**
 * A device: its store, its keys and its sync behind one asynchronous interface. The terminal uses it in process, the
 * extension through a worker thread. Everything that it takes and gives is plain data.
 *
 * A write is answered when it is durable. Ids may be given by a prefix that is unique.
 */
export interface Device {
  readonly items: DeviceItems;
  readonly documents: DeviceDocuments;
  readonly conflicts: DeviceConflicts;
  readonly account: DeviceAccount;
  readonly sync: DeviceSync;
  readonly upkeep: DeviceUpkeep;
  /** Changes the settings of this device; those left out stay as they are. */
  configure(settings: Partial<DeviceSettings>): Answer<void>;
  on(listener: (event: DeviceEvent) => void): Promise<Disposable>;
  /** Ends a running cycle at its next safe point, then closes the store. Idempotent. */
  close(): Promise<void>;
}

/** A device of this process, from which its store is kept in order. */
export interface LocalDevice extends Device {
  readonly housekeeping: Housekeeping;
}

/** What is done for the store when nobody asks for it; signed in or not, and also while sync is paused. */
export interface Housekeeping {
  /** Begins to prune, index, snapshot and check in small steps, a minute from now. Idempotent. */
  start(): void;
  /** Does so at once, for about a second, when it is due: for a process that is about to end. */
  round(): Promise<void>;
}

export interface DeviceSettings {
  readonly syncEnabled: boolean;
  readonly syncOnSave: boolean;
  readonly syncOnFocus: boolean;
  readonly syncIntervalSeconds: number;
  readonly conflictsText: 'merge' | 'latest';
  readonly guardMaxChangedPercent: number;
  readonly encryptionAtRest: 'sensitive' | 'all';
  readonly historyKeepDays: number;
}

export type DeviceEvent =
  /** Items or conflicts changed: here, by sync, or in another window. Undefined ids: any may have. */
  | { readonly type: 'itemsChanged'; readonly itemIds?: readonly string[] }
  | { readonly type: 'conflictsChanged' }
  | { readonly type: 'statusChanged'; readonly status: StatusJson }
  | { readonly type: 'logged'; readonly entry: LogEntryJson }
  /** Something that a person should hear once. */
  | { readonly type: 'notice'; readonly level: 'info' | 'warning' | 'error'; readonly message: string };

/** So many whole items are read in one go: their texts are held in memory, and others wait meanwhile. */
export const maxItemsAtOnce = 100;

export interface DeviceItems {
  create(item: NewItemJson): Answer<ItemJson>;
  /** Creates many, in short transactions, so that other windows go on. When one is refused, none is created. */
  createAll(items: readonly NewItemJson[]): Answer<{ readonly created: number }>;
  get(id: string): Answer<ItemJson>;
  /** Those of the ids, given whole, that there are and that can be read; at most {@link maxItemsAtOnce} are asked for. */
  getMany(ids: readonly string[]): Answer<readonly ItemJson[]>;
  /** Newest first; pinned ones are not moved. */
  list(query: ListQueryJson): Answer<readonly ItemSummaryJson[]>;
  /** Where the live items lie, and how many were deleted; what a tree shows before any item is read. */
  outline(): Answer<OutlineJson>;
  /** The first items of one place: pinned ones, then by title. */
  page(place: PlaceJson, limit: number): Answer<readonly ItemSummaryJson[]>;
  summary(id: string): Answer<ItemSummaryJson>;
  search(query: string, limit: number): Answer<readonly SearchHitJson[]>;
  /** An edit of a deleted item brings it back, as an editor's save does. */
  update(id: string, fields: ItemFieldsJson): Answer<ItemJson>;
  delete(id: string): Answer<ItemJson>;
  /** Brings a deleted item back, or an older version, by its {@link VersionJson.stamp} or its number. */
  restore(id: string, version?: string | number): Answer<ItemJson>;
  /** Newest first. */
  history(id: string): Answer<readonly VersionJson[]>;
  /**
   * Takes the texts of deleted items away for good, here; their tombstones still sync. Those that are not pushed yet
   * stay. Answers how many.
   */
  emptyDeleted(): Answer<number>;
}

/** An item's body as a document of an editor that keeps its own copy while a person types. */
export interface DeviceDocuments {
  open(id: string): Answer<DocumentJson>;
  /** Stores exactly `body`, durably, as an edit of what the document last read. */
  save(id: string, body: string, base: DocumentBaseJson): Answer<SavedDocumentJson>;
  /** Merges saves that wait. Also done at start, for what a crash left. */
  settle(id: string): Answer<DocumentJson>;
}

export interface DeviceConflicts {
  /** Open ones, newest first; `all` also resolved and automatic ones. */
  list(options: { readonly all: boolean }): Answer<readonly ConflictJson[]>;
  get(id: string): Answer<ConflictJson>;
  /** The text to edit: the clean merge, or one with conflict markers. */
  mergeText(id: string): Answer<{ readonly text: string; readonly hasMarkers: boolean }>;
  resolve(id: string, how: ResolveJson): Answer<ConflictJson>;
  /** Takes an automatic merge or a resolution back: the item's text as it was before, and the conflict open again. */
  undo(id: string): Answer<ConflictJson>;
}

export interface SignUpJson {
  readonly server: string;
  readonly login: string;
  readonly password: string;
  readonly invite?: string;
  readonly deviceName: string;
  /** True when a person has agreed that what this device holds of another account goes to the new one. */
  readonly acceptOtherAccount?: boolean;
}

export interface SignInJson {
  readonly server: string;
  readonly login: string;
  readonly deviceName: string;
  readonly secret:
    | { readonly password: string }
    /** A forgotten password: the phrase signs in and sets a new one. */
    | { readonly recoveryPhrase: string; readonly newPassword: string };
  /** True when a person has agreed that what this device holds of another account is united with this one. */
  readonly acceptOtherAccount?: boolean;
}

export interface DeviceAccount {
  signUp(request: SignUpJson): Answer<{ readonly recoveryPhrase: string }>;
  signIn(request: SignInJson): Answer<void>;
  /** Revokes this device's token and forgets the keys. Items stay. */
  signOut(): Answer<void>;
  /** Brings the keys back into the secret storage of the same device. */
  unlock(password: string): Answer<void>;
  devices(): Answer<readonly DeviceEntryJson[]>;
  revoke(deviceId: string, password: string): Answer<void>;
  changePassword(current: string, next: string): Answer<void>;
  /** Issues a new phrase, which voids the old. */
  newRecoveryPhrase(password: string): Answer<{ readonly recoveryPhrase: string }>;
  rotateKey(password: string): Answer<{ readonly recoveryPhrase: string }>;
}

export interface DeviceSync {
  status(): Answer<StatusJson>;
  /** Runs a cycle now; after the one that runs, when one does. */
  now(options: {
    readonly trigger: SyncTrigger;
    readonly acceptMassChange?: boolean;
  }): Answer<SyncReportJson>;
  /**
   * Syncs, and sets what the held mass change deletes or overwrites back to what this device holds. Everything else, of
   * this device and of others, stays as it is.
   */
  rejectMassChange(): Answer<void>;
  pause(): Answer<void>;
  resume(): Answer<void>;
  /** Starts syncing by itself: after saves, on server events, by timer, with backoff. Once a process. */
  start(): Answer<void>;
  /** The window gained or lost focus. */
  setFocused(focused: boolean): Promise<void>;
  log(limit: number): Answer<readonly LogEntryJson[]>;
}

export interface DeviceUpkeep {
  takeSnapshot(): Answer<SnapshotJson>;
  snapshots(): Answer<readonly SnapshotJson[]>;
  /** Sets every item to what it was, as new changes that sync and can be undone by rolling back again. */
  rollBack(snapshotId: string): Answer<{ readonly changed: number; readonly undoSnapshot: string }>;
  /** Looks, and with `mend` mends what can be mended. */
  doctor(options: { readonly mend: boolean }): Answer<readonly FindingJson[]>;
}
