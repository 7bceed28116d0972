import { z } from 'zod';
import { defined } from '../../base/assert';
import type { Random } from '../../base/random';
import { err, ok, type Result } from '../../base/result';
import { toggleInDigest } from '../../protocol/digest';
import { maxVersionEntries } from '../../protocol/limits';
import type { SubjectId } from '../../protocol/scalars';
import type { Database, Transaction } from '../../sqlite/database';
import {
  type AcceptedAnswer,
  type AcceptedVersion,
  bytesOf,
  type Head,
  type PushedChange,
  type PushPlan,
  planPush,
} from '../acceptance';
import {
  createMark,
  cursorAt,
  findPosition,
  objectionTo,
  type Position,
  refuseCursor,
  writeMark,
} from './positions';
import { headColumns, headOf, integerOf, versionColumns, versionOf } from './rows';
import type {
  AccessGone,
  CursorError,
  PushBatch,
  PushOutcome,
  Stored,
  StoredVersion,
  TooManyRemembered,
} from './storage';

/** Answers remembered for one device that pushes and never pulls. */
export const maxRememberedAnswers = 100_000;
/** Superseded versions that are read and deleted at a time when history is trimmed. */
const trimStep = 200;

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
      const room = checkRememberedRoom(tx, position.value, batch);
      if (!room.ok) return room;
      return ok(ok(apply(tx, random, position.value, batch)));
    },
  );
  return written.ok ? written.value : written;
}

function apply(tx: Transaction, random: Random, position: Position, batch: PushBatch): PushOutcome {
  const { account } = position;
  const plan = planPush(
    batch.changes,
    {
      heads: findHeads(tx, account, batch.changes),
      remembered: findRemembered(tx, account, batch),
      retiredKeyIds: new Set(retiredSchema.parse(JSON.parse(position.retiredKeyIds))),
      sequence: position.sequence,
      liveBytes: position.liveBytes,
    },
    batch.now,
    batch.limits,
  );
  const after = plan.accepted.length === 0 ? position : writePlan(tx, random, position, batch, plan);
  const wasAtHead =
    batch.cursor === null ? position.sequence === 0 : batch.cursor.sequence === position.sequence;
  return {
    answers: batch.changes.map((pushed, index) => {
      const answer = defined(plan.answers[index], 'a plan answers every change');
      return {
        changeId: changeIdOf(pushed),
        answer,
        current: answer.status === 'conflict' ? findCurrent(tx, account, answer.subject) : null,
      };
    }),
    head: after.sequence,
    ...(wasAtHead ? { next: { cursor: cursorAt(tx, after, after.sequence, 0), digest: after.digest } } : {}),
  };
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
      supersede(tx, account, change.itemId, accepted);
      if (accepted.replaces.live) {
        digest = toggleInDigest(
          digest,
          change.itemId,
          accepted.replaces.version,
          accepted.replaces.timestamp,
        );
      }
    }
    insertVersion(tx, account, accepted, batch.now);
    if (change.changeType === 'upsert') {
      digest = toggleInDigest(digest, change.itemId, accepted.version, change.timestamp);
    }
    remember(tx, account, batch.deviceId, accepted);
    if (accepted.version > maxVersionEntries) {
      historyBytes -= dropOldVersions(tx, account, change.itemId, accepted.version - maxVersionEntries);
    }
  }
  historyBytes -= trimHistory(tx, account, historyBytes + plan.liveBytes - batch.limits.maxAccountBytes);
  const after = { ...position, sequence: plan.sequence, digest, liveBytes: plan.liveBytes, historyBytes };
  tx.run(
    'UPDATE accounts SET sequence = ?, digest = ?, live_bytes = ?, history_bytes = ? WHERE account = ?',
    [after.sequence, after.digest, after.liveBytes, after.historyBytes, account],
  );
  writeMark(tx, account, { sequence: after.sequence, mark: createMark(random), now: batch.now });
  return after;
}

function supersede(tx: Transaction, account: number, subject: SubjectId, by: AcceptedVersion): void {
  tx.run(
    'UPDATE versions SET superseded_by = ? WHERE account = ? AND subject = ? AND superseded_by IS NULL',
    [by.sequence, account, subject],
  );
}

