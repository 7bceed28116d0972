import { type ProxyMarked, proxy, type Remote } from 'comlink';
import { defined } from '../../base/assert';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { ok, type Result } from '../../base/result';
import type { DeviceEvent, DeviceSettings, LocalDevice } from '../device';
import type { DeviceError } from '../deviceError';
import type { WorkerEntry } from './workerContract';

export type OpenDevice = (settings: DeviceSettings) => Promise<Result<LocalDevice, DeviceError>>;

/** What the worker offers to its host: a device that is opened when the host asks for it. */
export function workerEntry(
  openDevice: OpenDevice,
  checkLocks: WorkerEntry['checkLocks'],
  logger: Logger,
): WorkerEntry {
  let device: LocalDevice | undefined;
  const opened = () => defined(device, 'the device is used before it was opened');

  async function open(
    settings: DeviceSettings,
    onEvent: Remote<((event: DeviceEvent) => void) & ProxyMarked>,
  ): Promise<Result<void, DeviceError>> {
    const result = await openDevice(settings);
    if (!result.ok) return result;
    device = result.value;
    await device.on(event => {
      onEvent(event).catch((error: unknown) => {
        logger.warn('an event did not reach the editor', { event: event.type, error: messageOf(error) });
      });
    });
    device.housekeeping.start();
    return ok();
  }

  return {
    open,
    get items() {
      return proxy(opened().items);
    },
    get documents() {
      return proxy(opened().documents);
    },
    get conflicts() {
      return proxy(opened().conflicts);
    },
    get account() {
      return proxy(opened().account);
    },
    get sync() {
      return proxy(opened().sync);
    },
    get upkeep() {
      return proxy(opened().upkeep);
    },
    checkLocks,
    configure: settings => opened().configure(settings),
    ping: () => undefined,
    close: async () => device?.close(),
  };
}
