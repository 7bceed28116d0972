import * as z from 'zod';
import { defined } from '../../base/assert';
import type { Random } from '../../base/random';
import { err, ok, type Result } from '../../base/result';
import { toggleInDigest } from '../../protocol/digest';
import { maxVersionEntries } from '../../protocol/limits';
import type { SubjectId } from '../../protocol/scalars';
import type { Database, Transaction } from '../../sqlite/database';
import { integer } from '../../sqlite/rows';
import {
  type AcceptedAnswer,
  type AcceptedVersion,
  bytesOf,
  type Head,
  type PushedChange,
  type PushPlan,
  planPush,
} from '../acceptance';
import { findAnswers, hasRoomForAnswers, rememberAnswers } from './answers';
import {
  createMark,
  cursorAt,
  findPosition,
  findReader,
  objectionTo,
  type Position,
  type Reader,
  refuseCursor,
  writeMark,
} from './positions';
import { headColumns, headOf, versionColumns, versionOf } from './rows';
import type {
  AccessGone,
  CursorError,
  PushBatch,
  PushOutcome,
  Stored,
  StoredVersion,
  TooManyRemembered,
} from './storage';

/** Superseded versions that are read and deleted at a time when history is trimmed. */
const trimStep = 200;
/** History is trimmed by so much more than it has to be, so that not every push to a full account looks for some. */
const trimSlackDivisor = 64;

/** `ChangeStorage.push` on SQLite. */
export async function pushToSqlite(
  database: Database,
  random: Random,
  batch: PushBatch,
): Stored<PushOutcome, CursorError | AccessGone | TooManyRemembered> {
  // A new epoch must be committed although the push is refused, so the refusal travels as a value.
  const written = await database.write<Result<PushOutcome, CursorError>, AccessGone | TooManyRemembered>(
    tx => {
      const position = findPosition(tx, batch.accountId);
      if (!position.ok) return position;
      const objection = batch.cursor === null ? undefined : objectionTo(tx, position.value, batch.cursor);
      if (objection !== undefined) return ok(refuseCursor(tx, random, position.value, objection));
      const reader = findReader(tx, position.value.account, batch.deviceId);
      if (!reader.ok) return reader;
      const room = {
        head: position.value.sequence,
        more: batch.changes.length,
        most: batch.limits.maxRememberedAnswers,
      };
      if (!hasRoomForAnswers(tx, reader.value, room)) return err({ type: 'tooManyRemembered' });
      return ok(ok(apply(tx, random, position.value, reader.value, batch)));
    },
  );
  return written.ok ? written.value : written;
}

function apply(
  tx: Transaction,
  random: Random,
  position: Position,
  reader: Reader,
  batch: PushBatch,
): PushOutcome {
  const { account } = position;
  const plan = planBatch(tx, position, reader, batch);
  const after = plan.accepted.length === 0 ? position : writePlan(tx, random, position, batch, plan);
  rememberAnswers(tx, reader.device, plan.accepted);
  const wasAtHead =
    batch.cursor === null ? position.sequence === 0 : batch.cursor.sequence === position.sequence;
  return {
    answers: batch.changes.map((pushed, index) => {
      const answer = defined(plan.answers[index], 'a plan answers every change');
      const current = answer.status === 'conflict' ? findCurrent(tx, account, answer.subject) : null;
      return { changeId: changeIdOf(pushed), answer, current };
    }),
    head: after.sequence,
    ...(wasAtHead ? { next: { cursor: cursorAt(tx, after, after.sequence, 0), digest: after.digest } } : {}),
  };
}

/**
 * Plans the batch as if nothing was remembered, which is cheap, and again with what is remembered when a change is
 * refused. A repeated change cannot be accepted anew meanwhile, because its first acceptance is in its item's history;
 * unless that may have been pruned, so then what is remembered is looked at in any case.
 */
function planBatch(tx: Transaction, position: Position, reader: Reader, batch: PushBatch): PushPlan {
  const state = {
    heads: findHeads(tx, position.account, batch.changes),
    remembered: new Map<string, AcceptedAnswer>(),
    retiredKeyIds: new Set(retiredSchema.parse(JSON.parse(position.retiredKeyIds))),
    sequence: position.sequence,
    liveBytes: position.liveBytes,
  };
  const { changes, now, limits } = batch;
  if (reader.acknowledged >= position.horizon) {
    const plan = planPush(changes, state, now, limits);
    if (plan.accepted.length === changes.length) return plan;
  }
  const remembered = findAnswers(tx, reader, changes.map(changeIdOf));
  return planPush(changes, { ...state, remembered }, now, limits);
}

