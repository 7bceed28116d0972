import { isStamp, parseStamp } from '../../model/ids/stamp';
import type { Transaction } from '../../sqlite/database';
import { forgetEmptiedItems } from '../emptied';
import { Payloads } from '../payloads';
import { clearState, readState, writeState } from '../state';
import type { StoreTransaction } from '../transaction';
import { requeueLostEdits, restoreItemsOfChanges, thawHollowFlights } from './outboxRepair';

/**
 * Makes the rows that were recovered from a damaged file a sound store again: no edit that was saved here is lost
 * unless its row is, and what the server has comes back by a comparison with its manifest. Runs in the transaction
 * that fills the fresh file.
 */
export function repairSalvaged(tx: Transaction): void {
  const store: StoreTransaction = { sql: tx, payloads: new Payloads(undefined, 'sensitive') };
  tx.run(
    `DELETE FROM versions WHERE base_id IS NOT NULL
       AND base_id NOT IN (SELECT id FROM versions WHERE base_id IS NULL)`,
  );
  if (readState(store, 'account') === undefined) forgetServer(store);
  thawHollowFlights(tx);
  restoreItemsOfChanges(tx);
  requeueLostEdits(tx);
  keepClock(store);
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
  tx.run(
    'DELETE FROM changes WHERE acknowledged_ms IS NULL AND item_id IN (SELECT id FROM items UNION SELECT id FROM conflicts)',
  );
  tx.run(`UPDATE changes SET change_id = NULL, frozen = NULL, base_version = 0, base_timestamp = NULL, base_deleted = 0,
    base_payload = NULL, ancestors = '[]' WHERE acknowledged_ms IS NULL`);
}

/** The clock must not fall behind a stamp that this device has issued. */
function keepClock(store: StoreTransaction): void {
  const device = readState(store, 'device');
  if (device === undefined) return;
  const row = store.sql.get(
    `SELECT max(stamp) AS stamp FROM (SELECT last_modified AS stamp FROM items WHERE owner_device_id = ?
       UNION ALL SELECT timestamp FROM changes WHERE acknowledged_ms IS NULL)`,
    [device.id],
  );
  const stamp = row?.['stamp'];
  if (typeof stamp !== 'string' || !isStamp(stamp)) return;
  const { millis, counter } = parseStamp(stamp);
  const held = readState(store, 'clock');
  if (held && (held.millis > millis || (held.millis === millis && held.counter >= counter))) return;
  writeState(store, 'clock', { millis, counter });
}
