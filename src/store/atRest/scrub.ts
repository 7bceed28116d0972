import { ok, type Result } from '../../base/result';
import type { ItemId } from '../../model/ids/ids';
import type { StorageError } from '../../sqlite/database';
import type { Maintenance } from '../../sqlite/maintenance';
import { integer } from '../../sqlite/rows';
import { compactSearchIndex } from '../search/searchIndex';
import type { Snapshots } from '../snapshots/snapshots';
import type { Store } from '../store';
import type { StoreTransaction } from '../transaction';
import { areSnapshotsDue, continueAtRest, isAtRestDue, snapshotsDone } from './atRestPolicy';
import { allScrubsDone, isScrubDue, scrubDone, scrubDue, sealItem } from './seal';

/**
 * Leaves no readable trace of items that were encrypted: not in the index, not in unused parts of the file, not in any
 * snapshot. What is due is kept in the store until it is done, so that a crash on the way forgets nothing.
 * @returns how many items were scrubbed; none while the device is locked
 */
export async function scrub(parts: {
  readonly store: Store;
  readonly database: Wiping;
  readonly snapshots: Pick<Snapshots, 'listSettled' | 'openStore' | 'setAside'>;
}): Promise<Result<number, StorageError>> {
  const { store, database, snapshots } = parts;
  let scrubbed = 0;
  for (;;) {
    const due = await store.read(tx => ({
      items: tx.payloads.unlocked ? scrubDue(tx, itemsPerRound) : [],
      snapshots: tx.payloads.unlocked && areSnapshotsDue(tx),
    }));
    if (!due.ok) return due;
    const { items } = due.value;
    if (items.length === 0 && !due.value.snapshots) return ok(scrubbed);
    const wiped = await wipe(store, database);
    if (!wiped.ok) return wiped;
    const listed = await snapshots.listSettled();
    if (!listed.ok) return listed;
    for (const snapshot of listed.value) {
      const opened = await snapshots.openStore(snapshot);
      if (!opened.ok && opened.error.type === 'damaged') {
        // It cannot be gone back to. The doctor says that it may still hold the texts.
        const setAside = snapshots.setAside(snapshot);
        if (!setAside.ok) return setAside;
        continue;
      }
      if (!opened.ok && opened.error.type === 'io' && opened.error.code === 'ENOENT') continue;
      if (!opened.ok) return opened;
      const sealed = await sealInSnapshot(opened.value.store, opened.value.database, items);
      await opened.value.store.close();
      if (!sealed.ok) return sealed;
    }
    const done = await store.write(tx => {
      scrubDone(tx, items);
      snapshotsDone(tx);
      return ok();
    });
    if (!done.ok) return done;
    scrubbed += items.length;
  }
}

const itemsPerRound = 10_000;
const itemsPerStep = 200;

type Wiping = Pick<Maintenance, 'wipeUnused'>;

async function wipe(store: Store, database: Wiping): Promise<Result<number, StorageError>> {
  const compacted = await store.write(tx => ok(compactSearchIndex(tx)));
  return compacted.ok ? database.wipeUnused() : compacted;
}

/**
 * What is sealed is noted in the snapshot itself, until it is wiped: a process may end in between, and a snapshot that
 * was taken while something was to be scrubbed came with its notes.
 */
async function sealInSnapshot(
  snapshot: Store,
  database: Wiping,
  itemIds: readonly ItemId[],
): Promise<Result<void, StorageError>> {
  for (let from = 0; from < itemIds.length; from += itemsPerStep) {
    const step = itemIds.slice(from, from + itemsPerStep);
    const sealed = await snapshot.write(tx => ok(sealEach(tx, step)));
    if (!sealed.ok) return sealed;
  }
  const followed = await followPolicy(snapshot);
  if (!followed.ok) return followed;
  const noted = await snapshot.read(tx => scrubDue(tx, 1).length > 0);
  if (!noted.ok || !noted.value) return noted.ok ? ok() : noted;
  const wiped = await wipe(snapshot, database);
  if (!wiped.ok) return wiped;
  return snapshot.write(tx => ok(allScrubsDone(tx)));
}

/** With the policy `all`, encrypts everything that a snapshot holds, also of items that the store has no more. */
async function followPolicy(snapshot: Store): Promise<Result<void, StorageError>> {
  const due = await snapshot.read(tx => tx.payloads.policy === 'all' && isAtRestDue(tx));
  if (!due.ok) return due;
  for (let isDone = !due.value; !isDone; ) {
    const rewritten = await snapshot.write(tx => ok(continueAtRest(tx)));
    if (!rewritten.ok) return rewritten;
    isDone = rewritten.value;
  }
  return ok();
}

/** Leaves a note of those alone that were in clear. */
function sealEach(store: StoreTransaction, itemIds: readonly ItemId[]): void {
  const count = () => integer(store.sql.get('SELECT total_changes() AS total') ?? {}, 'total');
  for (const id of itemIds) {
    const isNoted = isScrubDue(store, id);
    const before = count();
    sealItem(store, id);
    const isNoteAlone = !isNoted && count() - before === 1;
    if (isNoteAlone) scrubDone(store, [id]);
  }
}
