import { err, ok, type Result } from '../../base/result';
import type { Content } from '../../model/content';
import { parseFolder } from '../../model/fieldForms';
import { createItemId } from '../../model/ids/createId';
import { type ItemId, isItemId } from '../../model/ids/ids';
import { emptyDeletedItems } from '../../store/emptied';
import { listItems, readItem } from '../../store/items';
import { leaveNewRows } from '../../store/search/searchIndex';
import { type SearchHit, searchItems } from '../../store/search/searchItems';
import { deviceNameOf } from '../../store/synced/devices';
import type { StoreTransaction } from '../../store/transaction';
import { listVersions, type StoredVersion } from '../../store/versions';
import { editItem } from '../../sync/edits/localEdits';
import { type DeviceCore, itemIdOf, read, write } from '../core';
import { type DeviceItems, maxItemsAtOnce } from '../device';
import type { DeviceError } from '../deviceError';
import { failure, lockedFailure } from '../failures';
import type { ItemJson, NewItemJson, SearchHitJson } from '../json';
import type { Indexing } from './indexing';
import { newContent, withFields } from './itemFields';
import { type ItemState, itemJson } from './itemJson';
import { createItemPages } from './itemPages';
import { summaries } from './itemSummaries';
import { readableItem } from './readableItem';

export interface DeviceItemsOptions {
  /** Told of the items that were written. */
  readonly changed: (ids: readonly string[]) => void;
  readonly indexing: Pick<Indexing, 'soon' | 'finish'>;
}

export function createDeviceItems(core: DeviceCore, { changed, indexing }: DeviceItemsOptions): DeviceItems {
  const edit = async (
    id: string,
    next: (item: ItemState) => Result<Pick<ItemState, 'content' | 'deleted'>, DeviceError>,
  ): Promise<Result<ItemJson, DeviceError>> => {
    const written = await write(core, context => {
      const item = readableItem(context.store, id);
      if (!item.ok) return item;
      const wanted = next(item.value);
      if (!wanted.ok) return wanted;
      if (!context.store.payloads.canWrite(wanted.value.content.sensitive)) return lockedFailure();
      editItem(context, item.value.id, wanted.value);
      return readableItem(context.store, item.value.id);
    });
    if (!written.ok) return written;
    changed([written.value.id]);
    return ok(itemJson(written.value));
  };

  return {
    create: async ({ kind, title, ...fields }) => {
      const content = newContent(kind, title, fields);
      if (!content.ok) return content;
      const id = createItemId(core.random);
      const written = await write(core, context => {
        if (!context.store.payloads.canWrite(content.value.sensitive)) return lockedFailure();
        editItem(context, id, { content: content.value, deleted: false });
        return readableItem(context.store, id);
      });
      if (!written.ok) return written;
      changed([id]);
      return ok(itemJson(written.value));
    },

    createAll: async items => {
      const contents = await contentsOf(core, items);
      if (!contents.ok) return contents;
      const created = await createInChunks(core, contents.value, changed);
      indexing.soon();
      return created;
    },

    get: id =>
      read(core, store => {
        const item = readableItem(store, id);
        return item.ok ? ok(itemJson(item.value)) : item;
      }),

    getMany: ids =>
      read(core, store =>
        ok(
          ids.slice(0, maxItemsAtOnce).flatMap(id => {
            const item = isItemId(id) ? readItem(store, id) : undefined;
            return item?.content === undefined ? [] : [itemJson({ ...item, content: item.content })];
          }),
        ),
      ),

    list: async query => {
      const folder = query.folder === undefined ? undefined : parseFolder(query.folder);
      if (folder?.ok === false) return failure('badInput', folder.error.detail);
      const within = folder === undefined ? {} : { folder: folder.value };
      return read(core, store => {
        const items = listItems(store, { ...query, ...within, deleted: query.deleted ?? false });
        return ok(summaries(store, items));
      });
    },

    ...createItemPages(core),

    search: async (query, limit) => {
      await indexing.finish();
      return read(core, store =>
        ok(hitsJson(store, searchItems(store, query, Math.min(limit, maxSearchHits)))),
      );
    },

    update: (id, fields) =>
      edit(id, item => {
        const content = withFields(item.content, fields);
        return content.ok ? ok({ content: content.value, deleted: false }) : content;
      }),

    delete: id => edit(id, item => ok({ content: item.content, deleted: true })),

    restore: (id, version) =>
      version === undefined
        ? edit(id, item => ok({ content: item.content, deleted: false }))
        : restoreVersion(core, id, version, changed),

    history: id =>
      read(core, store => {
        const itemId = itemIdOf(store, id);
        if (!itemId.ok) return itemId;
        const versions = listVersions(store, itemId.value);
        return ok(
          versions.flatMap((version, index) =>
            version.content === undefined
              ? []
              : [
                  {
                    number: versions.length - index,
                    stamp: version.stamp,
                    item: itemJson({
                      ...version,
                      content: version.content,
                      id: itemId.value,
                      lastModified: version.stamp,
                    }),
                    deviceName: deviceNameOf(store, version.deviceId),
                  },
                ],
          ),
        );
      }),

    emptyDeleted: async () => {
      const removed = await write(core, ({ store }) => ok(emptyDeletedItems(store)));
      if (removed.ok && removed.value > 0) changed([]);
      return removed;
    },
  };
}

