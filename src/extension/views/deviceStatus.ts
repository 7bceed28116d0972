import { commands, type Disposable, EventEmitter } from 'vscode';
import type { Device, DeviceEvent } from '../../device/device';
import type { StatusJson } from '../../device/json';
import { contextKeys } from '../manifest';

/** The newest known status of the device, for the status bar, the views and the menus. */
export class DeviceStatus implements Disposable {
  readonly #changed = new EventEmitter<StatusJson>();
  #current: StatusJson | undefined;
  readonly onDidChange = this.#changed.event;

  /** Undefined while the device was not started. */
  get current(): StatusJson | undefined {
    return this.#current;
  }

  hear(event: DeviceEvent): void {
    if (event.type === 'statusChanged') this.#take(event.status);
  }

  /** Asks the device, which starts it. */
  async load(device: Device): Promise<void> {
    const status = await device.sync.status();
    if (status.ok) this.#take(status.value);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  #take(status: StatusJson): void {
    this.#current = status;
    const values = {
      [contextKeys.state]: status.state,
      [contextKeys.signedIn]: status.login !== null,
      [contextKeys.hasConflicts]: status.openConflicts > 0,
    };
    for (const [key, value] of Object.entries(values)) commands.executeCommand('setContext', key, value);
    this.#changed.fire(status);
  }
}
