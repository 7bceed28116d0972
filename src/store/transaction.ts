import type { Transaction } from '../sqlite/database';
import type { Payloads } from './payloads';

/** What the functions of this folder work on: SQL inside a transaction, and how payload columns are written. */
export interface StoreTransaction {
  readonly sql: Transaction;
  readonly payloads: Payloads;
  /** Counts what is put into the search index, for the merging at the end of the transaction. */
  readonly indexed?: { characters: number };
}
