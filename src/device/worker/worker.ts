import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { expose, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/umd/node-adapter';
import { defined } from '../../base/assert';
import { systemRandom } from '../../base/random';
import { systemClock, systemTimers } from '../../base/time';
import { openDevice } from '../openDevice';
import { checkLocks } from '../upkeep/lockCheck';
import type { HostServices, WorkerStart } from './workerContract';
import { workerEntry } from './workerEntry';
import { borrowServices } from './workerServices';

/** The worker thread of the editor extension: a device whose secrets, network and log are its host's. */
const start: WorkerStart = workerData;
const { secrets, http, logger } = borrowServices(wrap<HostServices>(nodeEndpoint(start.services)));

const services = { clock: systemClock, timers: systemTimers, random: systemRandom, logger };
const entry = workerEntry(
  settings =>
    openDevice({
      folder: start.folder,
      wasm: () => readFile(start.wasmFile),
      secrets,
      http,
      ...services,
      settings,
    }),
  options => checkLocks(start.folder, services, options),
  logger,
);
expose(entry, nodeEndpoint(defined(parentPort, 'a worker has a port to its host')));
