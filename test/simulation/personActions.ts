import { ok, type Result } from '../../src/base/result';
import type { DeviceError } from '../../src/device/deviceError';
import type { Conflict } from '../../src/model/conflict';
import { type Content, emptyContent } from '../../src/model/content';
import { contentText } from '../../src/model/contentCodec';
import { createItemId } from '../../src/model/ids/createId';
import { type ItemId, isItemId } from '../../src/model/ids/ids';
import { listConflicts } from '../../src/store/conflicts';
import { listItems, readItem } from '../../src/store/items';
import { unsettledItemIds } from '../../src/store/unsettledSaves';
import { listVersions } from '../../src/store/versions';
import type { MergeContext } from '../../src/sync/context';
import { editItem } from '../../src/sync/edits/localEdits';
import { type Choice, reopenConflict, resolveConflict } from '../../src/sync/edits/resolveConflict';
import { saveDocument, settleSave } from '../../src/sync/edits/settleSave';
import type { SeededRandom } from '../support/seededRandom';
import type { Ledger } from './ledger';
import { refusal, type SimulatedDevice, type SimulatedWindow } from './simulatedDevice';
import { plainMark, type Token } from './tokens';
import { changedConfig, changedLines } from './typing';

/** What a person does in a window, as the device's interface does it: one transaction each. */
export const personActions = [
  'create',
  'write',
  'writeSame',
  'retitle',
  'move',
  'tag',
  'pin',
  'hide',
  'delete',
  'restore',
  'restoreVersion',
  'open',
  'save',
  'settle',
  'resolve',
  'undo',
] as const;
export type PersonAction = (typeof personActions)[number];

export interface Doing {
  readonly device: SimulatedDevice;
  readonly window: SimulatedWindow;
  readonly ledger: Ledger;
  readonly random: SeededRandom;
  /** What is typed, if anything is. */
  readonly token: Token;
}

/** Does it, when there is something to do it to. */
export async function act(doing: Doing, action: PersonAction): Promise<void> {
  await doing.device.act(doing.window, context => does(doing, context, action));
}

function does(doing: Doing, context: MergeContext, action: PersonAction): Result<unknown, DeviceError> {
  const { random, token } = doing;
  switch (action) {
    case 'create':
      return edit(doing, context, createItemId(context.random), newItem(random, token));
    case 'write':
      return editSome(doing, context, content => ({ ...content, body: written(content, random, token) }));
    case 'writeSame':
      return editSome(doing, context, content => ({ ...content, body: `${plainMark} the same` }));
    case 'retitle':
      return editSome(doing, context, content => ({ ...content, title: `${plainMark} ${token}` }));
    case 'move':
      return editSome(doing, context, content => ({
        ...content,
        folder: random.pick(['', 'a', 'a/b', token]),
      }));
    case 'tag':
      return editSome(doing, context, content => ({ ...content, tags: tagged(content, random, token) }));
    case 'pin':
      return editSome(doing, context, content => ({ ...content, pinned: !content.pinned }));
    case 'hide':
      return editSome(doing, context, content => ({ ...content, sensitive: true }));
    case 'delete': {
      const id = someItem(context, random, false);
      const content = id && readItem(context.store, id)?.content;
      return id && content ? edit(doing, context, id, content, true) : nothingThere;
    }
    case 'restore': {
      const id = someItem(context, random, true);
      const content = id && readItem(context.store, id)?.content;
      return id && content ? edit(doing, context, id, content) : nothingThere;
    }
    case 'restoreVersion': {
      const id = someItem(context, random, random.chance(0.3));
      const content = id && random.pick(listVersions(context.store, id)).content;
      return id && content ? edit(doing, context, id, content) : nothingThere;
    }
    case 'open':
      return open(doing, context);
    case 'save':
      return save(doing, context);
    case 'settle': {
      const [id] = unsettledItemIds(context.store);
      return id === undefined ? nothingThere : ok(settleSave(context, id));
    }
    case 'resolve':
    case 'undo':
      return answerConflict(doing, context, action);
  }
}

const nothingThere = refusal('there is nothing to do this to');

function edit(
  { ledger, device }: Doing,
  context: MergeContext,
  itemId: ItemId,
  content: Content,
  deleted = false,
): Result<unknown, DeviceError> {
  const held = readItem(context.store, itemId);
  const stamp = editItem(context, itemId, { content, deleted });
  ledger.edited(device.name, {
    itemId,
    parent: held?.lastModified,
    stamp,
    before: held?.content === undefined ? '' : contentText(held.content),
    after: contentText(content),
    deleted,
  });
  return ok();
}

