import { type Disposable, EventEmitter } from 'vscode';
import type { Result } from '../../base/result';
import { secondMs, type Timer, type Timers } from '../../base/time';
import type { Device, DeviceEvent } from '../../device/device';
import type { DeviceError } from '../../device/deviceError';
import type { ItemSummaryJson, OutlineJson } from '../../device/json';
import type { Messages } from '../host/messages';
import { pageItems, placeKey, type TreePlace } from './itemTree';

/** What is told together, such as items and conflicts after a sync, is one change of the view. */
const gatherMs = 5;

/** How long it takes until what could not be read is asked for again; only a view that shows does ask. */
export const retryMs = 5 * secondMs;

/**
 * What the Items view shows, read in parts from the device: where items lie, and the first ones of each place that is
 * open. A change drops what was read; the editor asks again for what it shows.
 */
export class ItemPages implements Disposable {
  readonly #device: Device;
  readonly #messages: Messages;
  readonly #timers: Timers;
  readonly #changed = new EventEmitter<void>();
  /** How many items of a place are shown, when it is more than the first page. */
  readonly #shown = new Map<string, number>();
  #outline: Promise<Result<OutlineJson, DeviceError>> | undefined;
  #retrying: Timer | undefined;
  #pages = new Map<string, Promise<readonly ItemSummaryJson[]>>();
  #byId = new Map<string, ItemSummaryJson>();
  #gathering: Timer | undefined;
  readonly onDidChange = this.#changed.event;

  constructor(device: Device, messages: Messages, timers: Timers) {
    this.#device = device;
    this.#messages = messages;
    this.#timers = timers;
  }

  /** An error stays the answer for a while; then the view is told to ask again. */
  outline(): Promise<Result<OutlineJson, DeviceError>> {
    this.#outline ??= this.#readOutline();
    return this.#outline;
  }

  async #readOutline(): Promise<Result<OutlineJson, DeviceError>> {
    const outline = await this.#device.items.outline();
    if (outline.ok) return outline;
    this.#retrying ??= this.#timers.after(retryMs, () => {
      this.#retrying = undefined;
      this.#forget();
      this.#changed.fire();
    });
    return outline;
  }

  /** The first items of a place, as many as are shown. */
  page(place: TreePlace): Promise<readonly ItemSummaryJson[]> {
    const key = placeKey(place);
    const known = this.#pages.get(key);
    if (known) return known;
    const page = this.#read(place);
    this.#pages.set(key, page);
    return page;
  }

  /** Shows a page more. Answers the first item that was not shown before, when there is one. */
  async showMore(place: TreePlace): Promise<ItemSummaryJson | undefined> {
    const former = this.#limitOf(place);
    this.#shown.set(placeKey(place), former + pageItems);
    this.#pages.delete(placeKey(place));
    const page = await this.page(place);
    this.#changed.fire();
    return page[former];
  }

  /** An item as the views show it; undefined when there is none. */
  async find(itemId: string): Promise<ItemSummaryJson | undefined> {
    const known = this.#byId.get(itemId);
    if (known) return known;
    const found = await this.#device.items.summary(itemId);
    return found.ok ? found.value : undefined;
  }

  hear(event: DeviceEvent): void {
    if (event.type !== 'itemsChanged' && event.type !== 'conflictsChanged') return;
    this.#forget();
    this.#gathering ??= this.#timers.after(gatherMs, () => {
      this.#gathering = undefined;
      this.#changed.fire();
    });
  }

  #forget(): void {
    this.#outline = undefined;
    this.#pages = new Map();
    this.#byId = new Map();
  }

  dispose(): void {
    this.#gathering?.cancel();
    this.#retrying?.cancel();
    this.#changed.dispose();
  }

  async #read(place: TreePlace): Promise<readonly ItemSummaryJson[]> {
    const byId = this.#byId; // of the time before a change that comes while this is read
    const { items } = this.#device;
    const limit = this.#limitOf(place);
    const page = await this.#messages.valueOf(
      place === 'deleted' ? items.list({ deleted: true, limit }) : items.page(place, limit),
    );
    for (const item of page ?? []) byId.set(item.id, item);
    return page ?? [];
  }

  #limitOf(place: TreePlace): number {
    return this.#shown.get(placeKey(place)) ?? pageItems;
  }
}
