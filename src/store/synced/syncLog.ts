import { parseJson } from '../../base/json';
import { text } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';

/** The sync cycles that did something, kept up to a number. Entries are the caller's JSON objects. */

const maxLogEntries = 1000;

export function appendLogEntry(store: StoreTransaction, atMs: number, entry: object): void {
  store.sql.run('INSERT INTO sync_log(at_ms, entry) VALUES (?, ?)', [atMs, JSON.stringify(entry)]);
  store.sql.run('DELETE FROM sync_log WHERE id <= (SELECT max(id) FROM sync_log) - ?', [maxLogEntries]);
}

/** Newest first, as they were appended; the caller decodes them. */
export function readLogEntries(store: StoreTransaction, limit: number): readonly unknown[] {
  return store.sql
    .all('SELECT entry FROM sync_log ORDER BY id DESC LIMIT ?', [limit])
    .map(row => parseJson(text(row, 'entry')));
}