function editSome(
  doing: Doing,
  context: MergeContext,
  change: (content: Content) => Content,
): Result<unknown, DeviceError> {
  const id = someItem(context, doing.random, false);
  const content = id && readItem(context.store, id)?.content;
  // With nothing there to write on, a person begins something.
  if (!id || !content) return does(doing, context, 'create');
  return edit(doing, context, id, change(content));
}

function open({ window, random }: Doing, context: MergeContext): Result<unknown, DeviceError> {
  const id = someItem(context, random, false);
  const item = id && readItem(context.store, id);
  if (!item?.content) return nothingThere;
  window.documents.set(item.id, { revision: item.lastModified, body: item.content.body });
  return ok();
}

function save(doing: Doing, context: MergeContext): Result<unknown, DeviceError> {
  const { window, device, random, token, ledger } = doing;
  const opened = [...window.documents].flatMap(([id, read]) => {
    const held = isItemId(id) ? readItem(context.store, id) : undefined;
    return held?.content === undefined ? [] : [{ held: { ...held, content: held.content }, read }];
  });
  if (opened.length === 0) return nothingThere;
  const { held, read } = random.pick(opened);
  const body = written({ ...held.content, body: read.body }, random, token);
  const outcome = saveDocument(context, held, body, read);
  const stamp = readItem(context.store, held.id)?.lastModified ?? held.lastModified;
  window.documents.set(held.id, { revision: stamp, body });
  if (outcome === 'unsettled') {
    ledger.saved(device.name, read.body, body);
    return ok();
  }
  ledger.edited(device.name, {
    itemId: held.id,
    parent: held.lastModified,
    stamp,
    // What the document had not read, no person can have meant to take out.
    before: contentText({ ...held.content, body: read.body }),
    after: contentText({ ...held.content, body }),
    deleted: false,
  });
  return ok();
}

function answerConflict(
  { ledger, device, random, token }: Doing,
  context: MergeContext,
  action: 'resolve' | 'undo',
): Result<unknown, DeviceError> {
  const states = action === 'resolve' ? (['open'] as const) : (['auto', 'resolved'] as const);
  const conflicts = listConflicts(context.store, states).flatMap(held => held.conflict ?? []);
  if (conflicts.length === 0) return nothingThere;
  const conflict = random.pick(conflicts);
  const before = readItem(context.store, conflict.itemId);
  const written =
    action === 'resolve'
      ? resolveConflict(context, conflict, someChoice(conflict, random, token)).written
      : [reopenConflict(context, conflict, conflict[random.pick(['earlier', 'later'] as const)]).itemId];
  for (const itemId of written) {
    const after = readItem(context.store, itemId);
    if (after?.content === undefined) continue;
    const held = itemId === conflict.itemId ? before : undefined;
    ledger.edited(device.name, {
      itemId,
      parent: held?.lastModified,
      stamp: after.lastModified,
      before: held?.content === undefined ? '' : contentText(held.content),
      after: contentText(after.content),
      deleted: after.deleted,
      isResolution: itemId === conflict.itemId,
    });
  }
  return ok();
}

function someChoice(conflict: Conflict, random: SeededRandom, token: Token): Choice {
  switch (random.pick(['earlier', 'later', 'both', 'merge'] as const)) {
    case 'earlier':
      return { keep: 'earlier', as: 'keepLocal' };
    case 'later':
      return { keep: 'later', as: 'keepRemote' };
    case 'both':
      return { keep: 'both' };
    case 'merge':
      return {
        keep: 'merge',
        body: `${conflict.earlier.content.body}\n${conflict.later.content.body}\n${token}`,
      };
  }
}

function someItem(context: MergeContext, random: SeededRandom, deleted: boolean): ItemId | undefined {
  const ids = listItems(context.store, { deleted }).map(item => item.id);
  return ids.length === 0 ? undefined : random.pick([...ids].sort());
}

function newItem(random: SeededRandom, token: Token): Content {
  const kind = random.pick(['note', 'note', 'snippet', 'config'] as const);
  const content = emptyContent(kind, `${plainMark} ${token}`);
  return kind === 'config'
    ? { ...content, body: '{\n  // settings\n  "a": 1,\n  "b": { "c": [1, 2] }\n}\n' }
    : { ...content, body: ['first', 'second', 'third', 'fourth', 'fifth', ''].join('\n') };
}

function written(content: Content, random: SeededRandom, token: Token): string {
  return content.kind === 'config' && content.body.startsWith('{')
    ? changedConfig(content.body, random, token)
    : changedLines(content.body, random, token);
}

function tagged(content: Content, random: SeededRandom, token: Token): readonly string[] {
  const kept = content.tags.filter(() => !random.chance(0.3));
  return [...new Set([...kept, random.chance(0.5) ? token : 'common'])].sort();
}
