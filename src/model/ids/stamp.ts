import { assert } from '../../base/assert';
import { type DeviceId, isDeviceId } from './ids';

declare const stampBrand: unique symbol;

/**
 * A reading of a hybrid logical clock as text: 16 decimal digits of milliseconds since 1970, `-`, 4 hexadecimal
 * digits of counter, `-`, the 16 digits of the device id. Fixed width, so the order of the texts is the order of the
 * stamps, and that order is the conflict rule: later time wins, then counter, then device id.
 *
 * Source: Kulkarni et al., "Logical Physical Clocks", 2014; the text form follows Actual and Evolu.
 */
export type Stamp = string & { readonly [stampBrand]: 'Stamp' };

export interface StampParts {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly millis: number;
  /** 0 to {@link maxCounter}. */
  readonly counter: number;
  readonly deviceId: DeviceId;
}

export const maxCounter = 0xffff;
/** The last instant that an ECMAScript Date can name. */
export const maxMillis = 8_640_000_000_000_000 - 1;
/** So many digits of milliseconds begin a stamp. */
export const stampMillisDigits = 16;
const counterDigits = 4;
/** Where the device's id begins in a stamp, counted from 1, as SQL does. */
export const stampDeviceIdAt = stampMillisDigits + counterDigits + 3;
export const stampPattern = /^(\d{16})-([0-9a-f]{4})-([0-9a-f]{16})$/;

export function isStamp(text: string): text is Stamp {
  const match = stampPattern.exec(text);
  return match !== null && Number(match[1]) <= maxMillis;
}

export function formatStamp({ millis, counter, deviceId }: StampParts): Stamp {
  assert(
    Number.isInteger(millis) && millis >= 0 && millis <= maxMillis,
    `milliseconds out of range: ${millis}`,
  );
  assert(
    Number.isInteger(counter) && counter >= 0 && counter <= maxCounter,
    `counter out of range: ${counter}`,
  );
  const text = `${stampPrefix(millis)}-${counter.toString(16).padStart(counterDigits, '0')}-${deviceId}`;
  assert(isStamp(text), `malformed stamp: ${text}`);
  return text;
}

export function parseStamp(stamp: Stamp): StampParts {
  const match = stampPattern.exec(stamp);
  assert(match?.[1] && match[2] && match[3] && isDeviceId(match[3]), `malformed stamp: ${stamp}`);
  return { millis: Number(match[1]), counter: Number.parseInt(match[2], 16), deviceId: match[3] };
}

/** A text that is below every stamp of that time or later, and above those before it. */
export function stampPrefix(millis: number): string {
  return String(Math.max(0, Math.floor(millis))).padStart(stampMillisDigits, '0');
}

/** The stamp just after `parent`: same milliseconds, counter + 1, or the next millisecond when the counter is full. */
export function stampAfter(parent: Stamp, deviceId: DeviceId): Stamp {
  const { millis, counter } = parseStamp(parent);
  return counter < maxCounter
    ? formatStamp({ millis, counter: counter + 1, deviceId })
    : formatStamp({ millis: millis + 1, counter: 0, deviceId });
}
