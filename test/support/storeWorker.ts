import { readFileSync, writeSync } from 'node:fs';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { ok } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { emptyContent } from '../../src/model/content';
import { createItemId } from '../../src/model/ids/createId';
import type { ItemId } from '../../src/model/ids/ids';
import { describeStorageError } from '../../src/sqlite/storageErrors';
import { openStore } from '../../src/store/openStore';
import { Payloads } from '../../src/store/payloads';
import type { Store } from '../../src/store/store';
import { editItem } from '../../src/sync/edits/localEdits';
import { laptop, testCipher } from './storeFixture';

/**
 * A process of its own that writes items as a window does. Its arguments are the job, the device's folder, its own name
 * and the path of the wasm file. It reports in lines on standard output, written before the next step is begun.
 */
const [job = '', folder = '', name = '', wasmPath = ''] = process.argv.slice(2);

const burstItems = 500;
const editedItems = 12;

const jobs: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  write: editForEver,
  burst: createManyItems,
};

async function main(): Promise<void> {
  const opened = await openStore({
    folder,
    wasm: () => readFileSync(wasmPath),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger: silentLogger,
    payloads: new Payloads(testCipher(), 'sensitive'),
  });
  if (!opened.ok) throw new Error(describeStorageError(opened.error));
  const run = jobs[job];
  if (run === undefined) throw new Error(`no such job: ${job}`);
  await run(opened.value.store);
  await opened.value.store.close();
}

/** Edits, deletes and hides a few items again and again, and tells of each write once it is acknowledged. */
async function editForEver(store: Store): Promise<void> {
  const ids = Array.from({ length: editedItems }, () => createItemId(systemRandom));
  for (let count = 1; ; count++) {
    const id = ids[count % editedItems];
    if (id === undefined) continue;
    const isSensitive = count % 7 === 0;
    await write(store, id, `edit ${count} `.repeat(1 + (count % 40)), {
      isSensitive,
      deleted: count % 11 === 0,
    });
    report(`acknowledged ${id} ${count}`);
  }
}

async function createManyItems(store: Store): Promise<void> {
  let longestMs = 0;
  for (let count = 0; count < burstItems; count++) {
    const startMs = systemClock.monotonic();
    await write(store, createItemId(systemRandom), `burst ${name}`, { isSensitive: false, deleted: false });
    longestMs = Math.max(longestMs, systemClock.monotonic() - startMs);
  }
  report(`longest ${longestMs}`);
}

async function write(
  store: Store,
  id: ItemId,
  body: string,
  { isSensitive, deleted }: { readonly isSensitive: boolean; readonly deleted: boolean },
): Promise<void> {
  const content = { ...emptyContent('note', `of ${name}`), body, sensitive: isSensitive };
  const written = await store.write(tx => {
    const device = { id: laptop, name: 'laptop' };
    editItem({ store: tx, device, wallMs: systemClock.now(), random: systemRandom }, id, {
      content,
      deleted,
    });
    return ok();
  });
  if (!written.ok) throw new Error(describeStorageError(written.error));
}

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

main().catch((error: unknown) => {
  report(`failed ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
