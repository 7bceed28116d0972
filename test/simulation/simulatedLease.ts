import { ok } from '../../src/base/result';
import { leaseTermMs, type SyncLease } from '../../src/store/synced/lease';
import type { SimulatedProcess } from './simulatedProcess';
import type { VirtualTime } from './virtualTime';

/** The lease of one device: taken over from the dead at once, and from those who have fallen silent for its term. */
export class SimulatedLease {
  readonly #time: VirtualTime;
  #owner: SimulatedProcess | undefined;
  #heardMs = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  of(process: SimulatedProcess): SyncLease {
    return {
      tryAcquire: async () => {
        const silentMs = this.#time.nowMs - this.#heardMs;
        const isFree = this.#owner === undefined || !this.#owner.alive || silentMs > leaseTermMs;
        if (isFree) this.#owner = process;
        if (this.#owner === process) this.#heardMs = this.#time.nowMs;
        return ok(this.#owner === process);
      },
      heartbeat: () => {
        if (this.#owner === process) this.#heardMs = this.#time.nowMs;
      },
      release: () => {
        if (this.#owner === process) this.#owner = undefined;
      },
      close: async () => undefined,
    };
  }
}
