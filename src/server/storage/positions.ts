import { toHex } from '../../base/encoding';
import type { Random } from '../../base/random';
import { type Err, err, ok, type Result } from '../../base/result';
import type { Transaction } from '../../sqlite/database';
import { integer, text } from '../../sqlite/rows';
import { type Cursor, markedSequence } from '../cursors';
import type { AccessGone, CursorError } from './storage';

/** Where an account's sequence stands, and which cursors are still good. */
export interface Position {
  /** The internal number of the account. */
  readonly account: number;
  readonly epoch: string;
  readonly sequence: number;
  /** What came up to here may have been pruned: cursors below are expired. */
  readonly horizon: number;
  readonly digest: string;
  readonly liveBytes: number;
  readonly historyBytes: number;
  readonly retiredKeyIds: string;
}

const markBytes = 8;
const epochBytes = 8;

export const createMark = (random: Random): string => toHex(random.bytes(markBytes));
export const createEpoch = (random: Random): string => toHex(random.bytes(epochBytes));

export function findPosition(tx: Transaction, accountId: string): Result<Position, AccessGone> {
  const row = tx.get(
    `SELECT account, epoch, sequence, horizon, digest, live_bytes, history_bytes, retired_key_ids
     FROM accounts WHERE account_id = ?`,
    [accountId],
  );
  if (row === undefined) return err({ type: 'accessGone' });
  return ok({
    account: integer(row, 'account'),
    epoch: text(row, 'epoch'),
    sequence: integer(row, 'sequence'),
    horizon: integer(row, 'horizon'),
    digest: text(row, 'digest'),
    liveBytes: integer(row, 'live_bytes'),
    historyBytes: integer(row, 'history_bytes'),
    retiredKeyIds: text(row, 'retired_key_ids'),
  });
}

/** A device as a reader of its account: its internal number, and what it has acknowledged. */
export interface Reader {
  readonly device: number;
  readonly acknowledged: number;
}

export function findReader(tx: Transaction, account: number, deviceId: string): Result<Reader, AccessGone> {
  const row = tx.get('SELECT device, acknowledged FROM devices WHERE account = ? AND device_id = ?', [
    account,
    deviceId,
  ]);
  return row === undefined
    ? err({ type: 'accessGone' })
    : ok({ device: integer(row, 'device'), acknowledged: integer(row, 'acknowledged') });
}

/**
 * Why a device may not go on from this cursor; undefined when it may. `epochChanged` with `startedNow` asks the caller
 * to start a new epoch, before anything else: the cursor is of this epoch, but of a future that the store has lost.
 */
export function objectionTo(tx: Transaction, position: Position, cursor: Cursor): CursorError | undefined {
  if (cursor.epoch !== position.epoch) return { type: 'epochChanged', startedNow: false };
  const marked = markedSequence(cursor);
  if (marked > position.sequence) return { type: 'epochChanged', startedNow: true };
  // First: to a device whose cursor is of a lost future, an expired one would mean that the rest was deleted.
  const isPruned = marked < position.horizon;
  if (isPruned && !isMarked(tx, position.account, marked)) return { type: 'cursorExpired' };
  if (markAt(tx, position.account, marked) !== cursor.mark) return { type: 'epochChanged', startedNow: true };
  return isPruned ? { type: 'cursorExpired' } : undefined;
}

/** Whether the mark of `sequence` is kept: nothing older than the oldest mark is known. */
function isMarked(tx: Transaction, account: number, sequence: number): boolean {
  return (
    tx.get('SELECT 1 FROM marks WHERE account = ? AND sequence <= ? LIMIT 1', [account, sequence]) !==
    undefined
  );
}

/** Refuses the cursor; starts the new epoch when the objection asks for one. The transaction must commit. */
export function refuseCursor(
  tx: Transaction,
  random: Random,
  position: Position,
  objection: CursorError,
): Err<CursorError> {
  if (objection.type === 'epochChanged' && objection.startedNow) {
    tx.run('UPDATE accounts SET epoch = ? WHERE account = ?', [createEpoch(random), position.account]);
  }
  return err(objection);
}

/** The cursor that stands at `sequence`. `floor`: see {@link Cursor}. */
export function cursorAt(tx: Transaction, position: Position, sequence: number, floor: number): Cursor {
  const kept = floor > sequence ? floor : 0;
  const mark = markAt(tx, position.account, markedSequence({ sequence, floor: kept }));
  return { epoch: position.epoch, sequence, floor: kept, mark };
}

export function writeMark(
  tx: Transaction,
  account: number,
  mark: { sequence: number; mark: string; now: number },
): void {
  tx.run('INSERT INTO marks (account, sequence, mark, written_at) VALUES (?, ?, ?, ?)', [
    account,
    mark.sequence,
    mark.mark,
    mark.now,
  ]);
}

/** The mark of the transaction that gave `sequence`: that of the first one that ended at or after it. */
function markAt(tx: Transaction, account: number, sequence: number): string {
  const row = tx.get('SELECT mark FROM marks WHERE account = ? AND sequence >= ? ORDER BY sequence LIMIT 1', [
    account,
    sequence,
  ]);
  return row === undefined ? '' : text(row, 'mark');
}
