import type { Content } from '../model/content';
import { sameContent } from '../model/contentCodec';
import type { ItemId } from '../model/ids/ids';
import { readItem, touchItem } from '../store/items';
import { putUnsettledSave, readUnsettledSave, removeUnsettledSave } from '../store/unsettledSaves';
import { issueStamp } from './clock';
import { recordMeeting } from './conflictRecords';
import type { MergeContext } from './context';
import { editItem } from './localEdits';
import { mergeVersions } from './merge/mergeVersions';

/**
 * Saving a document. The base of a save is what the document last read, never simply what the store holds: if the two
 * differ, the saved text is kept whole, and merged three-way when the editor is ready for it.
 */
export function saveDocument(
  context: MergeContext,
  held: { readonly id: ItemId; readonly content: Content; readonly lastModified: string },
  body: string,
  base: { readonly revision: string; readonly body: string },
): 'saved' | 'unsettled' {
  const { store } = context;
  const unsettled = readUnsettledSave(store, held.id);
  const saved = { ...held.content, body };
  const upToDate =
    held.lastModified === base.revision || held.content.body === base.body || held.content.body === body;
  if (!unsettled && upToDate) {
    editItem(context, held.id, { content: saved, deleted: false });
    return 'saved';
  }
  putUnsettledSave(
    store,
    { itemId: held.id, base: unsettled?.base ?? { ...held.content, body: base.body }, saved },
    context.wallMs,
  );
  touchItem(store, held.id);
  return 'unsettled';
}

/** Merges a save that waits with what the item has become. Overlapping texts become an open conflict. */
export function settleSave(context: MergeContext, itemId: ItemId): 'nothing' | 'merged' | 'conflict' {
  const { store, device } = context;
  const save = readUnsettledSave(store, itemId);
  const held = readItem(store, itemId);
  if (!save || held?.content === undefined) return 'nothing';
  removeUnsettledSave(store, itemId);
  const { stamp } = issueStamp(store, context.wallMs, device.id, held.lastModified);
  const ours = { content: { ...held.content, body: save.saved.body }, deleted: false, stamp };
  const theirs = { content: held.content, deleted: held.deleted, stamp: held.lastModified };
  const merged = mergeVersions({
    base: { content: { ...held.content, body: save.base.body }, deleted: held.deleted },
    left: ours,
    right: theirs,
    text: context.text,
  });
  if (merged.type === 'same') {
    touchItem(store, itemId);
    return 'nothing';
  }
  recordMeeting(context, {
    itemId,
    base: undefined,
    left: { ...ours, version: 0 },
    right: { ...theirs, version: held.version },
    outcome: merged.open ? 'lastWriterWins' : 'merged',
    keys: merged.keys,
    open: merged.open,
  });
  if (sameContent(merged.content, held.content) && !held.deleted) touchItem(store, itemId);
  else editItem(context, itemId, { content: merged.content, deleted: merged.deleted });
  return merged.open ? 'conflict' : 'merged';
}
