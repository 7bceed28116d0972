import type * as z from 'zod';
import type { Logger } from '../base/logger';
import type { Result } from '../base/result';
import { type ProblemCode, problemMediaType, problemOf } from '../protocol/problem';
import type { StorageError } from '../sqlite/database';

/** What an endpoint answers: a reply, a failure that becomes a problem document, or a response of its own making. */
export type Outcome = Result<Reply, Failure> | Response;

export interface Reply {
  readonly status: 200 | 201 | 204;
  /** Undefined for 204. */
  readonly body?: object;
}

/** Why a request was not served. `title` and `detail` are for a person and quote no secret. */
export interface Failure {
  readonly code: ProblemCode;
  readonly title: string;
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
}

/** What a client is told to wait when the store is busy or cannot write. */
export const unavailableRetrySeconds = 5;

export function failureResponse(failure: Failure): Response {
  const problem = problemOf(failure.code, failure.title, failure.detail);
  const { retryAfterSeconds } = failure;
  return new Response(
    JSON.stringify(retryAfterSeconds === undefined ? problem : { ...problem, retryAfterSeconds }),
    {
      status: problem.status,
      headers: {
        'Content-Type': problemMediaType,
        ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterSeconds)) }),
        ...(problem.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
      },
    },
  );
}

/** The failure of a body or query that its schema refuses. */
export function malformed(what: string, error: z.ZodError): Failure {
  return {
    code: 'malformed',
    title: `The ${what} is not what this endpoint takes`,
    detail: describeIssues(what, error),
  };
}

/** At most a few of the issues, by path. Schemas quote no values, so nothing secret is said. */
export function describeIssues(what: string, error: z.ZodError): string {
  const maxIssues = 3;
  return error.issues
    .slice(0, maxIssues)
    .map(issue => `${issue.path.map(String).join('.') || what}: ${issue.message}`)
    .join('; ');
}

export const signInAgain: Failure = {
  code: 'unauthorized',
  title: 'This device is not signed in',
  detail: 'The token is missing, unknown or revoked. Sign in again.',
};

/** A storage failure as a 503, logged; the request was not carried out and can be sent again. */
export function unavailable(error: StorageError, logger: Logger): Failure {
  logger.error('storage failed', { storageError: error.type, detail: detailOf(error) });
  return {
    code: 'unavailable',
    title: 'The server cannot reach its store at the moment',
    detail: 'Nothing was lost. Try again later.',
    retryAfterSeconds: unavailableRetrySeconds,
  };
}

function detailOf(error: StorageError): string | undefined {
  switch (error.type) {
    case 'busy':
      return `waited ${error.waitedMs} ms for ${error.owner}`;
    case 'ownerUnknown':
      return error.owner;
    case 'readOnly':
    case 'foreign':
      return error.path;
    case 'io':
      return error.code;
    case 'damaged':
      return error.detail;
    case 'newerSchema':
      return `found ${error.found}, known ${error.known}`;
    default:
      return undefined;
  }
}
