import type { Transaction } from '../sqlite/database';
import type { Payloads } from './payloads';
import type { IndexText } from './search/indexText';

/** A transaction on the device's store: SQL, how payload columns are read and written, and what is known already. */
export interface StoreTransaction {
  readonly sql: Transaction;
  readonly payloads: Payloads;
  /** Left out where every statement is to go to the file at once. */
  readonly memo?: TransactionMemo;
}

/** A row's text in the search index, before the transaction and after it; undefined for none. */
export interface IndexMove {
  readonly before: IndexText | undefined;
  readonly after: IndexText | undefined;
}

/** What one transaction need not ask the file twice, and what it writes at its end. */
export interface TransactionMemo {
  /** The device's state by key as JSON text, as it was read or set; undefined for a key that is not there. */
  readonly state: Map<string, string | undefined>;
  /** Keys of `state` that were set and are written at the end. */
  readonly stateSet: Set<string>;
  /** Names that the table of devices holds. */
  readonly deviceNames: Map<string, string>;
  /** New rows are put into the search index later. */
  leavesNewRows: boolean;
  /** What the search index takes out and in at the end, by the rows' numbers. */
  readonly indexMoves: Map<number, IndexMove>;
  /** Characters of it. */
  indexedCharacters: number;
  /** Something was encrypted whose clear text is still to be wiped from the file and the snapshots. */
  leavesTraces: boolean;
}

export function createMemo(): TransactionMemo {
  return {
    state: new Map(),
    stateSet: new Set(),
    deviceNames: new Map(),
    leavesNewRows: false,
    indexMoves: new Map(),
    indexedCharacters: 0,
    leavesTraces: false,
  };
}
