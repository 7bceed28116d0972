import type { ItemJson, ItemSummaryJson, SearchHitJson, VersionJson } from '../device/json';
import { type Cell, facts, localTime, type Page, shortId, shown, table } from './page';

/** An item's fields, an empty line, and its body. */
export function itemText(item: ItemJson, page: Page): string {
  const body = shown(page, item.body.replace(/\n$/, ''));
  return body === '' ? itemFacts(item, page) : `${itemFacts(item, page)}\n\n${body}`;
}

export function itemList(items: readonly ItemSummaryJson[], page: Page): string {
  if (items.length === 0) return 'Nothing here. `scratch add note TITLE` makes the first item.';
  return table(
    page,
    [
      { title: 'ID' },
      { title: 'KIND' },
      { title: 'TITLE', stretches: true },
      { title: 'CHANGED' },
      { title: '' },
    ],
    items.map(item => [
      { text: shortId(item.id), tone: 'quiet' },
      item.kind,
      item.folder === '' ? item.title : `${item.folder}/${item.title}`,
      { text: localTime(item.lastModified), tone: 'quiet' },
      marks(item),
    ]),
  );
}

export function hitList(hits: readonly SearchHitJson[], page: Page): string {
  if (hits.length === 0) return 'Nothing found.';
  return hits
    .map(({ item, excerpt, highlights }) => {
      const head = `${page.paint('quiet', shortId(item.id))}  ${page.paint('strong', oneLine(item.title))}`;
      return excerpt === '' ? head : `${head}\n    ${highlighted(excerpt, highlights, page)}`;
    })
    .join('\n');
}

export function versionList(versions: readonly VersionJson[], page: Page): string {
  return table(
    page,
    [
      { title: 'VERSION', alignRight: true },
      { title: 'CHANGED' },
      { title: 'TITLE', stretches: true },
      { title: 'DEVICE' },
      { title: '' },
    ],
    versions.map(({ number, item, deviceName }) => [
      String(number),
      { text: localTime(item.lastModified, true), tone: 'quiet' },
      item.title,
      deviceName,
      item.deleted ? { text: 'deleted', tone: 'warning' } : '',
    ]),
  );
}

function itemFacts(item: ItemJson, page: Page): string {
  const list = (entries: readonly string[] | undefined) => entries?.join(', ');
  const flags = [
    ...(item.pinned ? ['pinned'] : []),
    ...(item.sensitive ? ['sensitive'] : []),
    ...(item.deleted ? ['deleted'] : []),
  ];
  return facts(page, [
    ['title', { text: item.title, tone: 'strong' }],
    ['id', item.id],
    ['kind', item.kind],
    ['folder', item.folder],
    ['tags', list(item.tags)],
    ['language', item.language],
    ['languages', list(item.languages)],
    ['prefixes', list(item.prefixes)],
    ['description', item.description],
    ['include', list(item.include)],
    ['exclude', list(item.exclude)],
    ['target', item.target],
    ['overlays', list(Object.keys(item.overlays ?? {}))],
    ['repository', item.repository],
    ['marked', list(flags)],
    ['changed', `${localTime(item.lastModified, true)}, version ${item.version}`],
  ]);
}

function marks(item: ItemSummaryJson): Cell {
  if (item.inConflict) return { text: 'conflict', tone: 'warning' };
  if (item.deleted) return { text: 'deleted', tone: 'quiet' };
  if (item.pending) return { text: 'not synced', tone: 'quiet' };
  return item.pinned ? { text: 'pinned', tone: 'quiet' } : '';
}

function highlighted(
  excerpt: string,
  highlights: readonly (readonly [number, number])[],
  page: Page,
): string {
  let text = '';
  let from = 0;
  for (const [start, end] of highlights) {
    text += oneLine(excerpt.slice(from, start)) + page.paint('warning', oneLine(excerpt.slice(start, end)));
    from = end;
  }
  return text + oneLine(excerpt.slice(from));
}

function oneLine(text: string): string {
  return text.replace(/\s/g, ' ').replace(/\p{Cc}/gu, '\ufffd');
}
