import { type HostFacts, initialNamespace } from '../../src/sqlite/lock/hostFacts';

/** A machine of processes that a test starts and ends. */
export class Machine {
  readonly running = new Map<number, string>();
  boot: string;
  isDiskLocal = true;

  constructor(public name = 'machine1') {
    this.boot = `first start of ${name}`.replaceAll(' ', '-');
  }

  start(processId: number, startTime: string): HostFacts {
    this.running.set(processId, startTime);
    return {
      processId,
      threadId: processId,
      machine: this.name,
      boot: this.boot,
      namespace: initialNamespace,
      isRunning: id => this.running.has(id),
      startTimeOf: id => this.running.get(id),
      isOnLocalDisk: () => this.isDiskLocal,
    };
  }

  end(processId: number): void {
    this.running.delete(processId);
  }
}
