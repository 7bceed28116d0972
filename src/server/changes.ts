import * as z from 'zod';
import { fromBase64Url } from '../base/encoding';
import { err, ok, type Result } from '../base/result';
import {
  changeSchema,
  knownChangeFields,
  knownVersionFields,
  pullQuerySchema,
  unknownFields,
} from '../protocol/changes';
import { maxBatchChanges } from '../protocol/limits';
import { changeIdSchema, cursorSchema } from '../protocol/scalars';
import type { StorageError } from '../sqlite/database';
import type { PushedChange } from './acceptance';
import { type Session, withSession } from './authentication';
import { readJson } from './bodies';
import type { ServerContext } from './context';
import { type Cursor, formatCursor, parseCursor } from './cursors';
import type { Endpoint, EndpointRequest } from './endpoint';
import { describeIssues, type Failure, malformed, type Outcome, signInAgain, unavailable } from './outcomes';
import type {
  AccessGone,
  AnsweredChange,
  CursorError,
  StoredVersion,
  TooManyRemembered,
} from './storage/storage';

export function changeEndpoints(context: ServerContext): readonly Endpoint[] {
  return [
    {
      method: 'GET',
      path: '/v1/changes',
      handle: withSession(context, (request, session) => pull(context, request, session)),
    },
    {
      method: 'POST',
      path: '/v1/changes',
      handle: withSession(context, (request, session) => push(context, request, session)),
    },
  ];
}

/** A version as it goes over the wire: unknown fields first, so that they never stand for a known one. */
export function wireVersion({ extra, ...version }: StoredVersion): object {
  return { ...extra, ...version };
}

async function pull(context: ServerContext, request: EndpointRequest, session: Session): Promise<Outcome> {
  const query = pullQuerySchema.safeParse(request.query());
  if (!query.success) return err(malformed('query', query.error));
  const cursor = decodeCursor(query.data.since ?? null);
  if (!cursor.ok) return cursor;
  const { limits } = context;
  const pulled = await context.storage.pull({
    accountId: session.accountId,
    deviceId: session.deviceId,
    cursor: cursor.value,
    limit: Math.min(query.data.limit, limits.maxPageChanges),
    maxPayloadBytes: limits.maxPagePayloadBytes,
    now: context.clock.now(),
  });
  if (!pulled.ok) return err(failureOf(context, pulled.error));
  const { versions, hasMore, digest } = pulled.value;
  context.metrics.pulled.inc(versions.length);
  request.note({ pulled: versions.length });
  return ok({
    status: 200,
    body: {
      changes: versions.map(wireVersion),
      cursor: formatCursor(pulled.value.cursor),
      hasMore,
      serverTime: context.clock.now(),
      ...(digest === undefined ? {} : { digest }),
    },
  });
}

async function push(context: ServerContext, request: EndpointRequest, session: Session): Promise<Outcome> {
  const { limits, metrics } = context;
  const body = await readJson(request.raw, limits.maxBodyBytes, request.countReceived);
  if (!body.ok) return body;
  const batch = batchSchema.safeParse(body.value);
  if (!batch.success) return err(malformed('body', batch.error));
  const cursor = decodeCursor(batch.data.cursor);
  if (!cursor.ok) return cursor;
  const changes: PushedChange[] = [];
  for (const value of batch.data.changes) {
    const change = decodeChange(value);
    if (!change.ok) return change;
    changes.push(change.value);
  }
  const pushed = await context.storage.push({
    accountId: session.accountId,
    deviceId: session.deviceId,
    cursor: cursor.value,
    changes,
    now: context.clock.now(),
    limits,
  });
  if (!pushed.ok) return err(failureOf(context, pushed.error));
  const { answers, head, next } = pushed.value;
  metrics.pushes.inc();
  const counts = countAnswers(answers);
  for (const [status, count] of Object.entries(counts)) metrics.changes.inc({ answer: status }, count);
  request.note(counts);
  if (counts.accepted > 0) context.hub.announce(session.accountId, head, session.deviceId);
  return ok({
    status: 200,
    body: {
      results: answers.map(wireAnswer),
      serverTime: context.clock.now(),
      ...(next === undefined ? {} : { cursor: formatCursor(next.cursor), digest: next.digest }),
    },
  });
}

/** The batch without its changes, which are decoded one by one: a bad one does not hold up the others. */
const batchSchema = z.looseObject({
  cursor: cursorSchema.nullable(),
  changes: z.array(z.unknown()).min(1).max(maxBatchChanges),
});

/** Decodes one change; a change whose id cannot be read refuses the batch, because it cannot be answered. */
function decodeChange(value: unknown): Result<PushedChange, Failure> {
  const decoded = changeSchema.safeParse(value);
  if (!decoded.success) {
    const named = namedSchema.safeParse(value);
    if (!named.success) return err(malformed('change', named.error));
    return ok({ type: 'malformed', ...named.data, detail: describeIssues('change', decoded.error) });
  }
  const change = decoded.data;
  const payload = fromBase64Url(change.payload);
  if (payload === undefined) {
    const { changeId, group } = change;
    return ok({ type: 'malformed', changeId, group, detail: 'payload: must be URL-safe base64' });
  }
  if (Object.keys(change).every(name => knownFields.has(name))) {
    return ok({ type: 'change', change, payload, extra: {}, extraBytes: 0 });
  }
  const extra = unknownFields(change, knownFields);
  return ok({ type: 'change', change, payload, extra, extraBytes: Buffer.byteLength(JSON.stringify(extra)) });
}

const namedSchema = z.object({ changeId: changeIdSchema, group: changeIdSchema.optional().catch(undefined) });
const knownFields: ReadonlySet<string> = new Set([...knownChangeFields, ...knownVersionFields]);

function decodeCursor(text: string | null): Result<Cursor | null, Failure> {
  if (text === null) return ok(null);
  const cursor = parseCursor(text);
  return cursor === undefined ? err(epochChanged) : ok(cursor);
}

function wireAnswer({ changeId, answer, current }: AnsweredChange): object {
  switch (answer.status) {
    case 'accepted':
      return { changeId, status: answer.status, version: answer.version, sequence: answer.sequence };
    case 'conflict':
      return { changeId, status: answer.status, current: current === null ? null : wireVersion(current) };
    case 'rejected':
      return { changeId, status: answer.status, code: answer.code, detail: answer.detail };
  }
}

function countAnswers(answers: readonly AnsweredChange[]) {
  const counts = { accepted: 0, conflict: 0, rejected: 0 };
  for (const { answer } of answers) counts[answer.status] += 1;
  return counts;
}

function failureOf(
  context: ServerContext,
  error: CursorError | AccessGone | TooManyRemembered | StorageError,
): Failure {
  switch (error.type) {
    case 'epochChanged':
      if (error.startedNow) {
        context.metrics.epochs.inc();
        context.logger.warn('a device knows more than the store, which was restored: a new epoch begins');
      }
      return epochChanged;
    case 'cursorExpired':
      return {
        code: 'cursorExpired',
        title: 'This device was away for longer than deletions are kept',
        detail: 'Compare with the manifest, then go on from its cursor.',
      };
    case 'accessGone':
      return signInAgain;
    case 'tooManyRemembered':
      return {
        code: 'tooManyRequests',
        title: 'This device has pushed much and pulled nothing',
        detail: 'Pull, then push on.',
        retryAfterSeconds: 1,
      };
    default:
      return unavailable(error, context.logger);
  }
}

const epochChanged: Failure = {
  code: 'epochChanged',
  title: 'The server does not know this cursor',
  detail:
    'It was restored from a backup, or begun anew. Compare with the manifest, then go on from its cursor.',
};
