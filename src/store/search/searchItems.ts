import { assert } from '../../base/assert';
import { isItemId } from '../../model/ids/ids';
import { branded, integer } from '../../sqlite/rows';
import { readItem, readItemOfRow, type StoredItem } from '../items';
import type { StoreTransaction } from '../transaction';
import { type Excerpt, excerptOf, matchesIn } from './excerpt';
import { bodyOf } from './indexText';
import { type Clause, hasPrefixIndex, matchExpression, parseQuery } from './query';
import { relevance } from './ranking';

export interface SearchHit {
  readonly item: StoredItem;
  /** A part of the item's text around what was found. */
  readonly excerpt: Excerpt;
}

/**
 * The live items that answer a query, the best first. Every text is a query; one that asks for nothing finds nothing.
 * Sensitive items are never found. Where a policy encrypts every item there is no index: then the latest
 * {@link maxOpenedItems} are looked through, when the device is unlocked.
 */
export function searchItems(store: StoreTransaction, query: string, limit: number): readonly SearchHit[] {
  const clauses = parseQuery(query);
  if (clauses.length === 0 || limit < 1) return [];
  const found = new Map(
    bestCandidates(store, clauses, limit).map(({ item, score }) => [item.id, { item, score }]),
  );
  for (const { item, score } of openedCandidates(store, clauses)) found.set(item.id, { item, score });
  return [...found.values()]
    .sort(byScore)
    .slice(0, limit)
    .map(({ item }) => ({ item, excerpt: excerptFor(item, clauses) }));
}

interface Candidate {
  readonly item: StoredItem;
  readonly score: number;
}

/** When a query fits more items, the latest made are ranked, and those that it fits by the title. */
const maxRanked = 1000;
const maxRankedByTitle = 300;
export const maxOpenedItems = 3000;

function byScore(left: Candidate, right: Candidate): number {
  if (left.score !== right.score) return right.score - left.score;
  return left.item.lastModified < right.item.lastModified ? 1 : -1;
}

function bestCandidates(
  store: StoreTransaction,
  clauses: readonly Clause[],
  limit: number,
): readonly Candidate[] {
  const scores = new Map<number, number>();
  // A word that many items hold is looked up much faster than all words that begin like it.
  const whole = clauses.map(clause => ({ ...clause, isPrefix: clause.isPrefix && hasPrefixIndex(clause) }));
  rank(store, matchExpression(whole, 'anywhere'), maxRanked, scores);
  if (
    scores.size < maxRanked &&
    whole.some((clause, index) => clause.isPrefix !== clauses[index]?.isPrefix)
  ) {
    rank(store, matchExpression(clauses, 'anywhere'), maxRanked, scores);
  }
  if (scores.size >= maxRanked) rank(store, matchExpression(whole, 'titles'), maxRankedByTitle, scores);
  return [...scores]
    .sort(([leftRid, left], [rightRid, right]) => right - left || rightRid - leftRid)
    .slice(0, limit)
    .flatMap(([rid, score]) => {
      const item = readItemOfRow(store, rid);
      return item?.content === undefined || item.deleted ? [] : [{ item, score }];
    });
}

function rank(store: StoreTransaction, expression: string, limit: number, scores: Map<number, number>): void {
  const rows = store.sql.all(
    `SELECT docid, matchinfo(search, 'pcayl') AS info FROM search WHERE search MATCH ? ORDER BY docid DESC LIMIT ?`,
    [expression, limit],
  );
  for (const row of rows) {
    const info = row['info'];
    assert(info instanceof Uint8Array, 'matchinfo answers bytes');
    const rid = integer(row, 'docid');
    scores.set(rid, Math.max(scores.get(rid) ?? 0, relevance(info)));
  }
}

/** Items that are encrypted by the policy, not by their own sensitivity, and that every clause is found in. */
function* openedCandidates(store: StoreTransaction, clauses: readonly Clause[]): Generator<Candidate> {
  if (!store.payloads.unlocked || !store.payloads.seals(false)) return;
  const rows = store.sql.all(
    `SELECT id FROM items WHERE deleted = 0 AND typeof(payload) = 'blob' ORDER BY last_modified DESC LIMIT ?`,
    [maxOpenedItems],
  );
  for (const row of rows) {
    const item = readItem(store, branded(row, 'id', isItemId));
    if (!item?.content || item.content.sensitive) continue;
    const { title } = item.content;
    const inTitle = new Set(matchesIn(title, clauses).map(span => span.clause));
    const labels = JSON.stringify(item.content.tags);
    const found = new Set(
      matchesIn(`${title}\n${labels}\n${bodyOf({ ...item.content })}`, clauses).map(s => s.clause),
    );
    if (found.size === clauses.length) yield { item, score: 1 + inTitle.size / clauses.length };
  }
}

function excerptFor(item: StoredItem, clauses: readonly Clause[]): Excerpt {
  assert(item.content, 'a hit is open');
  return excerptOf(bodyOf({ ...item.content }), clauses);
}
