import { defined } from '../../base/assert';
import { ok } from '../../base/result';
import type { Database, Row, Transaction } from '../../sqlite/database';
import { blob, integer, text } from '../../sqlite/rows';
import { sumCurrents } from './repair';
import type { PruneOutcome, Stored, UpkeepStorage } from './storage';

export function createSqliteUpkeep(database: Database): UpkeepStorage {
  return {
    secret: candidate =>
      database.write(tx => {
        tx.run(`INSERT INTO meta (name, value) VALUES ('secret', ?) ON CONFLICT DO NOTHING`, [candidate]);
        const row = tx.get(`SELECT value FROM meta WHERE name = 'secret'`);
        return ok(blob(defined(row, 'the secret was just written'), 'value'));
      }),
    counts: () =>
      database.read(tx => ({
        accounts: countOf(tx, 'SELECT count(*) AS count FROM accounts'),
        invites: countOf(tx, 'SELECT count(*) AS count FROM invites'),
      })),
    prune: request => prune(database, request),
    checkConsistency: async () => {
      const accounts = await database.read(tx => tx.all('SELECT account, account_id FROM accounts'));
      if (!accounts.ok) return accounts;
      const findings: string[] = [];
      for (const row of accounts.value) {
        const found = await database.read(tx => checkAccount(tx, integer(row, 'account')));
        if (!found.ok) return found;
        findings.push(...found.value.map(finding => `account ${text(row, 'account_id')}: ${finding}`));
      }
      return ok(findings);
    },
    streamStates: streams =>
      database.read(tx =>
        streams.map(({ accountId, deviceId, tokenHash }) => {
          const row = tx.get(
            `SELECT sequence, (SELECT token_hash FROM devices
               WHERE devices.account = accounts.account AND device_id = ?) AS token_hash
             FROM accounts WHERE account_id = ?`,
            [deviceId, accountId],
          );
          return row === undefined
            ? { valid: false, head: 0 }
            : { valid: row['token_hash'] === tokenHash, head: integer(row, 'sequence') };
        }),
      ),
  };
}

async function prune(
  database: Database,
  { now, retentionMs }: { now: number; retentionMs: number },
): Stored<PruneOutcome> {
  const cutoff = now - retentionMs;
  const due = await database.read(tx =>
    tx
      .all('SELECT account FROM accounts')
      .map(row => integer(row, 'account'))
      .filter(account => isPruningDue(tx, account, cutoff)),
  );
  if (!due.ok) return due;
  let total: PruneOutcome = { tombstones: 0, versions: 0, marks: 0 };
  for (const account of due.value) {
    const pruned = await database.write(tx =>
      ok(pruneAccount(tx, account, { cutoff, markCutoff: now - retentionMs * markRetentions })),
    );
    if (!pruned.ok) return pruned;
    total = {
      tombstones: total.tombstones + pruned.value.tombstones,
      versions: total.versions + pruned.value.versions,
      marks: total.marks + pruned.value.marks,
    };
  }
  return ok(total);
}

/**
 * Marks are kept for so many retentions: by them a device that was away for longer than one still tells a server that
 * was restored from one that has pruned. About 60 bytes a push.
 */
const markRetentions = 4;

function isPruningDue(tx: Transaction, account: number, cutoff: number): boolean {
  const row = tx.get('SELECT horizon FROM accounts WHERE account = ?', [account]);
  return row !== undefined && horizonAt(tx, account, cutoff) > integer(row, 'horizon');
}

/**
 * Whatever was due before the account's horizon went when that was reached, so only what lies between it and the new
 * one is looked at: the tombstones there, and what the versions there superseded.
 */
