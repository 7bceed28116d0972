import type { Conflict, ConflictSide, Resolution } from '../../model/conflict';
import type { Content } from '../../model/content';
import { maxTitleLength } from '../../model/contentCodec';
import { createChangeId, createItemId } from '../../model/ids/createId';
import type { ItemId } from '../../model/ids/ids';
import { readItem } from '../../store/items';
import { waitingItemChange } from '../../store/outbox';
import type { MergeContext } from '../context';
import { reviseRecord } from '../pull/conflictRecords';
import { editItem } from './localEdits';

/**
 * A person's answer to a conflict: one atomic pair of the item's change, which names the record that it resolves, and
 * the record. The change is made even when the text stays, so that of two resolutions the later wins in both.
 */
export type Choice =
  | { readonly keep: 'earlier' | 'later'; readonly as: Resolution }
  /** The later side stays, and the earlier one becomes an item of its own. */
  | { readonly keep: 'both' }
  | { readonly keep: 'merge'; readonly body: string };

/** @returns the record, and the ids of the items that were written */
export function resolveConflict(
  context: MergeContext,
  conflict: Conflict,
  choice: Choice,
): { readonly conflict: Conflict; readonly written: readonly ItemId[] } {
  const written: ItemId[] = [conflict.itemId];
  if (choice.keep === 'both' && !conflict.later.deleted && !conflict.earlier.deleted) {
    const copy = createItemId(context.random);
    const copied = keepSensitivity(context, conflict, copyOf(conflict.earlier));
    editItem(context, copy, { content: copied, deleted: false });
    written.push(copy);
  }
  const resolution: Resolution =
    choice.keep === 'both' ? 'keepBoth' : choice.keep === 'merge' ? 'merge' : choice.as;
  const revised = revise(context, conflict, outcomeOf(context, conflict, choice), {
    state: 'resolved',
    resolution,
  });
  return { conflict: revised, written };
}

/** Takes an automatic merge or a resolution back: the item gets `side` again and the record is open. */
export function reopenConflict(context: MergeContext, conflict: Conflict, side: ConflictSide): Conflict {
  return revise(
    context,
    conflict,
    { content: side.content, deleted: side.deleted },
    { state: 'open', resolution: 'undo' },
  );
}

interface Outcome {
  readonly content: Content;
  readonly deleted: boolean;
}

function outcomeOf({ store }: MergeContext, conflict: Conflict, choice: Choice): Outcome {
  const held = readItem(store, conflict.itemId);
  const later = { content: conflict.later.content, deleted: conflict.later.deleted };
  const current: Outcome =
    held?.content === undefined ? later : { content: held.content, deleted: held.deleted };
  // What was written after the conflict stays when the side that it was written on is kept. A record that was answered
  // before, or taken back, does not tell on which side the text stands: then it is the side's own.
  const stands = conflict.state === 'open' && conflict.resolution !== 'undo';
  const onLater = stands ? current : later;
  switch (choice.keep) {
    case 'later':
      return onLater;
    case 'earlier':
      return { content: conflict.earlier.content, deleted: conflict.earlier.deleted };
    case 'both':
      return conflict.later.deleted
        ? { content: conflict.earlier.content, deleted: false }
        : { ...onLater, deleted: false };
    case 'merge':
      return { content: { ...current.content, body: choice.body }, deleted: false };
  }
}

function revise(
  context: MergeContext,
  conflict: Conflict,
  outcome: Outcome,
  next: Pick<Conflict, 'state'> & { readonly resolution: Resolution },
): Conflict {
  // A resolution that waits already is pushed with this one: their records stand on the same change.
  const groupId =
    waitingItemChange(context.store, conflict.itemId)?.groupId ?? createChangeId(context.random);
  const stamp = editItem(context, conflict.itemId, {
    content: keepSensitivity(context, conflict, outcome.content),
    deleted: outcome.deleted,
    resolves: { conflictId: conflict.id, groupId },
  });
  return reviseRecord(context.store, conflict, { ...next, stamp }, groupId);
}

/** A side from before the item became sensitive does not bring its text back into the clear. */
function keepSensitivity({ store }: MergeContext, conflict: Conflict, content: Content): Content {
  return readItem(store, conflict.itemId)?.content?.sensitive ? { ...content, sensitive: true } : content;
}

function copyOf(side: ConflictSide): Content {
  const suffix = ` (${side.deviceName})`.slice(0, maxTitleLength / 2);
  return {
    ...side.content,
    title: `${side.content.title.slice(0, maxTitleLength - suffix.length)}${suffix}`,
  };
}
