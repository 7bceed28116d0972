import { counted } from '../../base/amounts';
import { type Err, ok, type Result } from '../../base/result';
import type { Content } from '../../model/content';
import type { ItemId } from '../../model/ids/ids';
import type { StorageError } from '../../sqlite/database';
import { readItem } from '../../store/items';
import type { SnapshotEdit, SnapshotReader } from '../../store/snapshots/snapshotReader';
import type { Snapshots } from '../../store/snapshots/snapshots';
import type { StoreTransaction } from '../../store/transaction';
import { editItem } from '../../sync/edits/localEdits';
import { type DeviceCore, read, write } from '../core';
import type { DeviceError } from '../deviceError';
import { failure, lockedFailure, storageFailure } from '../failures';

/**
 * Sets every item to what it was in a snapshot, as edits of this device. Nothing is written before it is known that all
 * of it can be; when the disk fails on the way, the answer tells how to undo the part that was done. What cannot be read
 * on either side stays as it is.
 *
 * @param changed told of the items that were written, also when the rest failed
 */
export async function rollBack(
  core: DeviceCore,
  snapshots: Pick<Snapshots, 'open' | 'take'>,
  id: string,
  changed: (ids: readonly string[]) => void,
): Promise<Result<{ readonly changed: number; readonly undoSnapshot: string }, DeviceError>> {
  const reader = await snapshots.open(id);
  if (!reader.ok) {
    return reader.error.type === 'unknownSnapshot'
      ? failure('unknownSnapshot', 'There is no such snapshot. List the snapshots to see their ids.')
      : snapshotFailure(reader.error);
  }
  try {
    const differing = await findDiffering(core, reader.value);
    if (!differing.ok) return differing;
    const undo = await snapshots.take('rollback');
    if (!undo.ok) return storageFailure(undo.error);
    const written: ItemId[] = [];
    const done = await setBack(core, reader.value, differing.value, written);
    if (written.length > 0) changed(written);
    if (done.ok) return ok({ changed: written.length, undoSnapshot: undo.value.id });
    if (written.length === 0) return done;
    const { code, message } = done.error;
    const part = `Set back before that: ${written.length} of ${counted(differing.value.length, 'item')}.`;
    return failure(
      code,
      `${message} ${part} Try again, or undo them: roll back to snapshot ${undo.value.id}.`,
    );
  } finally {
    await reader.value.close();
  }
}

/** Items that one transaction reads and writes. */
const itemsPerTransaction = 100;

/** The items that differ and can be set back; an error when the device is locked and one of them is encrypted. */
async function findDiffering(
  core: DeviceCore,
  reader: SnapshotReader,
): Promise<Result<readonly ItemId[], DeviceError>> {
  const differing = await reader.differences();
  if (!differing.ok) return snapshotFailure(differing.error);
  const found: ItemId[] = [];
  for (const itemIds of inParts(differing.value)) {
    const edits = await reader.edits(itemIds);
    if (!edits.ok) return snapshotFailure(edits.error);
    const looked = await read(core, store =>
      eachEdit(store, edits.value, ({ itemId }) => found.push(itemId)),
    );
    if (!looked.ok) return looked;
  }
  const unreadable = differing.value.length - found.length;
  if (unreadable > 0) core.logger.warn('a roll-back leaves what cannot be read', { items: unreadable });
  return ok(found);
}

/** @param written gets the items that were written */
async function setBack(
  core: DeviceCore,
  reader: SnapshotReader,
  differing: readonly ItemId[],
  written: ItemId[],
): Promise<Result<void, DeviceError>> {
  for (const itemIds of inParts(differing)) {
    const edits = await reader.edits(itemIds);
    if (!edits.ok) return snapshotFailure(edits.error);
    const done = await write(core, context => {
      const edited: ItemId[] = [];
      const all = eachEdit(context.store, edits.value, ({ itemId, content, deleted }) => {
        editItem(context, itemId, { content, deleted });
        edited.push(itemId);
      });
      return all.ok ? ok(edited) : all;
    });
    if (!done.ok) return done;
    written.push(...done.value);
  }
  return ok();
}

function* inParts(itemIds: readonly ItemId[]): Generator<readonly ItemId[]> {
  for (let from = 0; from < itemIds.length; from += itemsPerTransaction) {
    yield itemIds.slice(from, from + itemsPerTransaction);
  }
}

interface ReadableEdit {
  readonly itemId: ItemId;
  readonly content: Content;
  readonly deleted: boolean;
}

/** Hands over what can be set back, with the content that it then has. */
function eachEdit(
  store: StoreTransaction,
  edits: readonly SnapshotEdit[],
  use: (edit: ReadableEdit) => void,
): Result<void, DeviceError> {
  for (const { itemId, content: then, deleted } of edits) {
    const held = readItem(store, itemId);
    const content = then ?? held?.content;
    if (content === undefined && !store.payloads.unlocked) return lockedFailure();
    const isReadable = content !== undefined && (then !== undefined || held?.deleted !== deleted);
    if (!isReadable) continue;
    // A person who made it sensitive since then does not unmake it by the way; what cannot be read was sealed.
    const sensitive = content.sensitive || (held !== undefined && (held.content?.sensitive ?? true));
    if (!store.payloads.canWrite(sensitive)) return lockedFailure();
    use({ itemId, content: { ...content, sensitive }, deleted });
  }
  return ok();
}

/** What reading a snapshot, or the store beside it, has come to. */
function snapshotFailure(error: StorageError): Err<DeviceError> {
  if (error.type === 'damaged') {
    return failure(
      'storage',
      `The snapshot is damaged, so it cannot be gone back to (${error.detail}). Choose another one.`,
    );
  }
  if (error.type === 'io' && error.code === 'ENOENT') {
    return failure(
      'unknownSnapshot',
      'The snapshot is gone: it was older than what is kept. Choose another one.',
    );
  }
  return storageFailure(error);
}
