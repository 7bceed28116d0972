import { ancestorsOf } from '../../model/ancestors';
import type { Content } from '../../model/content';
import { sameContent } from '../../model/contentCodec';
import type { ChangeId, ConflictId, ItemId } from '../../model/ids/ids';
import type { Stamp } from '../../model/ids/stamp';
import { readItemEvenEmptied, type StoredItem, writeItem } from '../../store/items';
import { type ChangeBase, type ItemChange, openItemChanges, putWaitingItemChange } from '../../store/outbox';
import { recordVersion } from '../../store/versions';
import { issueStamp } from '../clock/clock';
import type { EditContext } from '../context';
import { noBase } from '../reconcile/commonBase';

/**
 * A person's edit: the item, its change in the outbox and its history, in one transaction. Edits that were not pushed
 * yet gather in the one change that waits.
 */

export interface LocalEdit {
  readonly content: Content;
  readonly deleted: boolean;
  /** The conflict record that this edit resolves, and the group that pushes the two together. */
  readonly resolves?: { readonly conflictId: ConflictId; readonly groupId: ChangeId };
}

/** Stores the edit and answers its stamp. An edit that changes nothing, and resolves nothing, is not stored. */
export function editItem(context: EditContext, id: ItemId, edit: LocalEdit): Stamp {
  const { store, device, wallMs } = context;
  const held = readItemEvenEmptied(store, id);
  if (held && !edit.resolves && changesNothing(held, edit)) return held.lastModified;

  const issued = issueStamp(store, wallMs, device.id, held?.lastModified);
  const { waiting, inFlight } = openItemChanges(store, id);
  const origin = waiting ? onWaiting(waiting) : originOf(inFlight, held);
  putWaitingItemChange(store, {
    itemId: id,
    type: edit.deleted ? 'delete' : 'upsert',
    stamp: issued.stamp,
    rawMs: issued.rawMs,
    content: edit.content,
    base: origin.base,
    ancestors: origin.ancestors,
    resolves: resolvedBy(edit, waiting),
    groupId: edit.resolves?.groupId ?? waiting?.groupId,
  });
  const state = { content: edit.content, deleted: edit.deleted, deviceId: device.id };
  writeItem(store, { id, lastModified: issued.stamp, ...state }, wallMs);
  // A state that may have been sent is one that other devices go on from, and a merge with them may need it.
  if (waiting?.rawMs !== undefined)
    recordVersion(store, id, { stamp: issued.stamp, version: 0, ...state }, wallMs, true);
  return issued.stamp;
}

/**
 * The record that the change resolves and nothing else. What is written before or after a resolution, and is pushed with
 * it, must not give way to another resolution unseen.
 */
function resolvedBy({ resolves }: LocalEdit, waiting: ItemChange | undefined): ConflictId | undefined {
  const isAlone = waiting === undefined || waiting.reseal || waiting.resolves === resolves?.conflictId;
  return isAlone ? resolves?.conflictId : undefined;
}

function changesNothing(held: StoredItem, edit: LocalEdit): boolean {
  return (
    held.content !== undefined && held.deleted === edit.deleted && sameContent(held.content, edit.content)
  );
}

/** What takes the place of a change that waits. Other devices may know that one's stamp, unless it was never sent. */
function onWaiting({ base, ancestors, stamp, rawMs }: ItemChange): {
  readonly base: ChangeBase;
  readonly ancestors: readonly Stamp[];
} {
  return { base, ancestors: rawMs === undefined ? ancestorsOf(stamp, ...ancestors) : ancestors };
}

/** What a new change is made on: the change in flight, else the version that is held. */
function originOf(
  flying: ItemChange | undefined,
  held: StoredItem | undefined,
): { readonly base: ChangeBase; readonly ancestors: readonly Stamp[] } {
  if (flying) {
    return {
      base: {
        version: 0, // not known before the server has answered
        stamp: flying.stamp,
        deleted: flying.type === 'delete',
        content: flying.content,
      },
      ancestors: ancestorsOf(flying.stamp, ...flying.ancestors),
    };
  }
  if (!held?.syncedStamp) return { base: noBase, ancestors: held?.ancestors ?? [] };
  return {
    base: {
      version: held.version,
      stamp: held.syncedStamp,
      deleted: held.syncedDeleted,
      content: held.content,
    },
    ancestors: ancestorsOf(held.syncedStamp, ...held.ancestors),
  };
}