function pruneAccount(
  tx: Transaction,
  account: number,
  { cutoff, markCutoff }: { cutoff: number; markCutoff: number },
): PruneOutcome {
  const row = tx.get('SELECT horizon FROM accounts WHERE account = ?', [account]);
  if (row === undefined) return { tombstones: 0, versions: 0, marks: 0 }; // deleted meanwhile
  const horizon = horizonAt(tx, account, cutoff);
  const span = [account, integer(row, 'horizon'), horizon];
  const superseded = tx.all(
    `SELECT older.id, older.bytes FROM versions AS newer JOIN versions AS older
       ON older.account = newer.account AND older.subject = newer.subject AND older.version = newer.version - 1
     WHERE newer.account = ? AND newer.sequence > ? AND newer.sequence <= ?`,
    span,
  );
  const tombstones = tx.all(
    `SELECT id, bytes FROM currents JOIN versions ON id = version_id
     WHERE currents.account = ? AND at_sequence > ? AND at_sequence <= ? AND live = 0`,
    span,
  );
  for (const { id } of [...superseded, ...tombstones])
    tx.run('DELETE FROM versions WHERE id = ?', [id ?? null]);
  tx.run(
    `DELETE FROM currents WHERE account = ? AND at_sequence > ? AND at_sequence <= ?
       AND NOT EXISTS (SELECT 1 FROM versions WHERE id = version_id)`,
    span,
  );
  tx.run(
    `UPDATE accounts SET horizon = ?, live_bytes = live_bytes - ?, history_bytes = history_bytes - ?
     WHERE account = ?`,
    [horizon, sumOfBytes(tombstones), sumOfBytes(superseded), account],
  );
  return {
    versions: superseded.length,
    tombstones: tombstones.length,
    marks: tx.run('DELETE FROM marks WHERE account = ? AND sequence < ? AND written_at < ?', [
      account,
      horizon,
      markCutoff,
    ]),
  };
}

function sumOfBytes(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + integer(row, 'bytes'), 0);
}

/**
 * The last sequence that every active device has acknowledged and that was written before `cutoff`. A device is active
 * while its acknowledged cursor moved after `cutoff`; one at the head holds nothing back, however long ago it got there.
 * The others come back to 410.
 */
function horizonAt(tx: Transaction, account: number, cutoff: number): number {
  const row = tx.get(
    `SELECT coalesce(max(sequence), 0) AS horizon FROM marks
     WHERE account = ?1 AND written_at < ?2 AND sequence <= coalesce(
       (SELECT min(acknowledged) FROM devices WHERE account = ?1 AND acknowledged_at >= ?2), ?3)`,
    [account, cutoff, Number.MAX_SAFE_INTEGER],
  );
  return integer(defined(row, 'a maximum has a row'), 'horizon');
}

function checkAccount(tx: Transaction, account: number): readonly string[] {
  const row = defined(
    tx.get('SELECT sequence, digest, live_bytes, history_bytes FROM accounts WHERE account = ?', [account]),
    'the account was just listed',
  );
  const sums = sumCurrents(tx, account);
  const of = `WHERE account = ${account}`;
  const allBytes = countOf(tx, `SELECT coalesce(sum(bytes), 0) AS count FROM versions ${of}`);
  const subjects = countOf(tx, `SELECT count(DISTINCT subject) AS count FROM versions ${of}`);
  const mark = countOf(tx, `SELECT coalesce(max(sequence), -1) AS count FROM marks ${of}`);
  const sequence = integer(row, 'sequence');
  return [
    ...(sums.digest === row['digest'] ? [] : ['the digest is not that of the current versions']),
    ...(sums.liveBytes === row['live_bytes'] ? [] : ['the size of the current versions is wrong']),
    ...(allBytes - sums.liveBytes === row['history_bytes'] ? [] : ['the size of the history is wrong']),
    ...(sums.subjects === subjects ? [] : ['an item has no current version, or more than one']),
    ...(sums.lastSequence <= sequence ? [] : ['a version is beyond the head']),
    ...(mark === sequence ? [] : ['the head has no mark']),
  ];
}

function countOf(tx: Transaction, sql: string): number {
  return integer(defined(tx.get(sql), 'an aggregate has a row'), 'count');
}
