import { dayMs } from '../../base/time';
import { isStamp, parseStamp } from '../../model/ids/stamp';
import { optionalBranded } from '../../sqlite/rows';
import { readState, writeState } from '../state';
import type { StoreTransaction } from '../transaction';

/**
 * The time by which it is told what is too old to be kept. It follows the wall clock, in bounded steps: a clock that is
 * a year ahead for a while must not take all history and snapshots away.
 */

/** It goes on by so much in a round of upkeep, of which there is about one in an hour. */
export const maxAgingStepMs = 2 * dayMs;
/** It is written down no more often. */
const agingNotedMs = dayMs;

/** @returns milliseconds since 1970, never later than `wallMs` */
export function agingTime(store: StoreTransaction, wallMs: number): number {
  const reachedMs = readState(store, 'agingMs') ?? newestStampMs(store) ?? wallMs;
  return Math.min(wallMs, reachedMs + maxAgingStepMs);
}

/** To be called once in a round. */
export function goOnAging(store: StoreTransaction, wallMs: number): void {
  const nowMs = agingTime(store, wallMs);
  const reachedMs = readState(store, 'agingMs');
  if (reachedMs === undefined || Math.abs(nowMs - reachedMs) >= agingNotedMs)
    writeState(store, 'agingMs', nowMs);
}

function newestStampMs(store: StoreTransaction): number | undefined {
  const stamps = [0, 1].flatMap(deleted => {
    const row = store.sql.get('SELECT max(last_modified) AS stamp FROM items WHERE deleted = ?', [deleted]);
    const stamp = row && optionalBranded(row, 'stamp', isStamp);
    return stamp === undefined ? [] : [parseStamp(stamp).millis];
  });
  return stamps.length === 0 ? undefined : Math.max(...stamps);
}
