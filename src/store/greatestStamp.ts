import { isStamp, type Stamp, stampPrefix } from '../model/ids/stamp';
import { optionalBranded } from '../sqlite/rows';
import type { StoreTransaction } from './transaction';

/** The greatest stamp before that time of what is held, or waits to be acknowledged; undefined when there is none. */
export function greatestStampBefore(store: StoreTransaction, millis: number): Stamp | undefined {
  const limit = stampPrefix(millis);
  const row = store.sql.get(
    `SELECT max(stamp) AS stamp FROM (SELECT max(last_modified) AS stamp FROM items WHERE last_modified < ?
       UNION ALL SELECT max(timestamp) FROM changes WHERE acknowledged_ms IS NULL AND timestamp < ?)`,
    [limit, limit],
  );
  return row && optionalBranded(row, 'stamp', isStamp);
}
