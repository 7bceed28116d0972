import path from 'node:path';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { undiciHttp } from '../../src/cli/undiciHttp';
import { fileSecrets } from '../../src/device/account/fileSecrets';
import type { Device } from '../../src/device/device';
import { defaultDeviceSettings, type OpenDeviceOptions, openDevice } from '../../src/device/openDevice';
import { sqliteWasm } from './sqliteWasm';

/** A device on a home of the terminal, in this process: what the terminal itself opens. */
export async function openHome(home: string, overrides: Partial<OpenDeviceOptions> = {}): Promise<Device> {
  return unwrap(
    await openDevice({
      folder: home,
      wasm: async () => sqliteWasm(),
      secrets: fileSecrets(path.join(home, 'secrets'), systemRandom, () => undefined),
      http: undiciHttp(systemTimers),
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      logger: silentLogger,
      settings: defaultDeviceSettings,
      ...overrides,
    }),
  );
}
