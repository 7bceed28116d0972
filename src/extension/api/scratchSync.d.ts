/**
 * What `activate()` of the extension `scratch-sync.scratch-sync` answers to other extensions:
 *
 *     const scratch = await vscode.extensions.getExtension<ScratchSyncApi>('scratch-sync.scratch-sync')?.activate();
 *
 * It works within one extension host. The same is there as commands that take and give this JSON, for an extension on
 * another host: `scratchSync.api.createItem`, `getItem`, `listItems`, `searchItems`, `updateItem`, `deleteItem`,
 * `listConflicts`, `resolveConflict` and `sync`. Sensitive items are in neither.
 *
 * What cannot be done rejects with an `Error` whose `code` is a {@link ScratchErrorCode}.
 */
export interface ScratchSyncApi {
  readonly apiVersion: 1;
  readonly items: ScratchItems;
  readonly conflicts: ScratchConflicts;
  /** Syncs now; after the sync that runs, when one does. */
  sync(): Promise<ScratchSyncReport>;
  /** Tells when items or conflicts changed: here, by sync, or in another window. */
  onDidChange(listener: (change: ScratchChange) => void): { dispose(): void };
}

export interface ScratchItems {
  create(item: ScratchNewItem): Promise<ScratchItem>;
  /** Ids may be given by a prefix that is unique. */
  get(id: string): Promise<ScratchItem>;
  /** Newest first. With many items, ask with a `limit`: their texts are all in the answer. */
  list(query?: ScratchListQuery): Promise<readonly ScratchListedItem[]>;
  search(query: string, limit?: number): Promise<readonly ScratchSearchHit[]>;
  /** Changes the fields that are given. */
  update(id: string, fields: ScratchItemFields): Promise<ScratchItem>;
  /** Deletes so that it can be restored. */
  delete(id: string): Promise<ScratchItem>;
}

export interface ScratchConflicts {
  /** Open ones, newest first; `all` also resolved and automatic ones. */
  list(options?: { readonly all?: boolean }): Promise<readonly ScratchConflict[]>;
  resolve(id: string, how: ScratchResolution): Promise<ScratchConflict>;
}

export type ScratchKind = 'note' | 'snippet' | 'config';

/** Fields that a kind does not have are left out. */
export interface ScratchItem {
  readonly id: string;
  readonly kind: ScratchKind;
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
  /** Always false here: sensitive items are left out. */
  readonly sensitive: boolean;
  /** ISO 8601. */
  readonly lastModified: string;
  readonly deviceId: string;
  /** The server's; 0 before the first push. */
  readonly version: number;
  readonly deleted: boolean;
}

export interface ScratchListedItem extends ScratchItem {
  /** True while a change of the item waits to be pushed. */
  readonly pending: boolean;
  readonly inConflict: boolean;
}

export interface ScratchItemFields {
  readonly title?: string;
  readonly body?: string;
  /** Names joined by `/`; empty for the top. */
  readonly folder?: string;
  readonly tags?: readonly string[];
  /** A VS Code language id. */
  readonly language?: string;
  readonly languages?: readonly string[];
  readonly prefixes?: readonly string[];
  readonly description?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** `settings`, `keybindings`, `tasks`, `snippets:<name>` or a path below `~/`. Null takes it away. */
  readonly target?: string | null;
  /** Keyed `os:linux`, `os:darwin`, `os:win32` or `device:<id>`. Kept, searched, merged and synced; nothing applies them. */
  readonly overlays?: Readonly<Record<string, string>>;
  /** A git remote, kept without scheme, user, port and `.git`. Null takes it away. */
  readonly repository?: string | null;
  readonly pinned?: boolean;
}

export interface ScratchNewItem extends ScratchItemFields {
  readonly kind: ScratchKind;
  readonly title: string;
}

export interface ScratchListQuery {
  readonly kind?: ScratchKind;
  readonly folder?: string;
  readonly tag?: string;
  /** True for deleted items only. */
  readonly deleted?: boolean;
  readonly limit?: number;
}

export interface ScratchSearchHit {
  readonly item: ScratchListedItem;
  readonly excerpt: string;
  /** Where the matches are in `excerpt`: pairs of start and end, in UTF-16 units. */
  readonly highlights: readonly (readonly [number, number])[];
}

export interface ScratchConflictSide extends ScratchItem {
  readonly deviceName: string;
}

export interface ScratchConflict {
  readonly id: string;
  readonly itemId: string;
  readonly kind: ScratchKind;
  readonly title: string;
  /** Null when it is not known. */
  readonly base: ScratchConflictSide | null;
  readonly local: ScratchConflictSide;
  readonly remote: ScratchConflictSide;
  readonly outcome: 'merged' | 'lastWriterWins';
  readonly winner: 'local' | 'remote';
  readonly keys: readonly string[];
  /** ISO 8601. */
  readonly detectedAt: string;
  readonly deviceId: string;
  readonly state: 'open' | 'resolved' | 'auto';
}

export type ScratchResolution =
  | { readonly keep: 'local' | 'remote' | 'both' }
  /** The merge; it must hold no conflict markers. */
  | { readonly body: string };

export interface ScratchSyncReport {
  readonly pushed: number;
  readonly pulled: number;
  readonly merged: number;
  readonly conflicts: number;
  readonly durationMs: number;
  readonly cursor: string | null;
  /** Changes that wait because they are not taken as they are; left out when there are none. */
  readonly refused?: number;
  /** What a person should know although the sync succeeded; left out when there is nothing. */
  readonly notice?: string;
}

/** Without ids: any item may have changed. */
export interface ScratchChange {
  readonly itemIds?: readonly string[];
}

/** `badInput`, `unknownItem`, `unreachable`, `notSignedIn` and others: as in the terminal's `--json` errors. */
export type ScratchErrorCode = string;
