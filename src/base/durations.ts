/**
 * How many durations fell into each of a fixed set of buckets: bounded memory for any number of them, and good enough to
 * tell a quantile. Counts are by bucket, not cumulative; the last bucket holds what is longer than every bound.
 */
export type DurationBuckets = readonly number[];

/**
 * Inclusive upper bounds, in milliseconds. Source: the default buckets of the Prometheus client libraries
 * (`DefBuckets` of client_golang), which are made for network requests.
 */
const boundsMs: readonly number[] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

export const durationBucketCount = boundsMs.length + 1;

export const noDurations: DurationBuckets = new Array<number>(durationBucketCount).fill(0);

/** The buckets with one more duration. */
export function withDuration(buckets: DurationBuckets, durationMs: number): DurationBuckets {
  const found = boundsMs.findIndex(boundMs => durationMs <= boundMs);
  const bucket = found === -1 ? boundsMs.length : found;
  return buckets.map((count, index) => (index === bucket ? count + 1 : count));
}

export function sumOfDurations(left: DurationBuckets, right: DurationBuckets): DurationBuckets {
  return left.map((count, index) => count + (right[index] ?? 0));
}

/**
 * The duration that the given share of all is within, in milliseconds: interpolated within its bucket, and the highest
 * bound when it is longer than that, as Prometheus' `histogram_quantile` does. Undefined when there is none.
 *
 * @param share from 0 to 1, as 0.95
 */
export function durationQuantileMs(buckets: DurationBuckets, share: number): number | undefined {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  const rank = share * all;
  let below = 0;
  let lowerMs = 0;
  for (const [index, upperMs] of boundsMs.entries()) {
    const count = buckets[index] ?? 0;
    if (count > 0 && below + count >= rank) return lowerMs + (upperMs - lowerMs) * ((rank - below) / count);
    below += count;
    lowerMs = upperMs;
  }
  return lowerMs;
}
