import { assert } from '../../base/assert';
import { parseJson } from '../../base/json';
import type { ItemId } from '../../model/ids/ids';
import type { Row, SqlValue } from '../../sqlite/database';
import { integer } from '../../sqlite/rows';
import { clearState, readState, writeState } from '../state';
import type { StoreTransaction } from '../transaction';
import { type IndexText, indexTextOf } from './indexText';
import { indexedPrefixes } from './query';

/** FTS4's own merging now and then does much at once. What is merged, and when, is decided here. */
const setMerging = `INSERT INTO search(search) VALUES ('automerge=0')`;

/**
 * The index for full-text search: an FTS4 table over terms that this folder makes, in the transaction of every write.
 * It keeps no texts of its own. To take a document out, FTS4 reads what it had put in from `search_source`, where that
 * stands only for that moment: it is made anew from the row.
 *
 * An item is in the index when it is live and lies in the file in clear. When many are new at once (an import, the
 * first pull), and while the index is built anew, only rows before a place that is written down are in it: the others
 * follow in short steps, and a search waits for them.
 */
export const searchSchema: readonly string[] = [
  'CREATE TABLE search_source(rid INTEGER PRIMARY KEY, title TEXT, labels TEXT, body TEXT)',
  // Beginnings of three and four bytes have an index of their own: without it, each of them would have to be put
  // together from the documents of hundreds of terms.
  `CREATE VIRTUAL TABLE search USING fts4(content="search_source", title, labels, body, tokenize=simple, order=desc,
     prefix="${indexedPrefixes.join()}")`,
  setMerging,
];

/** What of an item's row the index depends on. */
export interface IndexedRow {
  readonly rid: number;
  readonly deleted: boolean;
  readonly payload: SqlValue | undefined;
}

/**
 * Brings the index from one state of a row to the next; undefined where there is none. {@link writeSearchIndex} does so
 * at the end of the transaction.
 */
export function moveInSearchIndex(
  store: StoreTransaction,
  from: IndexedRow | undefined,
  to: IndexedRow | undefined,
): void {
  const rid = from?.rid ?? to?.rid;
  if (rid === undefined || !isReached(store, rid)) return;
  moveText(store, rid, from && indexTextOfRow(from), to && indexTextOfRow(to));
}

/**
 * Writes what the transaction has moved, in the order of the rows: FTS4 gathers the terms of rows whose numbers grow and
 * writes them as one part. Other numbers, and some statements on other tables in between, make it write a part for each
 * row, which took longer than everything else that a page of pulled edits does. To be called once, at the end.
 */
export function writeSearchIndex(store: StoreTransaction): void {
  const moves = [...(store.memo?.indexMoves ?? [])].sort(([left], [right]) => left - right);
  for (const [rid, { before, after }] of moves) writeMove(store, rid, before, after);
}

/** Puts a row into the index that was made just now, or leaves it, and those made after it, to the steps that follow. */
export function indexNewRow(store: StoreTransaction, row: IndexedRow): void {
  if (isReached(store, row.rid) && (store.memo?.leavesNewRows || isFilled(store)))
    writeState(store, 'searchIndexedBelow', row.rid);
  else moveInSearchIndex(store, undefined, row);
}

/** Leaves all rows that this transaction makes to the steps that follow: it is one of many that make new ones. */
export function leaveNewRows(store: StoreTransaction): void {
  if (store.memo) store.memo.leavesNewRows = true;
}

/** Puts an item into the index whose row was written by other means. */
export function addToSearchIndex(store: StoreTransaction, itemId: ItemId): void {
  const row = store.sql.get('SELECT rid, deleted, payload FROM items WHERE id = ?', [itemId]);
  if (row) moveInSearchIndex(store, undefined, indexedRow(row));
}

/** Empties the index, to be filled again by {@link continueSearchIndex}. */
export function restartSearchIndex(store: StoreTransaction): void {
  store.memo?.indexMoves.clear();
  store.sql.run('DELETE FROM search_source');
  // FTS4 fills itself from its source, in which nothing stands.
  store.sql.run(`INSERT INTO search(search) VALUES ('rebuild')`);
  store.sql.run(setMerging);
  writeState(store, 'searchIndexedBelow', 0);
}

/** Fills the index by some rows more, which takes about 20 ms. Answers whether it is whole. */
export function continueSearchIndex(store: StoreTransaction, maxRows = maxRowsPerStep): boolean {
  const from = readState(store, 'searchIndexedBelow');
  if (from === undefined) return true;
  const rows = store.sql.all('SELECT rid, deleted, payload FROM items WHERE rid >= ? ORDER BY rid LIMIT ?', [
    from,
    maxRows,
  ]);
  let below = from;
  for (const row of rows) {
    if (isFilled(store)) break;
    const indexed = indexedRow(row);
    const text = indexTextOfRow(indexed);
    if (text) moveText(store, indexed.rid, undefined, text);
    below = indexed.rid + 1;
  }
  const last = rows.at(-1);
  const isWhole = rows.length < maxRows && (last === undefined || integer(last, 'rid') < below);
  if (isWhole) clearState(store, 'searchIndexedBelow');
  else writeState(store, 'searchIndexedBelow', below);
  return isWhole;
}

