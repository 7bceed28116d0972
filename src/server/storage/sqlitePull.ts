import type { Random } from '../../base/random';
import { err, ok, type Result } from '../../base/result';
import type { Database, Transaction } from '../../sqlite/database';
import { integer } from '../../sqlite/rows';
import { forgetAnswers } from './answers';
import { cursorAt, findPosition, findReader, objectionTo, type Position, refuseCursor } from './positions';
import { versionColumns, versionOf } from './rows';
import type { AccessGone, CursorError, PulledPage, PullRequest, Stored } from './storage';

/** `ChangeStorage.pull` on SQLite. An idle pull only reads. */
export async function pullFromSqlite(
  database: Database,
  random: Random,
  request: PullRequest,
): Stored<PulledPage, CursorError | AccessGone> {
  const read = await database.read<PullAttempt>(tx => attemptPull(tx, request));
  if (!read.ok) return read;
  if (read.value.type === 'done') return read.value.outcome;
  // Something has to be written: the acknowledgement, or a new epoch. All is looked at again, under the write lock.
  const written = await database.write<Result<PulledPage, CursorError | AccessGone>, never>(tx => {
    const attempt = attemptPull(tx, request);
    if (attempt.type === 'done') return ok(attempt.outcome);
    if (attempt.type === 'objection')
      return ok(refuseCursor(tx, random, attempt.position, attempt.objection));
    acknowledge(tx, attempt.device, request);
    return ok(ok(readPage(tx, attempt.position, request)));
  });
  return written.ok ? written.value : written;
}

type PullAttempt =
  | { readonly type: 'done'; readonly outcome: Result<PulledPage, CursorError | AccessGone> }
  | { readonly type: 'objection'; readonly position: Position; readonly objection: CursorError }
  | { readonly type: 'acknowledges'; readonly position: Position; readonly device: number };

function attemptPull(tx: Transaction, request: PullRequest): PullAttempt {
  const position = findPosition(tx, request.accountId);
  if (!position.ok) return { type: 'done', outcome: position };
  const objection = request.cursor === null ? undefined : objectionTo(tx, position.value, request.cursor);
  if (objection?.type === 'epochChanged' && objection.startedNow) {
    return { type: 'objection', position: position.value, objection };
  }
  if (objection !== undefined) return { type: 'done', outcome: err(objection) };
  const device = findReader(tx, position.value.account, request.deviceId);
  if (!device.ok) return { type: 'done', outcome: device };
  if (device.value.acknowledged !== (request.cursor?.sequence ?? 0)) {
    return { type: 'acknowledges', position: position.value, device: device.value.device };
  }
  return { type: 'done', outcome: ok(readPage(tx, position.value, request)) };
}

/** The device has durably read everything up to its cursor: answers given up to there need not be repeated any more. */
function acknowledge(tx: Transaction, device: number, { cursor, now }: PullRequest): void {
  const sequence = cursor?.sequence ?? 0;
  tx.run('UPDATE devices SET acknowledged = ?, acknowledged_at = ? WHERE device = ?', [
    sequence,
    now,
    device,
  ]);
  forgetAnswers(tx, device, sequence);
}

function readPage(tx: Transaction, position: Position, request: PullRequest): PulledPage {
  const since = request.cursor?.sequence ?? 0;
  const floor = request.cursor === null ? position.horizon : request.cursor.floor;
  const sizes = tx.all(
    `SELECT sequence, bytes FROM currents JOIN versions ON id = version_id
     WHERE currents.account = ? AND at_sequence > ? ORDER BY at_sequence LIMIT ?`,
    [position.account, since, request.limit + 1],
  );
  const count = fitting(
    sizes.map(row => integer(row, 'bytes')),
    request.limit,
    request.maxPayloadBytes,
  );
  const hasMore = sizes.length > count;
  const last = sizes[count - 1];
  const end = hasMore && last !== undefined ? integer(last, 'sequence') : position.sequence;
  const rows = tx.all(
    `SELECT ${versionColumns} FROM currents JOIN versions ON id = version_id
     WHERE currents.account = ? AND at_sequence > ? AND at_sequence <= ? ORDER BY at_sequence`,
    [position.account, since, end],
  );
  return {
    versions: rows.map(versionOf),
    cursor: cursorAt(tx, position, end, floor),
    hasMore,
    ...(hasMore ? {} : { digest: position.digest }),
  };
}

/** How many of the first sizes fit into both bounds; at least one when there is one. */
export function fitting(sizes: readonly number[], limit: number, maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const size of sizes.slice(0, limit)) {
    bytes += size;
    if (count > 0 && bytes > maxBytes) break;
    count += 1;
  }
  return count;
}
