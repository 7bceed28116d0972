import type { Content } from '../../model/content';
import { sameContent } from '../../model/contentCodec';
import type { ItemId } from '../../model/ids/ids';
import { readItem, type StoredItem, touchItem } from '../../store/items';
import type { ChangeBase } from '../../store/outbox';
import { putUnsettledSave, readUnsettledSave, removeUnsettledSave } from '../../store/unsettledSaves';
import { listVersions } from '../../store/versions';
import { issueApart } from '../clock/clock';
import type { MergeContext } from '../context';
import { mergeVersions } from '../merge/mergeVersions';
import { recordMeeting } from '../pull/conflictRecords';
import { editItem } from './localEdits';

/**
 * Saving a document. The base of a save is what the document last read, never simply what the store holds: if the two
 * differ, the saved text is kept whole, and merged three-way when the editor is ready for it.
 */
export function saveDocument(
  context: MergeContext,
  item: { readonly id: ItemId; readonly content: Content },
  body: string,
  base: { readonly revision: string; readonly body: string },
): 'saved' | 'unsettled' {
  const { store } = context;
  const waits = readUnsettledSave(store, item.id);
  // The waiting save is another document's, unless this one goes on from it.
  if (waits && waits.saved.body !== base.body) settleSave(context, item.id);
  const held = readItem(store, item.id);
  const content = held?.content ?? item.content;
  const unsettled = readUnsettledSave(store, item.id);
  const saved = { ...content, body };
  // By their texts, not by their stamps: a stamp that was never sent may have been given anew.
  const wasDeleted = held?.deleted === true && held.lastModified !== base.revision;
  const upToDate = !wasDeleted && (content.body === base.body || content.body === body);
  if (!unsettled && upToDate) {
    editItem(context, item.id, { content: saved, deleted: false });
    return 'saved';
  }
  putUnsettledSave(
    store,
    { itemId: item.id, base: unsettled?.base ?? { ...content, body: base.body }, saved },
    context.wallMs,
  );
  touchItem(store, item.id);
  return 'unsettled';
}

/** Merges a save that waits with what the item has become. Overlapping texts become an open conflict. */
export function settleSave(context: MergeContext, itemId: ItemId): 'nothing' | 'merged' | 'conflict' {
  const { store, device } = context;
  const save = readUnsettledSave(store, itemId);
  const held = readItem(store, itemId);
  if (!save || held?.content === undefined) return 'nothing';
  removeUnsettledSave(store, itemId);
  // The text may be in no version but only in the record: no later merge may have its stamp.
  const stamp = issueApart(store, context.wallMs, device.id, held.lastModified);
  const ours = { content: { ...held.content, body: save.saved.body }, deleted: false, stamp };
  const theirs = { content: held.content, deleted: held.deleted, stamp: held.lastModified };
  const merged = mergeVersions({
    base: { content: { ...held.content, body: save.base.body }, deleted: false },
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
    base: baseOf(context, held, save.base),
    left: { ...ours, version: 0 },
    right: { ...theirs, version: held.version },
    outcome: merged.keys.length > 0 ? 'lastWriterWins' : 'merged',
    keys: merged.keys,
    open: merged.open,
  });
  if (sameContent(merged.content, held.content) && !held.deleted) touchItem(store, itemId);
  else editItem(context, itemId, { content: merged.content, deleted: merged.deleted });
  return merged.open ? 'conflict' : 'merged';
}

/**
 * The version that a document had read, as the base of a record. Where the history has gathered it with the edits after
 * it, the text is still known, and the version that all of them were made on stands for it.
 */
function baseOf({ store }: MergeContext, held: StoredItem, read: Content): ChangeBase {
  const version = listVersions(store, held.id).find(({ content }) => content?.body === read.body);
  if (version) return { ...version, content: read };
  return {
    version: held.version,
    stamp: held.syncedStamp ?? held.lastModified,
    deleted: false,
    content: read,
  };
}
