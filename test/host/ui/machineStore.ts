import { silentLogger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { unwrap } from '../../../src/base/result';
import { systemClock, systemTimers } from '../../../src/base/time';
import { openStore } from '../../../src/store/openStore';
import { Payloads } from '../../../src/store/payloads';
import type { Store } from '../../../src/store/store';
import { sqliteWasm } from '../../support/sqliteWasm';
import type { Machine } from './devicePair';

/** Does something with a machine's store in this process, as one window more would. */
export async function withStore<T>(
  { home }: Pick<Machine, 'home'>,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const { store } = unwrap(
    await openStore({
      ...{ folder: home, wasm: sqliteWasm, clock: systemClock, timers: systemTimers },
      ...{ random: systemRandom, logger: silentLogger, payloads: new Payloads(undefined, 'sensitive') },
    }),
  );
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
