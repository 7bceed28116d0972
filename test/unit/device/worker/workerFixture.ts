import { parentPort, workerData } from 'node:worker_threads';
import { expose, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/umd/node-adapter';
import { defined } from '../../../../src/base/assert';
import { err, ok, type Result } from '../../../../src/base/result';
import type { DeviceSettings, LocalDevice } from '../../../../src/device/device';
import type { DeviceError } from '../../../../src/device/deviceError';
import type { HostServices, WorkerStart } from '../../../../src/device/worker/workerContract';
import { workerEntry } from '../../../../src/device/worker/workerEntry';
import { borrowServices } from '../../../../src/device/worker/workerServices';
import { MemoryDevice } from '../../../support/memoryDevice';

/** A worker whose device is in memory; titles of notes are what a test tells it to do. */
const start: WorkerStart = workerData;
const { secrets, http, logger } = borrowServices(wrap<HostServices>(nodeEndpoint(start.services)));
const request = { method: 'GET', url: 'http://x/', headers: {}, timeoutMs: 1, maxAnswerBytes: 1 } as const;

async function openMemoryDevice(settings: DeviceSettings): Promise<Result<LocalDevice, DeviceError>> {
  if (start.folder === 'damaged') return err({ code: 'storage', message: 'The store is damaged.' });
  if (start.folder === 'mistake') throw new Error('a mistake');
  if (start.folder === 'held' && (await secrets.get('session')) === undefined) {
    return err({ code: 'storage', message: 'The store is held.' });
  }
  const device = new MemoryDevice();
  device.settings = settings;
  const { create } = device.items;
  const items: typeof device.items = {
    ...device.items,
    async create(item) {
      if (item.title === 'hang') logger.info('hangs from now on');
      if (item.title === 'hang') for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      if (item.title === 'crash') process.exit(3);
      if (item.title === 'secret') await secrets.set('session', item.body ?? '');
      if (item.title === 'log') logger.warn('said in the worker', { size: 3 });
      if (item.title === 'asked') return create({ ...item, body: JSON.stringify(device.asked) });
      if (item.title === 'settings') {
        return err({ code: 'badInput', message: JSON.stringify(device.settings) });
      }
      if (item.title === 'send') {
        const answer = await http.send({ ...request, body: new Uint8Array([1, 2]) });
        return create({ ...item, body: JSON.stringify(answer.ok ? [...answer.value.body] : answer.error) });
      }
      if (item.title === 'stop') {
        const stopping = new AbortController();
        const asked = http.send(request, stopping.signal);
        stopping.abort();
        const answer = await asked;
        return create({ ...item, body: answer.ok ? 'answered' : answer.error.type });
      }
      if (item.title === 'stream') {
        const texts: string[] = [];
        const stream = http.stream(request, text => {
          texts.push(text);
          if (texts.length === 2) stream.stop();
        });
        const ended = await stream.ended;
        return create({ ...item, body: JSON.stringify({ texts, ok: ended.ok }) });
      }
      const created = await create(item);
      device.fire({ type: 'itemsChanged', itemIds: ['x'] });
      return created;
    },
  };
  return ok({
    items,
    documents: device.documents,
    conflicts: device.conflicts,
    account: device.account,
    sync: device.sync,
    upkeep: device.upkeep,
    housekeeping: device.housekeeping,
    configure: changed => device.configure(changed),
    on: listener => device.on(listener),
    close: () => device.close(),
  });
}

const lock = { check: 'lock', level: 'error', found: 'The store is locked.', mend: 'Removes it.' } as const;
const entry = workerEntry(
  openMemoryDevice,
  async ({ mend }) => {
    if (start.folder === 'held') await http.send(request);
    const isLocked = start.folder === 'damaged';
    return ok({ findings: isLocked ? [{ ...lock, mended: mend }] : [], isStoreLocked: isLocked });
  },
  logger,
);
expose(entry, nodeEndpoint(defined(parentPort, 'a worker has a port to its host')));
