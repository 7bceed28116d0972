import { type Disposable, Emitter } from '../../src/base/event';
import { err, ok, type Result } from '../../src/base/result';
import type {
  DeviceAccount,
  DeviceConflicts,
  DeviceDocuments,
  DeviceEvent,
  DeviceItems,
  DeviceSettings,
  DeviceSync,
  DeviceUpkeep,
  Housekeeping,
  LocalDevice,
} from '../../src/device/device';
import type { DeviceError } from '../../src/device/deviceError';
import type {
  ConflictJson,
  DocumentJson,
  ItemJson,
  ItemSummaryJson,
  LogEntryJson,
  StatusJson,
} from '../../src/device/json';

export const idleStatus: StatusJson = {
  device: { id: '00000000000000aa', name: 'laptop' },
  login: 'ada',
  server: 'https://scratch.example',
  pending: 0,
  openConflicts: 0,
  cursor: null,
  clockOffsetMs: null,
  lastSync: '2026-01-02T03:04:05.000Z',
  state: 'idle',
  counters: {
    cycles: { succeeded: 0, failed: 0 },
    conflictsResolved: { automatically: 0, byPerson: 0 },
    pulls: { count: 0, totalMs: 0, p50Ms: null, p95Ms: null },
    pushes: { count: 0, totalMs: 0, p50Ms: null, p95Ms: null },
    bytesSent: 0,
    bytesReceived: 0,
  },
};