const maxRowsPerStep = 100;
/** One transaction puts no more than this into the index, but for one item that is larger. */
const maxIndexedCharacters = 64 * 1024;

function isFilled(store: StoreTransaction): boolean {
  return (store.memo?.indexedCharacters ?? 0) >= maxIndexedCharacters;
}

export function isSearchIndexWhole(store: StoreTransaction): boolean {
  return readState(store, 'searchIndexedBelow') === undefined;
}

/**
 * Merges parts of the index, which single saves leave, by a step of about 10 ms. Without it a save now and then would
 * have to merge many at once.
 * @returns whether nothing is left to merge
 */
export function mergeSearchIndex(store: StoreTransaction): boolean {
  const count = () => integer(store.sql.get('SELECT total_changes() AS total') ?? {}, 'total');
  const before = count();
  merge(store, pagesPerIdleMerge, partsWorthIdleMerging);
  return count() - before < leastMergeChanges;
}

/**
 * Merges about as much as a large write has added, in that write: measured over an import of 40,000 notes of 1 KB, no
 * commit then took longer than 40 ms, and up to 1,200 ms without it.
 */
export function mergeAfterWrites(store: StoreTransaction): void {
  const pages = Math.round((store.memo?.indexedCharacters ?? 0) / charactersPerMergedPage);
  if (pages >= minPagesPerMerge) merge(store, Math.min(pages, maxPagesPerMerge), partsWorthMerging);
}

const charactersPerMergedPage = 750;
const minPagesPerMerge = 6;
const maxPagesPerMerge = 400;
/** Of as many parts of one size, one is made; FTS4 does so by itself, all at once, when there are sixteen. */
const partsWorthMerging = 8;
const pagesPerIdleMerge = 60;
const partsWorthIdleMerging = 4;
/** Fewer rows than this change when there is nothing to merge (sqlite.org/fts3.html#mergecmd). */
const leastMergeChanges = 2;

function merge(store: StoreTransaction, pages: number, parts: number): void {
  store.sql.run(`INSERT INTO search(search) VALUES ('merge=${pages},${parts}')`);
}

/** Leaves nothing in the index of what was taken out of it: until its parts are merged, they hold it. */
export function compactSearchIndex(store: StoreTransaction): void {
  store.sql.run(`INSERT INTO search(search) VALUES ('optimize')`);
}

/** What is in the index of a row; undefined for nothing. */
export function indexTextOfRow(row: IndexedRow): IndexText | undefined {
  if (row.deleted || typeof row.payload !== 'string') return undefined;
  const content = parseJson(row.payload);
  return isRecord(content) ? indexTextOf(content) : undefined;
}

export function indexedRow(row: Row): IndexedRow {
  return { rid: integer(row, 'rid'), deleted: row['deleted'] !== 0, payload: row['payload'] };
}

function moveText(
  store: StoreTransaction,
  rid: number,
  before: IndexText | undefined,
  after: IndexText | undefined,
): void {
  const { memo } = store;
  if (memo === undefined) {
    writeMove(store, rid, before, after);
    return;
  }
  const earlier = memo.indexMoves.get(rid);
  memo.indexMoves.set(rid, { before: earlier ? earlier.before : before, after });
  if (after) memo.indexedCharacters += after.title.length + after.labels.length + after.body.length;
}

function writeMove(
  store: StoreTransaction,
  rid: number,
  before: IndexText | undefined,
  after: IndexText | undefined,
): void {
  if (before && after && sameText(before, after)) return;
  if (before) removeText(store, rid, before);
  if (after) addText(store, rid, after);
}

function addText(store: StoreTransaction, rid: number, text: IndexText): void {
  store.sql.run('INSERT INTO search(docid, title, labels, body) VALUES (?, ?, ?, ?)', [
    rid,
    text.title,
    text.labels,
    text.body,
  ]);
}

function removeText(store: StoreTransaction, rid: number, text: IndexText): void {
  store.sql.run('INSERT INTO search_source(rid, title, labels, body) VALUES (?, ?, ?, ?)', [
    rid,
    text.title,
    text.labels,
    text.body,
  ]);
  store.sql.run('DELETE FROM search WHERE docid = ?', [rid]);
  const removed = store.sql.run('DELETE FROM search_source WHERE rid = ?', [rid]);
  assert(removed === 1, 'the source of the index holds a row only for the moment of a removal');
}

function isReached(store: StoreTransaction, rid: number): boolean {
  const below = readState(store, 'searchIndexedBelow');
  return below === undefined || rid < below;
}

function sameText(left: IndexText, right: IndexText): boolean {
  return left.title === right.title && left.labels === right.labels && left.body === right.body;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
