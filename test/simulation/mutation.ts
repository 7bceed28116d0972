import type { Replacement } from './bundle';

/** The engine with one rule taken out of it: the simulator has to notice. */
export interface Mutation {
  readonly name: string;
  /** The rule of the design that it breaks. Those marked † were found by modelling schedules. */
  readonly rule: string;
  readonly replacements: readonly Replacement[];
  /** Chance alone would take too long to come to the one moment at which it shows: it plays the scenes first. */
  readonly isCaughtByScene?: boolean;
  /** Tried in every test run, not only in the extended one. */
  readonly isQuick?: boolean;
}