/** A device that holds everything in memory and does what a test tells it. Revisions are counted from 1. */
export class MemoryDevice implements LocalDevice {
  readonly #items = new Map<string, ItemJson>();
  readonly #revisions = new Map<string, number>();
  readonly #waiting = new Map<string, string>();
  readonly #events = new Emitter<DeviceEvent>(error => {
    throw error;
  });
  readonly asked: string[] = [];
  openConflicts: ConflictJson[] = [];
  currentStatus: StatusJson = idleStatus;
  logEntries: LogEntryJson[] = [];
  settings: Partial<DeviceSettings> = {};

  /** Holds an item as if it had always been there. */
  hold(item: Partial<ItemJson> & { readonly id: string }): ItemJson {
    const held: ItemJson = {
      kind: 'note',
      title: 'Untitled',
      body: '',
      folder: '',
      tags: [],
      language: 'markdown',
      pinned: false,
      sensitive: false,
      lastModified: '2026-01-02T03:04:05.000Z',
      deviceId: '00000000000000aa',
      version: 0,
      deleted: false,
      ...item,
    };
    this.#items.set(held.id, held);
    this.#revisions.set(held.id, (this.#revisions.get(held.id) ?? 0) + 1);
    return held;
  }

  /** A change by sync or by another window. */
  receive(item: Partial<ItemJson> & { readonly id: string }): void {
    this.hold({ ...this.#items.get(item.id), ...item });
    this.fire({ type: 'itemsChanged', itemIds: [item.id] });
  }

  fire(event: DeviceEvent): void {
    this.#events.fire(event);
  }

  item(id: string): ItemJson | undefined {
    return this.#items.get(id);
  }

  readonly items: DeviceItems = {
    create: async fields => {
      const { kind, target, repository, ...rest } = fields;
      return ok(
        this.hold({
          ...rest,
          kind,
          id: `00000000-0000-4000-8000-${String(this.#items.size).padStart(12, '0')}`,
          ...(target ? { target } : {}),
          ...(repository ? { repository } : {}),
        }),
      );
    },
    createAll: async items => {
      for (const item of items) await this.items.create(item);
      return ok({ created: items.length });
    },
    get: async id => this.#found(id),
    getMany: async ids => ok(ids.flatMap(id => this.#items.get(id) ?? [])),
    list: async query =>
      ok(
        [...this.#items.values()]
          .filter(item => item.deleted === (query.deleted ?? false))
          .filter(item => query.kind === undefined || item.kind === query.kind)
          .map(summaryOf),
      ),
    outline: async () => {
      const items = [...this.#items.values()];
      const places = items
        .filter(({ deleted }) => !deleted)
        .map(({ kind, folder }) => ({ kind, folder, count: 1 }));
      return ok({ places, deleted: items.length - places.length });
    },
    page: async ({ kind, folder }, limit) => {
      const listed = await this.items.list({ kind });
      return listed.ok ? ok(listed.value.filter(item => item.folder === folder).slice(0, limit)) : listed;
    },
    summary: async id => {
      const found = this.#found(id);
      return found.ok ? ok(summaryOf(found.value)) : found;
    },
    search: async query =>
      ok(
        [...this.#items.values()]
          .filter(item => `${item.title} ${item.body}`.includes(query))
          .map(item => ({ item: summaryOf(item), excerpt: item.body, highlights: [] })),
      ),
    update: async (id, fields) => {
      const found = this.#found(id);
      if (!found.ok) return found;
      const { target, repository, ...rest } = fields;
      return ok(
        this.hold({
          ...found.value,
          ...rest,
          ...(target ? { target } : {}),
          ...(repository ? { repository } : {}),
        }),
      );
    },
    delete: async id => {
      const found = this.#found(id);
      return found.ok ? ok(this.hold({ ...found.value, deleted: true })) : found;
    },
    restore: async id => {
      const found = this.#found(id);
      return found.ok ? ok(this.hold({ ...found.value, deleted: false })) : found;
    },
    history: async () => ok([]),
    emptyDeleted: async () => ok(0),
  };

  readonly documents: DeviceDocuments = {
    open: async id => {
      const found = this.#found(id);
      return found.ok ? ok(this.#document(found.value)) : found;
    },
    save: async (id, body, base) => {
      this.asked.push(`save ${base.revision}`);
      const found = this.#found(id);
      if (!found.ok) return found;
      if (base.revision !== String(this.#revisions.get(id))) {
        this.#waiting.set(id, body);
        return ok({ revision: `waiting-${base.revision}`, modifiedMs: 1_000_000, unsettled: true });
      }
      const document = this.#document(this.hold({ ...found.value, body }));
      return ok({ revision: document.revision, modifiedMs: document.modifiedMs, unsettled: false });
    },
    settle: async id => {
      this.asked.push('settle');
      const found = this.#found(id);
      if (!found.ok) return found;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (waiting === undefined) return ok(this.#document(found.value));
      return ok(this.#document(this.hold({ ...found.value, body: `${found.value.body}${waiting}` })));
    },
  };

  readonly conflicts: DeviceConflicts = {
    list: async () => ok(this.openConflicts),
    get: async id => {
      const conflict = this.openConflicts.find(each => each.id === id);
      return conflict
        ? ok(conflict)
        : err({ code: 'unknownConflict', message: `There is no conflict ${id}.` });
    },
    mergeText: async () => ok({ text: 'merged', hasMarkers: false }),
    resolve: async (id, how) => {
      this.asked.push(`resolve ${id} ${JSON.stringify(how)}`);
      return this.conflicts.get(id);
    },
    undo: async id => this.conflicts.get(id),
  };

  readonly account: DeviceAccount = {
    signUp: async request => {
      this.asked.push(`signUp ${request.login} at ${request.server}`);
      return ok({ recoveryPhrase: 'a phrase' });
    },
    signIn: async request => {
      this.asked.push(`signIn ${request.login} at ${request.server}`);
      return ok();
    },
    signOut: async () => this.#note('signOut'),
    unlock: async () => this.#note('unlock'),
    devices: async () => ok([]),
    revoke: async () => this.#note('revoke'),
    changePassword: async () => this.#note('changePassword'),
    newRecoveryPhrase: async () => ok({ recoveryPhrase: 'a phrase' }),
    rotateKey: async () => ok({ recoveryPhrase: 'a phrase' }),
  };

  readonly sync: DeviceSync = {
    status: async () => ok(this.currentStatus),
    now: async options => {
      this.asked.push(`sync ${options.trigger}`);
      return ok({ pushed: 0, pulled: 0, merged: 0, conflicts: 0, durationMs: 1, cursor: null });
    },
    rejectMassChange: async () => this.#note('rejectMassChange'),
    pause: async () => this.#note('pause'),
    resume: async () => this.#note('resume'),
    start: async () => this.#note('start'),
    setFocused: async focused => {
      this.asked.push(`focused ${focused}`);
    },
    log: async () => ok(this.logEntries),
  };

  readonly upkeep: DeviceUpkeep = {
    takeSnapshot: async () =>
      ok({ id: 's1', at: '2026-01-02T03:04:05.000Z', reason: 'command', items: 0, bytes: 0 }),
    snapshots: async () => ok([]),
    rollBack: async () => ok({ changed: 0, undoSnapshot: 's2' }),
    doctor: async () => ok([]),
  };

  readonly housekeeping: Housekeeping = {
    start: () => {
      this.asked.push('start housekeeping');
    },
    round: async () => {
      this.asked.push('round of housekeeping');
    },
  };

  async configure(settings: Partial<DeviceSettings>): Promise<Result<void, DeviceError>> {
    this.settings = { ...this.settings, ...settings };
    return this.#note('configure');
  }

  async on(listener: (event: DeviceEvent) => void): Promise<Disposable> {
    return this.#events.on(listener);
  }

  async close(): Promise<void> {
    this.asked.push('close');
  }

  #note(what: string): Result<void, DeviceError> {
    this.asked.push(what);
    return ok();
  }

  #found(id: string): Result<ItemJson, DeviceError> {
    const item = this.#items.get(id);
    return item ? ok(item) : err({ code: 'unknownItem', message: `There is no item ${id}.` });
  }

  #document(item: ItemJson): DocumentJson {
    const revision = this.#revisions.get(item.id) ?? 0;
    return {
      itemId: item.id,
      kind: item.kind,
      title: item.title,
      folder: item.folder,
      language: item.language ?? 'plaintext',
      sensitive: item.sensitive,
      deleted: item.deleted,
      body: item.body,
      revision: String(revision),
      modifiedMs: 1_000 + revision,
      createdMs: 1_000,
    };
  }
}

function summaryOf(item: ItemJson): ItemSummaryJson {
  const { body: _body, overlays: _overlays, ...summary } = item;
  return { ...summary, pending: item.version === 0, inConflict: false };
}
