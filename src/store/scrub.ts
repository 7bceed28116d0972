import { ok, type Result } from '../base/result';
import type { ItemId } from '../model/ids/ids';
import type { StorageError } from '../sqlite/database';
import type { Maintenance } from '../sqlite/maintenance';
import { integer } from './rows';
import { scrubDone, scrubDue, sealItem } from './seal';
import { compactSearchIndex } from './search/searchIndex';
import type { Snapshots } from './snapshots';
import type { Store } from './store';
import type { StoreTransaction } from './transaction';

/**
 * Leaves no readable trace of items that were encrypted: not in the index, not in unused parts of the file, not in any
 * snapshot. What is due is kept in the store until it is done, so that a crash on the way forgets nothing.
 * @returns how many items were scrubbed; none while the device is locked
 */
export async function scrub(parts: {
  readonly store: Store;
  readonly database: Maintenance;
  readonly snapshots: Snapshots;
}): Promise<Result<number, StorageError>> {
  const { store, database, snapshots } = parts;
  let scrubbed = 0;
  for (;;) {
    const due = await store.read(tx => (tx.payloads.unlocked ? scrubDue(tx, itemsPerRound) : []));
    if (!due.ok) return due;
    if (due.value.length === 0) return ok(scrubbed);
    const wiped = await wipe(store, database);
    if (!wiped.ok) return wiped;
    const listed = snapshots.list();
    if (!listed.ok) return listed;
    for (const snapshot of listed.value) {
      const opened = await snapshots.openStore(snapshot);
      if (!opened.ok && opened.error.type === 'damaged') {
        // It cannot be gone back to. The doctor says that it may still hold the texts.
        const setAside = snapshots.setAside(snapshot);
        if (!setAside.ok) return setAside;
        continue;
      }
      if (!opened.ok) return opened;
      const sealed = await sealInSnapshot(opened.value.store, opened.value.database, due.value);
      await opened.value.store.close();
      if (!sealed.ok) return sealed;
    }
    const done = await store.write(tx => ok(scrubDone(tx, due.value)));
    if (!done.ok) return done;
    scrubbed += due.value.length;
  }
}

const itemsPerRound = 10_000;
const itemsPerStep = 200;

async function wipe(store: Store, database: Maintenance): Promise<Result<number, StorageError>> {
  const compacted = await store.write(tx => ok(compactSearchIndex(tx)));
  return compacted.ok ? database.wipeUnused() : compacted;
}

async function sealInSnapshot(
  snapshot: Store,
  database: Maintenance,
  itemIds: readonly ItemId[],
): Promise<Result<void, StorageError>> {
  let changes = 0;
  for (let from = 0; from < itemIds.length; from += itemsPerStep) {
    const step = itemIds.slice(from, from + itemsPerStep);
    const sealed = await snapshot.write(tx => ok(sealEach(tx, step)));
    if (!sealed.ok) return sealed;
    changes += sealed.value;
  }
  if (changes === 0) return ok();
  const wiped = await wipe(snapshot, database);
  return wiped.ok ? ok() : wiped;
}

/** Answers how many rows were in clear. */
function sealEach(store: StoreTransaction, itemIds: readonly ItemId[]): number {
  const count = () => integer(store.sql.get('SELECT total_changes() AS total') ?? {}, 'total');
  scrubDone(store, itemIds);
  const before = count();
  for (const id of itemIds) sealItem(store, id);
  const changes = count() - before - itemIds.length; // each was noted as due
  scrubDone(store, itemIds);
  return changes;
}