function writePlan(
  tx: Transaction,
  random: Random,
  position: Position,
  batch: PushBatch,
  plan: PushPlan,
): Position {
  const { account } = position;
  let digest = position.digest;
  let historyBytes = position.historyBytes;
  for (const accepted of plan.accepted) {
    const { change } = accepted.decoded;
    if (accepted.replaces !== undefined) {
      historyBytes += accepted.replaces.bytes;
      tx.run('DELETE FROM currents WHERE account = ? AND at_sequence = ?', [
        account,
        accepted.replaces.sequence,
      ]);
      if (accepted.replaces.live) {
        digest = toggleInDigest(
          digest,
          change.itemId,
          accepted.replaces.version,
          accepted.replaces.timestamp,
        );
      }
    }
    insertVersion(tx, account, accepted);
    if (change.changeType === 'upsert') {
      digest = toggleInDigest(digest, change.itemId, accepted.version, change.timestamp);
    }
    if (accepted.version > maxVersionEntries) {
      historyBytes -= dropOldVersions(tx, account, change.itemId, accepted.version - maxVersionEntries);
    }
  }
  const { maxAccountBytes } = batch.limits;
  if (historyBytes + plan.liveBytes > maxAccountBytes) {
    const target = maxAccountBytes - Math.floor(maxAccountBytes / trimSlackDivisor);
    historyBytes -= trimHistory(tx, account, historyBytes + plan.liveBytes - target);
  }
  const after = { ...position, sequence: plan.sequence, digest, liveBytes: plan.liveBytes, historyBytes };
  tx.run(
    'UPDATE accounts SET sequence = ?, digest = ?, live_bytes = ?, history_bytes = ? WHERE account = ?',
    [after.sequence, after.digest, after.liveBytes, after.historyBytes, account],
  );
  writeMark(tx, account, { sequence: after.sequence, mark: createMark(random), now: batch.now });
  return after;
}

function insertVersion(tx: Transaction, account: number, accepted: AcceptedVersion): void {
  const { change, payload, extra, extraBytes } = accepted.decoded;
  const item = change.collection === 'item' ? change : undefined;
  tx.run(
    `INSERT INTO versions (account, sequence, subject, version, live, timestamp, key_id, revision, resolves, reseal,
       extra, bytes, payload)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      account,
      accepted.sequence,
      change.itemId,
      accepted.version,
      change.changeType === 'upsert' ? 1 : 0,
      change.timestamp,
      change.keyId,
      change.collection === 'conflict' ? change.revision : null,
      item?.resolves ?? null,
      item?.reseal === undefined ? null : Number(item.reseal),
      extraBytes === 0 ? null : JSON.stringify(extra),
      bytesOf(accepted.decoded),
      payload,
    ],
  );
  tx.run('INSERT INTO currents (account, at_sequence, version_id) VALUES (?, ?, last_insert_rowid())', [
    account,
    accepted.sequence,
  ]);
}

/** History beyond the bound per item; answers how many bytes it took. */
function dropOldVersions(tx: Transaction, account: number, subject: SubjectId, upTo: number): number {
  const sum = tx.get(
    'SELECT coalesce(sum(bytes), 0) AS bytes FROM versions WHERE account = ? AND subject = ? AND version <= ?',
    [account, subject, upTo],
  );
  tx.run('DELETE FROM versions WHERE account = ? AND subject = ? AND version <= ?', [account, subject, upTo]);
  return integer(defined(sum, 'a sum has a row'), 'bytes');
}

/** Deletes the oldest superseded versions until `excess` bytes are free; answers how many bytes it took. */
function trimHistory(tx: Transaction, account: number, excess: number): number {
  let freed = 0;
  while (freed < excess) {
    const oldest = tx.all(
      `SELECT id, bytes FROM versions WHERE account = ?1 AND NOT EXISTS
         (SELECT 1 FROM currents WHERE currents.account = ?1 AND at_sequence = sequence)
       ORDER BY sequence LIMIT ?2`,
      [account, trimStep],
    );
    if (oldest.length === 0) break;
    for (const row of oldest) {
      if (freed >= excess) break;
      tx.run('DELETE FROM versions WHERE id = ?', [integer(row, 'id')]);
      freed += integer(row, 'bytes');
    }
  }
  return freed;
}

function findHeads(
  tx: Transaction,
  account: number,
  changes: readonly PushedChange[],
): ReadonlyMap<SubjectId, Head> {
  const heads = new Map<SubjectId, Head>();
  for (const pushed of changes) {
    if (pushed.type !== 'change' || heads.has(pushed.change.itemId)) continue;
    const row = tx.get(
      `SELECT ${headColumns} FROM versions WHERE account = ? AND subject = ? ORDER BY version DESC LIMIT 1`,
      [account, pushed.change.itemId],
    );
    if (row !== undefined) heads.set(pushed.change.itemId, headOf(row));
  }
  return heads;
}

function findCurrent(tx: Transaction, account: number, subject: SubjectId): StoredVersion | null {
  const row = tx.get(
    `SELECT ${versionColumns} FROM versions WHERE account = ? AND subject = ? ORDER BY version DESC LIMIT 1`,
    [account, subject],
  );
  return row === undefined ? null : versionOf(row);
}

const retiredSchema = z.array(z.string());

const changeIdOf = (pushed: PushedChange): string =>
  pushed.type === 'change' ? pushed.change.changeId : pushed.changeId;
