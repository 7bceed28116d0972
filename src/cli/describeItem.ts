import type { ItemJson, ItemSummaryJson, SearchHitJson, VersionJson } from '../device/json';
import { shortId } from '../model/ids/ids';
import { type Cell, facts, harmless, localTime, type Page, plain, shown, table } from './page';

/** An item's fields, an empty line, and its body. */
export function itemText(item: ItemJson, page: Page): string {
  const body = shown(page, item.body.replace(/\n$/, ''));
  return body === '' ? itemFacts(item, page) : `${itemFacts(item, page)}\n\n${body}`;
}

/** @param nothing said when there are none */
export function itemList(items: readonly ItemSummaryJson[], nothing: string, page: Page): string {
  if (items.length === 0) return nothing;
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
      const head = `${page.paint('quiet', shortId(item.id))}  ${page.paint('strong', plain(item.title))}`;
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
    text += inLine(excerpt.slice(from, start)) + page.paint('warning', inLine(excerpt.slice(start, end)));
    from = end;
  }
  return text + inLine(excerpt.slice(from));
}

/** As `plain`, but with every space: it is a part of a line. */
function inLine(text: string): string {
  return harmless(text.replace(/\s/g, ' '));
}
