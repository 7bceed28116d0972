import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { defined } from '../../src/base/assert';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { ok, unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { createItemId } from '../../src/model/ids/createId';
import { type ItemId, isItemId } from '../../src/model/ids/ids';
import { branded } from '../../src/sqlite/rows';
import { listItems, readItem } from '../../src/store/items';
import { openStore, storeFileName } from '../../src/store/openStore';
import { Payloads } from '../../src/store/payloads';
import { continueSearchIndex, leaveNewRows } from '../../src/store/search/searchIndex';
import { searchItems } from '../../src/store/search/searchItems';
import { createStore, type Store } from '../../src/store/store';
import type { StoreTransaction } from '../../src/store/transaction';
import { editItem } from '../../src/sync/edits/localEdits';
import { fractionsFrom } from '../support/sqliteSeed';
import { laptop } from '../support/storeFixture';
import { openNativeStore } from './nativeStore';
import { sampleItems } from './sampleItems';

/**
 * One process of the store's benchmark, so that memory and opening are those of a window: `JOB ENGINE FOLDER ITEMS WASM`.
 * Writes one JSON object to standard output.
 */
const [job = '', engine = '', folder = '', itemsText = '', wasmPath = ''] = process.argv.slice(2);
const items = Number(itemsText);

const seed = 1;
const importedItems = 10_000;
const saves = 200;
const reads = 500;
const lists = 60;
const searches = 270;
const maxChunkMs = 25;
const idleMs = 3000;
/** A store of fewer is only there to compare the memory with. */
const fewItems = 1000;
/** Items that are read and saved, spread over the whole store. */
const sampledIds = 1000;

const jobs: Readonly<Record<string, (store: Store) => Promise<object>>> = {
  fill,
  open: justOpen,
  measure,
  machine,
};

async function main(): Promise<void> {
  const startMs = systemClock.monotonic();
  const store = await open();
  const openMs = systemClock.monotonic() - startMs;
  const figures = await defined(jobs[job], `a job: ${job}`)(store);
  const residentBytes = process.memoryUsage.rss();
  await store.close();
  writeSync(1, `${JSON.stringify({ openMs, residentBytes, ...figures })}\n`);
}

async function open(): Promise<Store> {
  const payloads = new Payloads(undefined, 'sensitive');
  if (engine === 'native') return createStore(openNativeStore(join(folder, storeFileName)), payloads);
  const opened = await openStore({
    folder,
    wasm: () => readFileSync(wasmPath),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger: silentLogger,
    payloads,
  });
  return unwrap(opened).store;
}

/** Fills the store, in large transactions: the setting of the other jobs. */
async function fill(store: Store): Promise<object> {
  const samples = sampleItems(seed);
  const itemsPerTransaction = 500;
  for (let done = 0; done < items; done += itemsPerTransaction) {
    await write(store, put => {
      for (let n = done; n < Math.min(items, done + itemsPerTransaction); n++) put(newId(), samples.next());
    });
  }
  await finishIndex(store);
  return { fileBytes: statSync(join(folder, storeFileName)).size };
}

async function justOpen(): Promise<object> {
  return {};
}

/** How fast a disk and how quiet a machine the figures come from. */
async function machine(): Promise<object> {
  const descriptor = openSync(join(folder, 'probe'), 'w');
  const page = new Uint8Array(4096);
  const sync = await times(reads, async index => {
    writeFileSync(descriptor, page);
    fsyncSync(descriptor);
    return index;
  });
  closeSync(descriptor);
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await systemTimers.sleep(idleMs);
  delays.disable();
  return { sync, idleBlockMs: delays.max / 1e6 };
}

async function measure(store: Store): Promise<object> {
  const fraction = fractionsFrom(seed + 1);
  const samples = sampleItems(seed + 2);
  const ids = unwrap(
    await store.read(tx =>
      Array.from({ length: sampledIds }, () => 1 + Math.floor(fraction() * items)).map(rid =>
        branded(
          defined(tx.sql.get('SELECT id FROM items WHERE rid = ?', [rid]), 'rows are counted'),
          'id',
          isItemId,
        ),
      ),
    ),
  );
  const anyId = () => defined(ids[Math.floor(fraction() * ids.length)], 'the store has items');
  const queries = samples.queries(searches);

  const read = await times(reads, () => {
    const id = anyId();
    return store.read(tx => defined(readItem(tx, id)?.content, 'the item is there').title);
  });
  const list = await times(lists, () =>
    store.read(tx => listItems(tx, { deleted: false, limit: 100 }).length),
  );
  const search = await times(searches, index =>
    store.read(tx => searchItems(tx, queries[index] ?? '', 50).length),
  );
  const save = await times(saves, () => {
    const id = anyId();
    return write(store, put => put(id, samples.next()));
  });
  const residentAfterUseBytes = process.memoryUsage.rss();
  const bulk = items < fewItems ? undefined : await bulkImport(store);
  return { read, list, search, save, residentAfterUseBytes, bulk };
}

/** As the device imports: transactions that are cut short after some time, and other work between them. */
async function bulkImport(store: Store): Promise<object> {
  const samples = sampleItems(seed + 3);
  const contents = Array.from({ length: importedItems }, () => samples.next());
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const startMs = systemClock.monotonic();
  for (let done = 0; done < contents.length; ) {
    await write(store, (put, tx) => {
      leaveNewRows(tx);
      const chunkMs = systemClock.monotonic();
      do put(newId(), defined(contents[done++], 'there are more items'));
      while (done < contents.length && systemClock.monotonic() - chunkMs < maxChunkMs);
    });
    await systemTimers.sleep(0);
  }
  const tookMs = systemClock.monotonic() - startMs;
  await finishIndex(store);
  const indexedMs = systemClock.monotonic() - startMs;
  delays.disable();
  return { tookMs, indexedMs, longestBlockMs: delays.max / 1e6, p99BlockMs: delays.percentile(99) / 1e6 };
}

/** What the device does when nothing else goes on, or when a search asks for it. */
async function finishIndex(store: Store): Promise<void> {
  while (!unwrap(await store.write(tx => ok(continueSearchIndex(tx))))) await systemTimers.sleep(0);
}

type Put = (id: ItemId, content: ReturnType<ReturnType<typeof sampleItems>['next']>) => void;

/** Edits as a window makes them: the item, its change in the outbox, its history and the index, durable when it ends. */
async function write(store: Store, work: (put: Put, tx: StoreTransaction) => void): Promise<void> {
  const device = { id: laptop, name: 'laptop' };
  unwrap(
    await store.write(tx => {
      const context = { store: tx, device, wallMs: systemClock.now(), random: systemRandom };
      work((id, content) => void editItem(context, id, { content, deleted: false }), tx);
      return ok();
    }),
  );
}

const newId = () => createItemId(systemRandom);

async function times(count: number, run: (index: number) => Promise<unknown>): Promise<object> {
  const took: number[] = [];
  for (let index = 0; index < count; index++) {
    const startMs = systemClock.monotonic();
    await run(index);
    took.push(systemClock.monotonic() - startMs);
  }
  took.sort((left, right) => left - right);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
  return { p50: at(0.5), p95: at(0.95), max: took.at(-1) };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