function insertVersion(tx: Transaction, account: number, accepted: AcceptedVersion, now: number): void {
  const { change, payload, extra, extraBytes } = accepted.decoded;
  const item = change.collection === 'item' ? change : undefined;
  tx.run(
    `INSERT INTO versions (account, sequence, subject, version, collection, change_type, timestamp, origin_device_id,
       key_id, revision, resolves, reseal, extra, bytes, accepted_at, payload)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      account,
      accepted.sequence,
      change.itemId,
      accepted.version,
      change.collection,
      change.changeType,
      change.timestamp,
      change.originDeviceId,
      change.keyId,
      change.collection === 'conflict' ? change.revision : null,
      item?.resolves ?? null,
      item?.reseal === undefined ? null : Number(item.reseal),
      extraBytes === 0 ? null : JSON.stringify(extra),
      bytesOf(accepted.decoded),
      now,
      payload,
    ],
  );
}

/** History beyond the bound per item; answers how many bytes it took. */
function dropOldVersions(tx: Transaction, account: number, subject: SubjectId, upTo: number): number {
  const sum = tx.get(
    'SELECT coalesce(sum(bytes), 0) AS bytes FROM versions WHERE account = ? AND subject = ? AND version <= ?',
    [account, subject, upTo],
  );
  tx.run('DELETE FROM versions WHERE account = ? AND subject = ? AND version <= ?', [account, subject, upTo]);
  return integerOf(defined(sum, 'a sum has a row'), 'bytes');
}

/** Deletes the longest superseded versions until at least `excess` bytes are free; answers how many bytes it took. */
function trimHistory(tx: Transaction, account: number, excess: number): number {
  let freed = 0;
  while (freed < excess) {
    const oldest = tx.all(
      `SELECT id, bytes FROM versions WHERE account = ? AND superseded_by IS NOT NULL ORDER BY superseded_by LIMIT ?`,
      [account, trimStep],
    );
    if (oldest.length === 0) break;
    for (const row of oldest) {
      if (freed >= excess) break;
      tx.run('DELETE FROM versions WHERE id = ?', [integerOf(row, 'id')]);
      freed += integerOf(row, 'bytes');
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
      `SELECT ${headColumns} FROM versions WHERE account = ? AND subject = ? AND superseded_by IS NULL`,
      [account, pushed.change.itemId],
    );
    if (row !== undefined) heads.set(pushed.change.itemId, headOf(row));
  }
  return heads;
}

function findCurrent(tx: Transaction, account: number, subject: SubjectId): StoredVersion | null {
  const row = tx.get(
    `SELECT ${versionColumns} FROM versions WHERE account = ? AND subject = ? AND superseded_by IS NULL`,
    [account, subject],
  );
  return row === undefined ? null : versionOf(row);
}

/** A device cannot have more answers remembered than sequences were given since it last acknowledged one. */
function checkRememberedRoom(
  tx: Transaction,
  position: Position,
  { deviceId, changes }: PushBatch,
): Result<void, AccessGone | TooManyRemembered> {
  const key = [position.account, deviceId];
  const device = tx.get('SELECT acknowledged FROM devices WHERE account = ? AND device_id = ?', key);
  if (device === undefined) return err({ type: 'accessGone' });
  if (position.sequence - integerOf(device, 'acknowledged') + changes.length <= maxRememberedAnswers)
    return ok();
  const row = tx.get('SELECT count(*) AS count FROM answers WHERE account = ? AND device_id = ?', key);
  const remembered = integerOf(defined(row, 'a count has a row'), 'count');
  return remembered + changes.length <= maxRememberedAnswers ? ok() : err({ type: 'tooManyRemembered' });
}

function findRemembered(
  tx: Transaction,
  account: number,
  { deviceId, changes }: PushBatch,
): ReadonlyMap<string, AcceptedAnswer> {
  const remembered = new Map<string, AcceptedAnswer>();
  for (const pushed of changes) {
    const changeId = changeIdOf(pushed);
    const row = tx.get(
      'SELECT version, sequence FROM answers WHERE account = ? AND device_id = ? AND change_id = ?',
      [account, deviceId, changeId],
    );
    if (row === undefined) continue;
    remembered.set(changeId, {
      status: 'accepted',
      version: integerOf(row, 'version'),
      sequence: integerOf(row, 'sequence'),
    });
  }
  return remembered;
}

function remember(tx: Transaction, account: number, deviceId: string, accepted: AcceptedVersion): void {
  tx.run('INSERT INTO answers (account, device_id, change_id, version, sequence) VALUES (?, ?, ?, ?, ?)', [
    account,
    deviceId,
    accepted.decoded.change.changeId,
    accepted.version,
    accepted.sequence,
  ]);
}

const retiredSchema = z.array(z.string());

const changeIdOf = (pushed: PushedChange): string =>
  pushed.type === 'change' ? pushed.change.changeId : pushed.changeId;
