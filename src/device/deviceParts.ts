import { readHostFacts } from '../sqlite/lock/hostFacts';
import type { SyncLease } from '../store/synced/lease';
import type { StoreMaintenance } from '../store/upkeep/maintenance';
import type { CycleReport } from '../sync/cycleRun';
import type { DeviceCore } from './core';
import { createIndexing, type Indexing } from './items/indexing';
import { statusOf } from './sync/deviceSync';
import { SyncControl } from './sync/syncControl';
import { createDeviceUpkeep, type Upkeep } from './upkeep/deviceUpkeep';

/** What goes on by itself in a device, each part told of what the others do; and what listeners hear of it. */
export class DeviceParts {
  readonly upkeep: Upkeep;
  readonly control: SyncControl;
  readonly indexing: Indexing;
  readonly #core: DeviceCore;
  /** Goes on after the cycle that called for it, and ends before the store closes. */
  #sealing: Promise<void> = Promise.resolve();

  constructor(core: DeviceCore, maintenance: StoreMaintenance, lease: SyncLease) {
    this.#core = core;
    this.upkeep = createDeviceUpkeep(core, maintenance, itemIds => this.savedHere(itemIds));
    this.control = new SyncControl({
      core,
      lease,
      boot: readHostFacts().boot,
      takeSnapshot: () => this.upkeep.keepSnapshot('massChange'),
      changed: report => this.#synced(report),
      statusChanged: () => this.tellStatus(),
    });
    this.indexing = createIndexing(core, () => this.control.running);
  }

  /** To be called with the items that were written by this device. */
  savedHere(itemIds: readonly string[]): void {
    this.#core.events.fire({ type: 'itemsChanged', itemIds });
    this.control.saved();
    this.tellStatus();
  }

  /** To be called when another process has written, or what can be read has changed. */
  tellAnythingChanged(): void {
    this.#core.events.fire({ type: 'itemsChanged' });
    this.#core.events.fire({ type: 'conflictsChanged' });
  }

  tellStatus(): void {
    void statusOf(this.#core, this.control).then(status => {
      if (status.ok) this.#core.events.fire({ type: 'statusChanged', status: status.value });
    });
  }

  #synced(report: CycleReport): void {
    const { events, sealTraces } = this.#core;
    const itemIds = [...new Set([...report.changedItems, ...report.acknowledgedItems])];
    if (itemIds.length > 0) events.fire({ type: 'itemsChanged', itemIds });
    if (report.pulled > 0) this.indexing.soon();
    if (report.changedItems.size > 0) this.#sealing = this.#sealing.then(sealTraces);
    if (report.conflictsChanged) events.fire({ type: 'conflictsChanged' });
  }

  async stop(): Promise<void> {
    await this.upkeep.stop();
    await this.control.stop();
    await this.indexing.stop();
    await this.#sealing;
  }
}
