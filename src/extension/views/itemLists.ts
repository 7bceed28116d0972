import { type Disposable, EventEmitter } from 'vscode';
import { secondMs, type Timer, type Timers } from '../../base/time';
import type { Device, DeviceEvent } from '../../device/device';
import type { ItemSummaryJson } from '../../device/json';
import type { Messages } from '../host/messages';
import type { ItemLists as Lists } from './itemTree';

/** Changes that come within this are read together. */
const gatherMs = secondMs / 20;

/** The items as the views last read them; read again when they change, once somebody has asked for them. */
export class ItemLists implements Disposable {
  readonly #device: Device;
  readonly #messages: Messages;
  readonly #timers: Timers;
  readonly #changed = new EventEmitter<void>();
  #lists: Lists = { live: [], deleted: [] };
  #byId = new Map<string, ItemSummaryJson>();
  #loading: Promise<void> | undefined;
  #gathering: Timer | undefined;
  readonly onDidChange = this.#changed.event;

  constructor(device: Device, messages: Messages, timers: Timers) {
    this.#device = device;
    this.#messages = messages;
    this.#timers = timers;
  }

  /** Reads them first when nobody has. */
  async get(): Promise<Lists> {
    this.#loading ??= this.#load();
    await this.#loading;
    return this.#lists;
  }

  /** What was last read. */
  find(itemId: string): ItemSummaryJson | undefined {
    return this.#byId.get(itemId);
  }

  hear(event: DeviceEvent): void {
    if (event.type !== 'itemsChanged' && event.type !== 'conflictsChanged') return;
    if (this.#loading === undefined || this.#gathering) return;
    this.#gathering = this.#timers.after(gatherMs, () => {
      this.#gathering = undefined;
      this.#loading = this.#load().then(() => this.#changed.fire());
    });
  }

  dispose(): void {
    this.#gathering?.cancel();
    this.#changed.dispose();
  }

  async #load(): Promise<void> {
    const [live, deleted] = await Promise.all([
      this.#messages.valueOf(this.#device.items.list({})),
      this.#messages.valueOf(this.#device.items.list({ deleted: true })),
    ]);
    if (!live || !deleted) {
      this.#loading = undefined;
      return;
    }
    this.#lists = { live, deleted };
    this.#byId = new Map([...deleted, ...live].map(item => [item.id, item]));
  }
}
