import { isStamp, maxMillis, parseStamp, stampDeviceIdAt } from '../../model/ids/stamp';
import type { Transaction } from '../../sqlite/database';
import { optionalBranded } from '../../sqlite/rows';
import { forgetEmptiedItems } from '../emptied';
import { Payloads } from '../payloads';
import { clearState, readState, writeState } from '../state';
import type { StoreTransaction } from '../transaction';
import {
  forgetForeignBases,
  isRecordOfChangeLost,
  requeueLostEdits,
  restoreItemsOfChanges,
  thawHollowFlights,
} from './outboxRepair';

/** What is known of a damaged file besides the rows that were recovered from it. */
export interface Salvage {
  /** Tables of which rows may be missing. */
  readonly incompleteTables: readonly string[];
  /** This machine's wall clock, in milliseconds since 1970. */
  readonly wallMs: number;
}

/**
 * Makes the rows that were recovered from a damaged file a sound store again: no edit that was saved here is lost
 * unless its row is, and what the server has comes back by a comparison with its manifest. Runs in the transaction
 * that fills the fresh file.
 */
export function repairSalvaged(tx: Transaction, { incompleteTables, wallMs }: Salvage): void {
  const store: StoreTransaction = { sql: tx, payloads: new Payloads(undefined, 'sensitive') };
  tx.run(
    `DELETE FROM versions WHERE base_id IS NOT NULL
       AND base_id NOT IN (SELECT id FROM versions WHERE base_id IS NULL)`,
  );
  if (readState(store, 'account') === undefined) forgetServer(store);
  thawHollowFlights(tx);
  restoreItemsOfChanges(tx);
  requeueLostEdits(tx);
  // A record says what a change on another device's version has taken from it. Without it the two meet once more.
  if (incompleteTables.includes('conflicts') || isRecordOfChangeLost(tx)) {
    forgetForeignBases(tx, readState(store, 'device')?.id);
  }
  keepClock(store, wallMs);
  tx.run('DELETE FROM search_source');
  writeState(store, 'searchIndexedBelow', 0);
  // What a row says of the server's version is right, but rows are missing, and the digest with them.
  writeState(store, 'reconcile', 'digestMismatch');
  for (const key of ['guard', 'digestReconciledMs', 'resealedWith'] as const) clearState(store, key);
}

/** Without knowing the account, no version can be told to be its own: all is united with whatever comes. */
function forgetServer(store: StoreTransaction): void {
  const tx = store.sql;
  forgetEmptiedItems(store);
  tx.run(`UPDATE items SET version = 0, synced_stamp = NULL, synced_deleted = 0, ancestors = '[]'`);
  tx.run('UPDATE conflicts SET version = 0, synced_stamp = NULL');
  tx.run('UPDATE versions SET version = 0');
  tx.run(
    'DELETE FROM changes WHERE acknowledged_ms IS NULL AND item_id IN (SELECT id FROM items UNION SELECT id FROM conflicts)',
  );
  tx.run(`UPDATE changes SET change_id = NULL, frozen = NULL, base_version = 0, base_timestamp = NULL, base_deleted = 0,
    base_payload = NULL, ancestors = '[]' WHERE acknowledged_ms IS NULL`);
}

/**
 * The clock must not fall behind a stamp that this device has issued. All rows tell of those, not only the ones of today;
 * and as the rows of the latest may be lost, it does not stay behind the time either.
 */
function keepClock(store: StoreTransaction, wallMs: number): void {
  const row = store.sql.get(
    `SELECT max(stamp) AS stamp FROM (SELECT last_modified AS stamp FROM items UNION ALL SELECT timestamp FROM changes
       UNION ALL SELECT stamp FROM versions UNION ALL SELECT stamp FROM conflicts)
     WHERE substr(stamp, ${stampDeviceIdAt}) = coalesce(?, substr(stamp, ${stampDeviceIdAt}))`,
    [readState(store, 'device')?.id ?? null],
  );
  const stamp = row && optionalBranded(row, 'stamp', isStamp);
  const correctedMs = Math.round(wallMs + (readState(store, 'clockOffsetMs') ?? 0));
  const readings = [
    readState(store, 'clock'),
    stamp && parseStamp(stamp),
    { millis: Math.min(Math.max(0, correctedMs), maxMillis), counter: 0 },
  ].filter(reading => reading !== undefined);
  const [greatest] = readings.sort(
    (left, right) => right.millis - left.millis || right.counter - left.counter,
  );
  if (greatest) writeState(store, 'clock', { millis: greatest.millis, counter: greatest.counter });
}
