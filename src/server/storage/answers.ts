import * as z from 'zod';
import { assert, defined } from '../../base/assert';
import type { Transaction } from '../../sqlite/database';
import { blob, integer, text } from '../../sqlite/rows';
import type { AcceptedAnswer, AcceptedVersion } from '../acceptance';
import type { Reader } from './positions';

/**
 * The accepted answers that a device has not acknowledged yet. Each push adds one row: its change ids, 16 bytes each,
 * in the order of the sequence numbers that they took, which end with the row's. Rows are only added at the end, which
 * costs a page or two, where one row for each answer would touch as many pages as there are answers.
 */

const idBytes = 16;

/** Whether the device may have so many `more` answers remembered, of which it may have `most`. */
export function hasRoomForAnswers(
  tx: Transaction,
  { device, acknowledged }: Reader,
  { head, more, most }: { readonly head: number; readonly more: number; readonly most: number },
): boolean {
  // It cannot have more than sequence numbers were given since it acknowledged one.
  if (head - acknowledged + more <= most) return true;
  const row = tx.get('SELECT coalesce(sum(length(change_ids)), 0) AS bytes FROM answers WHERE device = ?', [
    device,
  ]);
  return integer(defined(row, 'a sum has a row'), 'bytes') / idBytes + more <= most;
}

/** Those of the given changes that the device is still to be answered as before. Reads all that is remembered for it. */
export function findAnswers(
  tx: Transaction,
  { device }: Reader,
  changeIds: readonly string[],
): ReadonlyMap<string, AcceptedAnswer> {
  const asked = new Map(changeIds.map(changeId => [bytesOf(changeId).toString('latin1'), changeId]));
  const found = new Map<string, AcceptedAnswer>();
  for (const row of tx.all('SELECT sequence, change_ids, versions FROM answers WHERE device = ?', [device])) {
    const ids = Buffer.from(blob(row, 'change_ids')).toString('latin1');
    const size = ids.length / idBytes;
    const first = integer(row, 'sequence') - size + 1;
    let versions: readonly number[] | undefined;
    for (let index = 0; index < size; index++) {
      const changeId = asked.get(ids.slice(index * idBytes, (index + 1) * idBytes));
      if (changeId === undefined) continue;
      versions ??= versionsSchema.parse(JSON.parse(text(row, 'versions')));
      const version = defined(versions[index], 'an answer has a version');
      found.set(changeId, { status: 'accepted', version, sequence: first + index });
    }
  }
  return found;
}

export function rememberAnswers(tx: Transaction, device: number, accepted: readonly AcceptedVersion[]): void {
  const last = accepted.at(-1);
  if (last === undefined) return;
  const first = defined(accepted[0], 'there is a last').sequence;
  assert(last.sequence - first + 1 === accepted.length, 'a push takes sequence numbers without a gap');
  tx.run('INSERT INTO answers (device, sequence, change_ids, versions) VALUES (?, ?, ?, ?)', [
    device,
    last.sequence,
    Buffer.concat(accepted.map(({ decoded }) => bytesOf(decoded.change.changeId))),
    JSON.stringify(accepted.map(({ version }) => version)),
  ]);
}

/** What the device has acknowledged need not be repeated. A push of which it has read a part is cut. */
export function forgetAnswers(tx: Transaction, device: number, acknowledged: number): void {
  tx.run('DELETE FROM answers WHERE device = ? AND sequence <= ?', [device, acknowledged]);
  const row = tx.get(
    'SELECT sequence, change_ids, versions FROM answers WHERE device = ? ORDER BY sequence LIMIT 1',
    [device],
  );
  if (row === undefined) return;
  const ids = blob(row, 'change_ids');
  const sequence = integer(row, 'sequence');
  const read = acknowledged - (sequence - ids.length / idBytes);
  if (read <= 0) return;
  const versions = versionsSchema.parse(JSON.parse(text(row, 'versions')));
  tx.run('UPDATE answers SET change_ids = ?, versions = ? WHERE device = ? AND sequence = ?', [
    ids.slice(read * idBytes),
    JSON.stringify(versions.slice(read)),
    device,
    sequence,
  ]);
}

const versionsSchema = z.array(z.int());

function bytesOf(changeId: string): Buffer {
  return Buffer.from(changeId.replaceAll('-', ''), 'hex');
}
