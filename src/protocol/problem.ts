import * as z from 'zod';

/** Errors are problem documents (RFC 9457), `application/problem+json`. */

export const problemCodes = [
  'malformed',
  'unauthorized',
  'badCredentials',
  'forbidden',
  'notFound',
  'methodNotAllowed',
  'loginTaken',
  'inviteRequired',
  'signUpClosed',
  'keyringChanged',
  'epochChanged',
  'cursorExpired',
  'tooLarge',
  'tooManyRequests',
  'unsupportedEncoding',
  'unsupportedVersion',
  'quotaExceeded',
  'unavailable',
  'internal',
] as const;
export type ProblemCode = (typeof problemCodes)[number];

export const statusOfProblem: Readonly<Record<ProblemCode, number>> = {
  malformed: 400,
  unauthorized: 401,
  badCredentials: 401,
  forbidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  loginTaken: 409,
  inviteRequired: 403,
  signUpClosed: 403,
  keyringChanged: 409,
  /** The cursor is of another epoch, or the server does not know its mark: reconcile over the manifest. */
  epochChanged: 409,
  /** The device was away for longer than tombstones are kept: reconcile over the manifest. */
  cursorExpired: 410,
  tooLarge: 413,
  tooManyRequests: 429,
  unsupportedEncoding: 415,
  unsupportedVersion: 426,
  quotaExceeded: 507,
  unavailable: 503,
  internal: 500,
};

export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().exactOptional(),
  /** One of {@link problemCodes}, or one of a newer server. */
  code: z.string(),
  retryAfterSeconds: z.number().min(0).exactOptional(),
});
export type Problem = z.infer<typeof problemSchema>;

export const problemMediaType = 'application/problem+json';

/** The document of a problem. `detail` is for a person and says what to do; it quotes no secret. */
export function problemOf(code: ProblemCode, title: string, detail?: string): Problem {
  return {
    type: `urn:scratch-sync:problem:${code}`,
    title,
    status: statusOfProblem[code],
    code,
    ...(detail === undefined ? {} : { detail }),
  };
}
