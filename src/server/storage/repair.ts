import type { Random } from '../../base/random';
import { emptyDigest, toggleInDigest } from '../../protocol/digest';
import type { Transaction } from '../../sqlite/database';
import { integer } from '../../sqlite/rows';
import { createEpoch, createMark, writeMark } from './positions';
import { headColumns, headOf, subjectOf } from './rows';

/**
 * Makes what could be read of a damaged store sound again. Versions may be missing, so every account begins a new
 * epoch: its devices compare with the manifest and push again what the server lost.
 */
export function repairStore(tx: Transaction, random: Random, now: number): void {
  for (const table of ['devices', 'versions', 'marks']) {
    tx.run(`DELETE FROM ${table} WHERE account NOT IN (SELECT account FROM accounts)`);
  }
  // A remembered answer may name a version that is lost.
  tx.run('DELETE FROM answers');
  tx.run('DELETE FROM currents');
  tx.run(
    `INSERT INTO currents (account, at_sequence, version_id) SELECT account, sequence, id FROM versions
     WHERE version = (SELECT max(version) FROM versions AS later
                      WHERE later.account = versions.account AND later.subject = versions.subject)`,
  );
  while (tx.run(deleteBelowGaps) > 0); // each round takes the newest version below a gap
  for (const row of tx.all('SELECT account FROM accounts')) {
    repairAccount(tx, random, integer(row, 'account'), now);
  }
}

/** Digest, sizes and head of an account's current versions, counted anew. */
export function sumCurrents(tx: Transaction, account: number) {
  let digest = emptyDigest;
  let liveBytes = 0;
  let lastSequence = 0;
  const rows = tx.all(
    `SELECT ${headColumns} FROM currents JOIN versions ON id = version_id WHERE currents.account = ?`,
    [account],
  );
  for (const row of rows) {
    const head = headOf(row);
    liveBytes += head.bytes;
    lastSequence = Math.max(lastSequence, head.sequence);
    if (head.live) digest = toggleInDigest(digest, subjectOf(row), head.version, head.timestamp);
  }
  return { digest, liveBytes, lastSequence, subjects: rows.length };
}

/** History is pruned from version to version, so what lies below a version that is lost would never go. */
const deleteBelowGaps = `DELETE FROM versions
  WHERE NOT EXISTS (SELECT 1 FROM currents WHERE currents.account = versions.account AND at_sequence = sequence)
    AND NOT EXISTS (SELECT 1 FROM versions AS next WHERE next.account = versions.account
                      AND next.subject = versions.subject AND next.version = versions.version + 1)`;

function repairAccount(tx: Transaction, random: Random, account: number, now: number): void {
  const { digest, liveBytes, lastSequence } = sumCurrents(tx, account);
  tx.run(
    `UPDATE accounts SET digest = ?, live_bytes = ?, epoch = ?, sequence = max(sequence, ?),
       history_bytes = (SELECT coalesce(sum(bytes), 0) FROM versions WHERE account = ?) - ?
     WHERE account = ?`,
    [digest, liveBytes, createEpoch(random), lastSequence, account, liveBytes, account],
  );
  tx.run('DELETE FROM marks WHERE account = ?', [account]);
  const row = tx.get('SELECT sequence FROM accounts WHERE account = ?', [account]);
  if (row !== undefined) {
    writeMark(tx, account, { sequence: integer(row, 'sequence'), mark: createMark(random), now });
  }
}
