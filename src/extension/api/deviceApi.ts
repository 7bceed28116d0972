import { type Disposable, Emitter } from '../../base/event';
import type { Result } from '../../base/result';
import type { Device, DeviceEvent } from '../../device/device';
import type { DeviceError } from '../../device/deviceError';
import { wholeItems } from '../../device/items/wholeItems';
import type { ConflictJson, ItemJson, ItemSummaryJson } from '../../device/json';
import type { ScratchChange, ScratchListedItem, ScratchSyncApi } from './scratchSync';

/** What an expected failure becomes for another extension. */
export class ScratchSyncError extends Error {
  override readonly name = 'ScratchSyncError';
  readonly code: string;

  constructor({ code, message }: DeviceError) {
    super(message);
    this.code = code;
  }
}

/**
 * The device as other programs see it: without sensitive items, and unable to make any. Each function takes one value
 * from outside, which it decodes, and rejects with a {@link ScratchSyncError}.
 */
export class DeviceApi {
  readonly #device: Device;
  readonly #changes: Emitter<ScratchChange>;

  constructor(device: Device, onListenerError: (error: unknown) => void) {
    this.#device = device;
    this.#changes = new Emitter(onListenerError);
  }

  /** The same with the types that are published. */
  typed(): ScratchSyncApi {
    return {
      apiVersion: 1,
      items: {
        create: item => this.createItem(item),
        get: id => this.getItem(id),
        list: query => this.listItems(query),
        search: (query, limit) => this.searchItems(limit === undefined ? { query } : { query, limit }),
        update: (id, fields) => this.updateItem({ id, fields }),
        delete: id => this.deleteItem(id),
      },
      conflicts: {
        list: options => this.listConflicts(options),
        resolve: (id, how) => this.resolveConflict({ id, how }),
      },
      sync: () => this.sync(),
      onDidChange: listener => this.onDidChange(listener),
    };
  }

  async createItem(value: unknown) {
    const { decodeInput, newItem } = await import('./apiInput');
    return answered(await this.#device.items.create(answered(decodeInput(newItem, value))));
  }

  async getItem(value: unknown) {
    const { decodeInput, itemId } = await import('./apiInput');
    return this.#plainItem(answered(decodeInput(itemId, value)));
  }

  async listItems(value: unknown) {
    const { decodeInput, listQuery } = await import('./apiInput');
    return this.#whole(answered(await this.#device.items.list(answered(decodeInput(listQuery, value)))));
  }

  async searchItems(value: unknown) {
    const { decodeInput, searchQuery } = await import('./apiInput');
    const { query, limit } = answered(decodeInput(searchQuery, value));
    const hits = answered(await this.#device.items.search(query, limit));
    const found = new Map((await this.#whole(hits.map(({ item }) => item))).map(item => [item.id, item]));
    return hits.flatMap(hit => {
      const item = found.get(hit.item.id);
      return item === undefined ? [] : [{ ...hit, item }];
    });
  }

  async updateItem(value: unknown) {
    const { decodeInput, itemUpdate } = await import('./apiInput');
    const { id, fields } = answered(decodeInput(itemUpdate, value));
    const item = await this.#plainItem(id);
    return answered(await this.#device.items.update(item.id, fields));
  }

  async deleteItem(value: unknown) {
    const item = await this.getItem(value);
    return answered(await this.#device.items.delete(item.id));
  }

  async listConflicts(value: unknown) {
    const { conflictQuery, decodeInput } = await import('./apiInput');
    const { all } = answered(decodeInput(conflictQuery, value));
    return answered(await this.#device.conflicts.list({ all })).filter(isPlainConflict);
  }

  async resolveConflict(value: unknown) {
    const { conflictResolution, decodeInput } = await import('./apiInput');
    const { id, how } = answered(decodeInput(conflictResolution, value));
    const conflict = answered(await this.#device.conflicts.get(id));
    // A sensitive one is not told apart from one that does not exist.
    if (!isPlainConflict(conflict)) {
      throw new ScratchSyncError({ code: 'unknownConflict', message: `There is no conflict ${id}.` });
    }
    return answered(await this.#device.conflicts.resolve(conflict.id, how));
  }

  async sync() {
    return answered(await this.#device.sync.now({ trigger: 'command' }));
  }

  onDidChange(listener: (change: ScratchChange) => void): Disposable {
    return this.#changes.on(listener);
  }

  hear(event: DeviceEvent): void {
    if (event.type === 'itemsChanged') this.#changes.fire(event.itemIds ? { itemIds: event.itemIds } : {});
    if (event.type === 'conflictsChanged') this.#changes.fire({});
  }

  /** With their texts, and without those that are sensitive, or have become so meanwhile. */
  async #whole(listed: readonly ItemSummaryJson[]): Promise<readonly ScratchListedItem[]> {
    const whole = answered(await wholeItems(this.#device.items, listed.filter(isPlain)));
    return whole.flatMap(({ body, ...item }) =>
      body === undefined || !isPlain(item) ? [] : [{ ...item, body }],
    );
  }

  async #plainItem(id: string): Promise<ItemJson> {
    const item = answered(await this.#device.items.get(id));
    if (isPlain(item)) return item;
    throw new ScratchSyncError({ code: 'unknownItem', message: `There is no item ${id}.` });
  }
}

function answered<T>(answer: Result<T, DeviceError>): T {
  if (answer.ok) return answer.value;
  throw new ScratchSyncError(answer.error);
}

function isPlain({ sensitive }: { readonly sensitive: boolean }): boolean {
  return !sensitive;
}

function isPlainConflict({ base, local, remote }: ConflictJson): boolean {
  return isPlain(local) && isPlain(remote) && (base === null || isPlain(base));
}
