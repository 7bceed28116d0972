import { ok, type Result } from '../../base/result';
import { normalizeText } from '../../model/plainText';
import { unsettledItemIds } from '../../store/unsettledSaves';
import { saveDocument, settleSave } from '../../sync/edits/settleSave';
import { type DeviceCore, read, write } from '../core';
import type { DeviceDocuments } from '../device';
import type { DeviceError } from '../deviceError';
import { lockedFailure } from '../failures';
import type { DocumentJson } from '../json';
import { bodyProblem } from './itemFields';
import { type ReadableItem, readableItem } from './readableItem';

/** @param changed told of the items that were written */
export function createDeviceDocuments(
  core: DeviceCore,
  changed: (ids: readonly string[]) => void,
): DeviceDocuments {
  return {
    open: id =>
      read(core, store => {
        const item = readableItem(store, id);
        return item.ok ? ok(documentJson(item.value)) : item;
      }),

    save: async (id, text, base) => {
      const body = normalizeText(text);
      const problem = bodyProblem(body);
      if (problem !== undefined) return problem;
      const written = await write(core, context => {
        const item = readableItem(context.store, id);
        if (!item.ok) return item;
        if (!context.store.payloads.canWrite(item.value.content.sensitive)) return lockedFailure();
        const outcome = saveDocument(context, item.value, body, base);
        const after = readableItem(context.store, item.value.id);
        return after.ok ? ok({ outcome, item: after.value }) : after;
      });
      if (!written.ok) return written;
      const { outcome, item } = written.value;
      if (outcome === 'saved') changed([item.id]);
      return ok({
        revision: item.lastModified,
        modifiedMs: item.modifiedMs,
        unsettled: outcome === 'unsettled',
      });
    },

    settle: async id => {
      const written = await write(core, context => {
        const item = readableItem(context.store, id);
        if (!item.ok) return item;
        const outcome = settleSave(context, item.value.id);
        const settled = readableItem(context.store, item.value.id);
        return settled.ok ? ok({ outcome, item: settled.value }) : settled;
      });
      if (!written.ok) return written;
      const { outcome, item } = written.value;
      changed([item.id]);
      if (outcome !== 'nothing') core.events.fire({ type: 'conflictsChanged' });
      return ok(documentJson(item));
    },
  };
}

/** Merges the saves that a crash has left between saving and settling. */
export async function settleLeftSaves(core: DeviceCore): Promise<Result<number, DeviceError>> {
  const left = await read(core, store => ok(unsettledItemIds(store)));
  if (!left.ok || left.value.length === 0) return left.ok ? ok(0) : left;
  return write(core, context => {
    for (const id of left.value) settleSave(context, id);
    return ok(left.value.length);
  });
}

function documentJson(item: ReadableItem): DocumentJson {
  const { content } = item;
  return {
    itemId: item.id,
    kind: content.kind,
    title: content.title,
    folder: content.folder,
    language: content.kind === 'snippet' ? 'snippet' : content.language,
    sensitive: content.sensitive,
    deleted: item.deleted,
    body: content.body,
    revision: item.lastModified,
    modifiedMs: item.modifiedMs,
    createdMs: item.createdMs,
  };
}