/** So long a part of a bulk goes on before the thread and the lock are others' for a moment. */
const maxChunkMs = 25;
const maxChunkItems = 1000;
/** Of more items than this, the search index learns after they are written. */
const maxIndexedAtOnce = 50;

async function contentsOf(
  core: DeviceCore,
  items: readonly NewItemJson[],
): Promise<Result<readonly Content[], DeviceError>> {
  const contents: Content[] = [];
  let startedMs = core.clock.monotonic();
  for (const [index, { kind, title, ...fields }] of items.entries()) {
    const content = newContent(kind, title, fields);
    if (!content.ok) return failure(content.error.code, `Item ${index + 1}: ${content.error.message}`);
    contents.push(content.value);
    if (core.clock.monotonic() - startedMs > maxChunkMs) {
      await core.timers.sleep(0);
      startedMs = core.clock.monotonic();
    }
  }
  return ok(contents);
}

async function createInChunks(
  core: DeviceCore,
  contents: readonly Content[],
  changed: (ids: readonly string[]) => void,
): Promise<Result<{ readonly created: number }, DeviceError>> {
  const writable = await read(core, ({ payloads }) =>
    contents.every(content => payloads.canWrite(content.sensitive)) ? ok() : lockedFailure(),
  );
  if (!writable.ok) return writable;
  const ids: string[] = [];
  while (ids.length < contents.length) {
    const written = await write(core, context => {
      const startedMs = core.clock.monotonic();
      if (contents.length > maxIndexedAtOnce) leaveNewRows(context.store);
      const chunk: string[] = [];
      for (const content of contents.slice(ids.length, ids.length + maxChunkItems)) {
        if (chunk.length > 0 && core.clock.monotonic() - startedMs > maxChunkMs) break;
        if (!context.store.payloads.canWrite(content.sensitive)) return lockedFailure();
        const id = createItemId(core.random);
        editItem(context, id, { content, deleted: false });
        chunk.push(id);
      }
      return ok(chunk);
    });
    if (!written.ok) return written;
    ids.push(...written.value);
    await core.timers.sleep(0);
  }
  if (ids.length > 0) changed(ids);
  return ok({ created: ids.length });
}

function hitsJson(store: StoreTransaction, hits: readonly SearchHit[]): readonly SearchHitJson[] {
  const items = summaries(
    store,
    hits.map(({ item }) => item),
  );
  return hits.flatMap(({ excerpt }, index) => {
    const item = items[index];
    return item === undefined ? [] : [{ item, excerpt: excerpt.text, highlights: excerpt.highlights }];
  });
}

const maxSearchHits = 1000;

async function restoreVersion(
  core: DeviceCore,
  id: string,
  wanted: string | number,
  changed: (ids: readonly string[]) => void,
): Promise<Result<ItemJson, DeviceError>> {
  const written = await write(core, context => {
    const item = readableItem(context.store, id);
    if (!item.ok) return item;
    const version = versionNamed(context.store, item.value.id, wanted);
    if (!version.ok) return version;
    // A person who made it sensitive since then does not unmake it by the way.
    const sensitive = version.value.sensitive || item.value.content.sensitive;
    if (!context.store.payloads.canWrite(sensitive)) return lockedFailure();
    editItem(context, item.value.id, { content: { ...version.value, sensitive }, deleted: false });
    return readableItem(context.store, item.value.id);
  });
  if (!written.ok) return written;
  changed([written.value.id]);
  return ok(itemJson(written.value));
}

function versionNamed(
  store: StoreTransaction,
  id: ItemId,
  wanted: string | number,
): Result<NonNullable<StoredVersion['content']>, DeviceError> {
  const versions = listVersions(store, id);
  const version =
    typeof wanted === 'string'
      ? versions.find(({ stamp }) => stamp === wanted)
      : versions[versions.length - wanted];
  if (version === undefined) {
    const which = typeof wanted === 'string' ? 'no such version any more' : `no version ${wanted}`;
    return err({
      code: 'unknownVersion',
      message: `There is ${which} of this item: it has 1 to ${versions.length}.`,
    });
  }
  return version.content === undefined ? lockedFailure() : ok(version.content);
}
