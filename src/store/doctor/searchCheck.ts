import { counted } from '../../base/amounts';
import { ok } from '../../base/result';
import { integer } from '../../sqlite/rows';
import {
  continueSearchIndex,
  indexedRow,
  indexTextOfRow,
  isSearchIndexWhole,
  restartSearchIndex,
} from '../search/searchIndex';
import type { StoreTransaction } from '../transaction';
import type { Check } from './examination';
import { sound, trouble } from './finding';

const check = 'search';

/** Whether the index has the items that it should have, and no others; and whether it finds their words. */
export const checkSearch: Check = async ({ store, mend }) => {
  const looked = await store.read(tx =>
    isSearchIndexWhole(tx)
      ? { wrong: Math.max(wrongDocuments(tx), unfoundItems(tx)), documents: documentCount(tx) }
      : undefined,
  );
  if (!looked.ok) return looked;
  if (looked.value && looked.value.wrong === 0) {
    return ok([
      sound(check, `The search index holds ${counted(looked.value.documents, 'item')}, as it should.`),
    ]);
  }
  if (mend) {
    const restarted = await store.write(tx => ok(looked.value && restartSearchIndex(tx)));
    if (!restarted.ok) return restarted;
    for (let isWhole = false; !isWhole; ) {
      const more = await store.write(tx => ok(continueSearchIndex(tx)));
      if (!more.ok) return more;
      isWhole = more.value;
    }
  }
  if (looked.value === undefined) {
    return ok([
      sound(
        check,
        mend
          ? 'The search index is whole now.'
          : 'The search index is being built; a search goes on with it.',
      ),
    ]);
  }
  const found = `The search index differs from ${counted(looked.value.wrong, 'item')}.`;
  return ok([
    trouble(check, 'warning', found, { mend: 'Builds the index anew from the items.', mended: mend }),
  ]);
};

/** Items, spread over all, whose words are looked for. */
const maxSampledItems = 300;
const termsPerItem = 4;

const indexable = `SELECT rid FROM items WHERE deleted = 0 AND typeof(payload) = 'text'`;

/** Items that are missing in the index, and documents of it that are no items. */
function wrongDocuments(store: StoreTransaction): number {
  const row = store.sql.get(
    `SELECT (SELECT count(*) FROM (${indexable} EXCEPT SELECT docid FROM search_docsize))
       + (SELECT count(*) FROM (SELECT docid FROM search_docsize EXCEPT ${indexable})) AS wrong`,
  );
  return integer(row ?? {}, 'wrong');
}

function documentCount(store: StoreTransaction): number {
  return integer(store.sql.get('SELECT count(*) AS documents FROM search_docsize') ?? {}, 'documents');
}

function unfoundItems(store: StoreTransaction): number {
  const ids = store.sql.all(indexable).map(row => integer(row, 'rid'));
  const every = Math.max(1, Math.ceil(ids.length / maxSampledItems));
  return ids.filter((rid, index) => index % every === 0 && !isFound(store, rid)).length;
}

function isFound(store: StoreTransaction, rid: number): boolean {
  const row = store.sql.get('SELECT rid, deleted, payload FROM items WHERE rid = ?', [rid]);
  const text = row && indexTextOfRow(indexedRow(row));
  if (!text) return true;
  const terms = [text.title, text.labels, text.body].flatMap(column => {
    const all = column.split(' ').filter(term => term !== '');
    return [all[0], all[Math.floor(all.length / 2)], all.at(-1)].filter(term => term !== undefined);
  });
  return [...new Set(terms)]
    .slice(0, termsPerItem)
    .every(term =>
      store.sql.get('SELECT 1 FROM search WHERE search MATCH ? AND docid = ?', [`"${term}"`, rid]),
    );
}
