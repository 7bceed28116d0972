import { maxBatchChanges, maxBatchPayloadBytes } from '../protocol/limits';

/**
 * How much a cycle takes at once. They bound requests, transactions and memory; what comes of a cycle does not depend on
 * them, and the simulator makes them small to show it.
 */
export interface CycleLimits {
  /** Changes in one push. */
  readonly batchChanges: number;
  /** Sum of the payloads in one push, in bytes; a change or a group alone may have more. */
  readonly batchBytes: number;
  /** A request that is larger is compressed in the thread pool, which costs a turn through it; in bytes. */
  readonly zippedAtOnceBytes: number;
  /** Pushes in a row; then it is time to pull, which also acknowledges. */
  readonly batchesBeforePull: number;
  /** Entries of a whole manifest, which are held in memory together; a server that tells of more is given up. */
  readonly manifestEntries: number;
  /** Versions that are asked for in one page. */
  readonly pageChanges: number;
  /** Versions that are applied in one transaction. */
  readonly appliedPerTransaction: number;
  /** Subjects that a reconcile settles in one transaction without fetching them. */
  readonly settledPerTransaction: number;
  /** Versions that a reconcile fetches before they are applied. */
  readonly fetchedPerTransaction: number;
  /** Requests for single versions at the same time. */
  readonly fetchesAtOnce: number;
  /** Rows that are read at a time when all are gone through. */
  readonly rowsAtOnce: number;
  /** Versions that wait to be opened and are decoded at a time. */
  readonly openedAtOnce: number;
  /** Versions that could not be opened and are asked for one by one in a cycle. */
  readonly unopenedFetched: number;
  /** Re-seals that wait in the outbox at once. */
  readonly resealedAtOnce: number;
}

export const defaultCycleLimits: CycleLimits = {
  batchChanges: maxBatchChanges,
  batchBytes: maxBatchPayloadBytes,
  // About a millisecond.
  zippedAtOnceBytes: 64 * 1024,
  // With full batches half of the answers that a server remembers for a device before it takes no more.
  batchesBeforePull: 100,
  // Ten times as many as the largest account that is measured has items; some 200 MB.
  manifestEntries: 1_000_000,
  // Fewer than the server would send: a page is decoded and opened without a pause, which takes about 30 ms.
  pageChanges: 400,
  // Few enough that no other window waits long for the lock.
  appliedPerTransaction: 200,
  settledPerTransaction: 200,
  // Few enough that a cycle which is broken off has soon got somewhere.
  fetchedPerTransaction: 48,
  fetchesAtOnce: 6,
  rowsAtOnce: 500,
  // A few milliseconds.
  openedAtOnce: 50,
  unopenedFetched: 100,
  // Few enough that an edit made meanwhile does not wait for long.
  resealedAtOnce: 200,
};
