import type { Random } from '../../base/random';
import { emptyDigest, toggleInDigest } from '../../protocol/digest';
import type { Transaction } from '../../sqlite/database';
import { createEpoch, createMark, writeMark } from './positions';
import { headColumns, headOf, integerOf, subjectOf } from './rows';

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
  tx.run('UPDATE versions SET superseded_by = coalesce(superseded_by, 0)');
  tx.run(
    `UPDATE versions SET superseded_by = NULL WHERE version =
       (SELECT max(version) FROM versions AS later
        WHERE later.account = versions.account AND later.subject = versions.subject)`,
  );
  for (const row of tx.all('SELECT account FROM accounts')) {
    repairAccount(tx, random, integerOf(row, 'account'), now);
  }
}

function repairAccount(tx: Transaction, random: Random, account: number, now: number): void {
  let digest = emptyDigest;
  let liveBytes = 0;
  for (const row of tx.all(
    `SELECT ${headColumns} FROM versions WHERE account = ? AND superseded_by IS NULL`,
    [account],
  )) {
    const head = headOf(row);
    liveBytes += head.bytes;
    if (head.live) digest = toggleInDigest(digest, subjectOf(row), head.version, head.timestamp);
  }
  tx.run(
    `UPDATE accounts SET digest = ?, live_bytes = ?, epoch = ?,
       sequence = max(sequence, (SELECT coalesce(max(sequence), 0) FROM versions WHERE account = ?)),
       history_bytes = (SELECT coalesce(sum(bytes), 0) FROM versions
                        WHERE account = ? AND superseded_by IS NOT NULL)
     WHERE account = ?`,
    [digest, liveBytes, createEpoch(random), account, account, account],
  );
  tx.run('DELETE FROM marks WHERE account = ?', [account]);
  const row = tx.get('SELECT sequence FROM accounts WHERE account = ?', [account]);
  if (row !== undefined) {
    writeMark(tx, account, { sequence: integerOf(row, 'sequence'), mark: createMark(random), now });
  }
}
