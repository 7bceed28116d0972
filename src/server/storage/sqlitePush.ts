import * as z from 'zod';
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
  findReader,
  objectionTo,
  type Position,
  type Reader,
  refuseCursor,
  writeMark,
} from './positions';
import { headColumns, headOf, integerOf, subjectOf, textOf, versionColumns, versionOf } from './rows';
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
      const reader = findReader(tx, position.value.account, batch.deviceId);
      if (!reader.ok) return reader;
      if (!hasRoomToRemember(tx, position.value, reader.value, batch))
        return err({ type: 'tooManyRemembered' });
      return ok(ok(apply(tx, random, position.value, reader.value, batch)));
    },
  );
  return written.ok ? written.value : written;
}

function apply(
  tx: Transaction,
  random: Random,
  position: Position,
  { device }: Reader,
  batch: PushBatch,
): PushOutcome {
  const { account } = position;
  const plan = planPush(
    batch.changes,
    {
      heads: findHeads(tx, account, batch.changes),
      remembered: findRemembered(tx, device, batch.changes),
      retiredKeyIds: new Set(retiredSchema.parse(JSON.parse(position.retiredKeyIds))),
      sequence: position.sequence,
      liveBytes: position.liveBytes,
    },
    batch.now,
    batch.limits,
  );
  const after = plan.accepted.length === 0 ? position : writePlan(tx, random, position, batch, plan);
  remember(tx, device, plan.accepted);
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
      supersede(tx, account, change.itemId, accepted.replaces.version, accepted.sequence);
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
  historyBytes -= trimHistory(tx, account, historyBytes + plan.liveBytes - batch.limits.maxAccountBytes);
  const after = { ...position, sequence: plan.sequence, digest, liveBytes: plan.liveBytes, historyBytes };
  tx.run(
    'UPDATE accounts SET sequence = ?, digest = ?, live_bytes = ?, history_bytes = ? WHERE account = ?',
    [after.sequence, after.digest, after.liveBytes, after.historyBytes, account],
  );
  writeMark(tx, account, { sequence: after.sequence, mark: createMark(random), now: batch.now });
  return after;
}

function supersede(
  tx: Transaction,
  account: number,
  subject: SubjectId,
  version: number,
  bySequence: number,
): void {
  tx.run('UPDATE versions SET superseded_by = ? WHERE account = ? AND subject = ? AND version = ?', [
    bySequence,
    account,
    subject,
    version,
  ]);
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
  const subjects = new Set(
    changes.flatMap(pushed => (pushed.type === 'change' ? [pushed.change.itemId] : [])),
  );
  const rows = tx.all(
    `SELECT ${headColumns} FROM json_each(?2) AS asked CROSS JOIN versions
     WHERE versions.account = ?1 AND subject = asked.value AND version =
       (SELECT max(version) FROM versions AS latest WHERE latest.account = ?1 AND latest.subject = asked.value)`,
    [account, JSON.stringify([...subjects])],
  );
  return new Map(rows.map(row => [subjectOf(row), headOf(row)]));
}

function findCurrent(tx: Transaction, account: number, subject: SubjectId): StoredVersion | null {
  const row = tx.get(
    `SELECT ${versionColumns} FROM versions WHERE account = ? AND subject = ? ORDER BY version DESC LIMIT 1`,
    [account, subject],
  );
  return row === undefined ? null : versionOf(row);
}

/** A device cannot have more answers remembered than sequences were given since it last acknowledged one. */
function hasRoomToRemember(
  tx: Transaction,
  { sequence }: Position,
  { device, acknowledged }: Reader,
  { changes }: PushBatch,
): boolean {
  if (sequence - acknowledged + changes.length <= maxRememberedAnswers) return true;
  const row = tx.get('SELECT count(*) AS count FROM answers WHERE device = ?', [device]);
  return integerOf(defined(row, 'a count has a row'), 'count') + changes.length <= maxRememberedAnswers;
}

function findRemembered(
  tx: Transaction,
  device: number,
  changes: readonly PushedChange[],
): ReadonlyMap<string, AcceptedAnswer> {
  const rows = tx.all(
    `SELECT change_id, version, sequence FROM json_each(?2) AS asked CROSS JOIN answers
     WHERE device = ?1 AND change_id = asked.value`,
    [device, JSON.stringify(changes.map(changeIdOf))],
  );
  return new Map(
    rows.map(row => [
      textOf(row, 'change_id'),
      { status: 'accepted', version: integerOf(row, 'version'), sequence: integerOf(row, 'sequence') },
    ]),
  );
}

function remember(tx: Transaction, device: number, accepted: readonly AcceptedVersion[]): void {
  if (accepted.length === 0) return;
  const answers = accepted.map(({ decoded, version, sequence }) => [
    decoded.change.changeId,
    version,
    sequence,
  ]);
  tx.run(
    `INSERT INTO answers (device, change_id, version, sequence)
     SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2)`,
    [device, JSON.stringify(answers)],
  );
}

const retiredSchema = z.array(z.string());

const changeIdOf = (pushed: PushedChange): string =>
  pushed.type === 'change' ? pushed.change.changeId : pushed.changeId;
