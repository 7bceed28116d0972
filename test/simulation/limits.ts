import * as z from 'zod';
import { defaultServerLimits, type ServerLimits } from '../../src/server/context';
import { defaultCycleLimits } from '../../src/sync/cycleLimits';
import type { SeededRandom } from '../support/seededRandom';

/**
 * How much devices and server take at once in a run. With the usual figures no run comes to a second page, a second batch
 * or the last answer that is remembered; with small ones each of them is met within a few steps.
 */
export const limitsSchema = z.object({
  batchChanges: z.int(),
  batchBytes: z.int(),
  batchesBeforePull: z.int(),
  pageChanges: z.int(),
  appliedPerTransaction: z.int(),
  settledPerTransaction: z.int(),
  fetchedPerTransaction: z.int(),
  fetchesAtOnce: z.int(),
  rowsAtOnce: z.int(),
  openedAtOnce: z.int(),
  unopenedFetched: z.int(),
  resealedAtOnce: z.int(),
  /** Of the server. */
  maxPageChanges: z.int(),
  maxPagePayloadBytes: z.int(),
  maxManifestEntries: z.int(),
  maxRememberedAnswers: z.int(),
});
export type Limits = z.infer<typeof limitsSchema>;

export type LimitsOfServer = Pick<
  ServerLimits,
  'maxPageChanges' | 'maxPagePayloadBytes' | 'maxManifestEntries' | 'maxRememberedAnswers'
>;

const { maxPageChanges, maxPagePayloadBytes, maxManifestEntries, maxRememberedAnswers } = defaultServerLimits;
export const usualLimits = {
  ...defaultCycleLimits,
  maxPageChanges,
  maxPagePayloadBytes,
  maxManifestEntries,
  maxRememberedAnswers,
};

export function smallLimits(random: SeededRandom): Limits {
  const few = () => random.int(1, 6);
  const batchChanges = few();
  const bytes = () => random.pick([1, 2000, 20_000, defaultCycleLimits.batchBytes]);
  return {
    batchChanges,
    batchBytes: bytes(),
    batchesBeforePull: random.pick([1, 2, 5, 30]),
    pageChanges: few(),
    appliedPerTransaction: few(),
    settledPerTransaction: few(),
    fetchedPerTransaction: few(),
    fetchesAtOnce: random.int(1, 4),
    rowsAtOnce: few(),
    openedAtOnce: few(),
    unopenedFetched: few(),
    resealedAtOnce: few(),
    maxPageChanges: few(),
    maxPagePayloadBytes: bytes(),
    maxManifestEntries: few(),
    maxRememberedAnswers: (batchChanges + 1) * unacknowledgedBatches + few(),
  };
}

/**
 * What two batches in flight, and those that may be pushed while others push in between, leave to be remembered, and a
 * group that goes beyond a batch. The real limit is 200 batches.
 */
const unacknowledgedBatches = 8;
