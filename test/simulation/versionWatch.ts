import type { Transaction } from '../../src/sqlite/database';
import { Violation } from './violation';

/** What the server has accepted, seen at every commit: a version never changes, and stamps grow along an item. */
export class VersionWatch {
  readonly #accepted = new Map<string, string>();
  readonly #newest = new Map<string, { readonly version: number; readonly stamp: string }>();
  #lastSequence = 0;
  #violation: Violation | undefined;

  /** The server holds another past now. */
  forget(): void {
    this.#accepted.clear();
    this.#newest.clear();
    this.#lastSequence = 0;
  }

  committing(tx: Transaction): void {
    // Not by the ids of the rows, which are given again when the last rows were pruned.
    const rows = tx.all(
      'SELECT sequence, subject, version, timestamp, revision FROM versions WHERE sequence > ? ORDER BY sequence',
      [this.#lastSequence],
    );
    for (const row of rows) {
      this.#lastSequence = Number(row['sequence']);
      const [subject, version, stamp] = [
        String(row['subject']),
        Number(row['version']),
        String(row['timestamp']),
      ];
      const key = `${subject} ${version}`;
      const before = this.#newest.get(subject);
      // Pruned with its tombstone, an item begins anew.
      const isPrunedAnew = version === 1;
      for (let later = 1; isPrunedAnew && this.#accepted.delete(`${subject} ${later}`); later++);
      if (this.#accepted.has(key) && !isPrunedAnew)
        this.#fail('a version is read alike', `${key} came twice`);
      if (row['revision'] === null && before !== undefined && !isPrunedAnew && stamp <= before.stamp) {
        this.#fail('stamps only grow', `${key} has ${stamp} after ${before.stamp}`);
      }
      this.#accepted.set(key, stamp);
      this.#newest.set(subject, { version, stamp });
    }
  }

  check(): void {
    if (this.#violation) throw this.#violation;
  }

  #fail(invariant: Violation['invariant'], detail: string): void {
    this.#violation ??= new Violation(invariant, detail);
  }
}
