/** Which invariant of the design broke, and how. */
export type Invariant =
  | 'acknowledged is never nowhere'
  | 'stamps only grow'
  | 'no plaintext leaves'
  | 'a version is read alike'
  | 'stores are sound'
  | 'devices converge'
  | 'pairs are recorded once'
  | 'taking turns never conflicts'
  | 'nothing throws';

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}
