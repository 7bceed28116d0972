import { assert } from '../../base/assert';
import type { DeviceId } from '../../model/ids/ids';
import {
  formatStamp,
  maxCounter,
  maxMillis,
  parseStamp,
  type Stamp,
  stampAfter,
} from '../../model/ids/stamp';
import { maxStampAheadMs } from '../../protocol/limits';
import { clearState, readState, writeState } from '../../store/state';
import type { StoreTransaction } from '../../store/transaction';

/**
 * The device's hybrid logical clock. It belongs to the device, not to a window: its greatest reading is kept in the
 * store and moves in the transaction that uses it, so no stamp is issued twice and none runs backwards.
 *
 * Source: Kulkarni et al., "Logical Physical Clocks and Consistent Snapshots in Globally Distributed Databases", 2014.
 */

/** A stamp, and the raw wall clock reading that it was made from. */
export interface IssuedStamp {
  readonly stamp: Stamp;
  /** Milliseconds since 1970 by this machine, before the correction by the server's time. */
  readonly rawMs: number;
}

/**
 * Issues the next stamp. It is above every stamp that this device has issued or observed, and above `after`, the stamp
 * of the version that is changed.
 */
export function issueStamp(
  store: StoreTransaction,
  wallMs: number,
  deviceId: DeviceId,
  after?: Stamp,
): IssuedStamp {
  const rawMs = boundedMillis(wallMs);
  const last = readState(store, 'clock');
  const nowMs = correctedTime(store, wallMs);
  const ticked =
    last === undefined || nowMs > last.millis
      ? formatStamp({ millis: nowMs, counter: 0, deviceId })
      : stampAfter(formatStamp({ ...last, deviceId }), deviceId);
  const stamp = after !== undefined && ticked <= after ? stampAfter(after, deviceId) : ticked;
  keepReading(store, ticked);
  if (stamp !== ticked) observeStamp(store, wallMs, stamp);
  return { stamp, rawMs };
}

/**
 * Issues the first stamp of a millisecond that comes after `after` and after everything issued. No merge ever has that
 * stamp, for a merge stands in the millisecond of its later parent, with a counter above 0.
 */
export function issueApart(store: StoreTransaction, wallMs: number, deviceId: DeviceId, after: Stamp): Stamp {
  const millis = Math.max(parseStamp(after).millis, readState(store, 'clock')?.millis ?? 0);
  return issueStamp(store, wallMs, deviceId, formatStamp({ millis, counter: maxCounter, deviceId })).stamp;
}

/** Takes over a stamp that was received, unless it is further ahead than a sound clock can be. */
export function observeStamp(store: StoreTransaction, wallMs: number, received: Stamp): void {
  const { millis, counter } = parseStamp(received);
  if (millis > correctedTime(store, wallMs) + maxStampAheadMs) return;
  const last = readState(store, 'clock');
  if (last && (last.millis > millis || (last.millis === millis && last.counter >= counter))) return;
  writeState(store, 'clock', { millis, counter });
}

/** This machine's wall time, corrected by what is known of the server's, in milliseconds since 1970. */
export function correctedTime(store: StoreTransaction, wallMs: number): number {
  return boundedMillis(wallMs + (readState(store, 'clockOffsetMs') ?? 0));
}

/**
 * Sets the clock's greatest reading, when stamps that were never sent have been corrected downwards.
 * @param greatest undefined when no stamp is held that a sound clock can have issued
 */
export function resetReading(store: StoreTransaction, greatest: Stamp | undefined): void {
  if (greatest === undefined) {
    clearState(store, 'clock');
    return;
  }
  const { millis, counter } = parseStamp(greatest);
  writeState(store, 'clock', { millis, counter });
}

/** A reading that a stamp can hold, whatever the machine's clock says. */
export function boundedMillis(millis: number): number {
  const headroomMs = 1000;
  return Math.min(Math.max(0, Math.round(millis)), maxMillis - headroomMs);
}

function keepReading(store: StoreTransaction, stamp: Stamp): void {
  const { millis, counter } = parseStamp(stamp);
  assert(counter <= maxCounter, 'a formatted stamp has a counter within its bounds');
  writeState(store, 'clock', { millis, counter });
}
