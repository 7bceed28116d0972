import * as z from 'zod';
import type { JsonObject } from '../base/json';
import {
  devicesAnswerSchema,
  kdfSchema,
  keyringSchema,
  proofRequestSchema,
  putKeyringRequestSchema,
  putPasswordRequestSchema,
  putRecoveryRequestSchema,
  sessionAnswerSchema,
  signInRequestSchema,
  signUpRequestSchema,
  usedKeysAnswerSchema,
} from '../protocol/accounts';
import {
  itemAnswerSchema,
  manifestAnswerSchema,
  manifestQuerySchema,
  pullAnswerSchema,
  pullQuerySchema,
  pushAnswerSchema,
  pushRequestSchema,
  versionsAnswerSchema,
  versionsQuerySchema,
} from '../protocol/changes';
import { protocolVersion } from '../protocol/limits';
import { type ProblemCode, problemMediaType, problemSchema, statusOfProblem } from '../protocol/problem';
import { protocolHeader } from '../protocol/routes';
import { conflictIdSchema, deviceIdSchema, itemIdSchema, loginSchema } from '../protocol/scalars';

/** One endpoint, in the words of the protocol's schemas. */
interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly summary: string;
  readonly needsToken: boolean;
  /** Asked by whoever runs the server: in no version of the protocol, and refused to nobody. */
  readonly isProbe?: true;
  readonly parameters?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  readonly body?: Named;
  readonly status: 200 | 201 | 204;
  readonly answer?: Named | { readonly mediaType: string };
  /** Beside those that any request may meet. */
  readonly problems: readonly ProblemCode[];
}

interface Named {
  readonly name: string;
  readonly schema: z.ZodType;
}

const named = (name: string, schema: z.ZodType): Named => ({ name, schema });
const subjectSchema = z.union([itemIdSchema, conflictIdSchema]);
const session = named('Session', sessionAnswerSchema);
const keyring = named('Keyring', keyringSchema);
const proof = named('Proof', proofRequestSchema);
const anyProblems: readonly ProblemCode[] = ['malformed', 'unsupportedVersion', 'internal', 'unavailable'];
const bodyProblems: readonly ProblemCode[] = ['tooLarge', 'unsupportedEncoding'];
const proofProblems: readonly ProblemCode[] = ['badCredentials', 'tooManyRequests'];
const cursorProblems: readonly ProblemCode[] = ['epochChanged', 'cursorExpired'];

const operations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/accounts',
    summary: 'Sign up: open an account with its first device',
    needsToken: false,
    body: named('SignUp', signUpRequestSchema),
    status: 201,
    answer: session,
    problems: ['loginTaken', 'inviteRequired', 'signUpClosed', 'tooManyRequests'],
  },
  {
    method: 'get',
    path: '/v1/accounts/{login}/kdf',
    summary: 'The derivation parameters; stable and false for a login that does not exist',
    needsToken: false,
    parameters: { login: loginSchema },
    status: 200,
    answer: named('Kdf', kdfSchema),
    problems: ['tooManyRequests'],
  },
  {
    method: 'put',
    path: '/v1/accounts/me/password',
    summary: 'Set another password: the key ring is wrapped anew',
    needsToken: true,
    body: named('PutPassword', putPasswordRequestSchema),
    status: 200,
    answer: keyring,
    problems: ['keyringChanged', ...proofProblems],
  },
  {
    method: 'get',
    path: '/v1/accounts/me/keyring',
    summary: 'The wrapped key ring',
    needsToken: true,
    status: 200,
    answer: keyring,
    problems: [],
  },
  {
    method: 'put',
    path: '/v1/accounts/me/keyring',
    summary: 'Replace the key ring, by compare-and-set on its version',
    needsToken: true,
    body: named('PutKeyring', putKeyringRequestSchema),
    status: 200,
    answer: keyring,
    problems: ['keyringChanged', ...proofProblems],
  },
  {
    method: 'get',
    path: '/v1/accounts/me/keys',
    summary: 'The ids of the keys that any payload is sealed with, history included',
    needsToken: true,
    status: 200,
    answer: named('UsedKeys', usedKeysAnswerSchema),
    problems: [],
  },
  {
    method: 'put',
    path: '/v1/accounts/me/recovery',
    summary: 'Set another recovery phrase, which voids the old',
    needsToken: true,
    body: named('PutRecovery', putRecoveryRequestSchema),
    status: 200,
    answer: keyring,
    problems: ['keyringChanged', ...proofProblems],
  },
  {
    method: 'delete',
    path: '/v1/accounts/me',
    summary: 'Delete the account with all that it holds',
    needsToken: true,
    body: proof,
    status: 204,
    problems: proofProblems,
  },
  {
    method: 'post',
    path: '/v1/devices',
    summary: 'Sign in on a device',
    needsToken: false,
    body: named('SignIn', signInRequestSchema),
    status: 201,
    answer: session,
    problems: ['forbidden', ...proofProblems],
  },
  {
    method: 'get',
    path: '/v1/devices',
    summary: 'The devices of the account',
    needsToken: true,
    status: 200,
    answer: named('Devices', devicesAnswerSchema),
    problems: [],
  },
  {
    method: 'delete',
    path: '/v1/devices/{id}',
    summary: 'Revoke a device; the body is needed for another than the one that asks',
    needsToken: true,
    parameters: { id: deviceIdSchema },
    body: proof,
    status: 204,
    problems: ['notFound', ...proofProblems],
  },
  {
    method: 'get',
    path: '/v1/changes',
    summary: 'Pull: the current versions after the cursor, in order',
    needsToken: true,
    query: pullQuerySchema,
    status: 200,
    answer: named('Pull', pullAnswerSchema),
    problems: cursorProblems,
  },
  {
    method: 'post',
    path: '/v1/changes',
    summary: 'Push: a batch of changes, answered one by one',
    needsToken: true,
    body: named('Push', pushRequestSchema),
    status: 200,
    answer: named('PushAnswer', pushAnswerSchema),
    problems: [...cursorProblems, 'tooManyRequests'],
  },
  {
    method: 'get',
    path: '/v1/items',
    summary: 'The manifest: every current version without its payload, in order of id',
    needsToken: true,
    query: manifestQuerySchema,
    status: 200,
    answer: named('Manifest', manifestAnswerSchema),
    problems: [],
  },
  {
    method: 'get',
    path: '/v1/items/{id}',
    summary: 'The current version of an item or conflict record',
    needsToken: true,
    parameters: { id: subjectSchema },
    status: 200,
    answer: named('Item', itemAnswerSchema),
    problems: ['notFound'],
  },
  {
    method: 'get',
    path: '/v1/items/{id}/versions',
    summary: 'The history of an item or conflict record, newest first',
    needsToken: true,
    parameters: { id: subjectSchema },
    query: versionsQuerySchema,
    status: 200,
    answer: named('Versions', versionsAnswerSchema),
    problems: ['notFound'],
  },
  {
    method: 'get',
    path: '/v1/events',
    summary: 'Server-sent events: "change" with the head sequence as data',
    needsToken: true,
    status: 200,
    answer: { mediaType: 'text/event-stream' },
    problems: [],
  },
  {
    method: 'get',
    path: '/healthz',
    summary: 'Liveness: the process answers',
    needsToken: false,
    isProbe: true,
    status: 200,
    answer: { mediaType: 'text/plain' },
    problems: [],
  },
  {
    method: 'get',
    path: '/readyz',
    summary: 'Readiness: the server can read its store and is not stopping',
    needsToken: false,
    isProbe: true,
    status: 200,
    answer: { mediaType: 'text/plain' },
    problems: ['unavailable'],
  },
  {
    method: 'get',
    path: '/metrics',
    summary: 'What the server counts, for Prometheus',
    needsToken: false,
    isProbe: true,
    status: 200,
    answer: { mediaType: 'text/plain' },
    problems: [],
  },
];

/** The OpenAPI 3.1 document of the protocol, made of the schemas that the code itself decodes with. */
export function createOpenApiDocument(): JsonObject {
  const schemas: Record<string, JsonObject> = { Problem: jsonSchemaOf(problemSchema) };
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const operation of operations) {
    for (const part of [operation.body, operation.answer]) {
      if (part !== undefined && 'schema' in part) schemas[part.name] = jsonSchemaOf(part.schema);
    }
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Scratch Sync',
      version: String(protocolVersion),
      description: 'The protocol between a device and the server. docs/PROTOCOL.md explains it.',
    },
    paths,
    components: {
      schemas,
      securitySchemes: { deviceToken: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const protocolParameter = {
  name: protocolHeader,
  in: 'header',
  required: false,
  schema: { type: 'integer', minimum: 1 },
  description: 'The version of the protocol that the sender speaks',
};

function describe(operation: Operation): JsonObject {
  const { summary, needsToken, body, status, answer } = operation;
  return {
    summary,
    security: needsToken ? [{ deviceToken: [] }] : [],
    parameters: [
      ...(operation.isProbe ? [] : [protocolParameter]),
      ...Object.entries(operation.parameters ?? {}).map(([name, schema]) => ({
        name,
        in: 'path',
        required: true,
        schema: jsonSchemaOf(schema),
      })),
      ...Object.entries(operation.query?.shape ?? {}).map(([name, schema]) => ({
        name,
        in: 'query',
        required: false,
        schema: jsonSchemaOf(z.object({ [name]: schema }), name),
      })),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: { required: operation.path !== '/v1/devices/{id}', content: jsonContent(body.name) },
        }),
    responses: {
      [status]: {
        description: summary,
        ...(answer === undefined
          ? {}
          : 'schema' in answer
            ? { content: jsonContent(answer.name) }
            : { content: { [answer.mediaType]: { schema: { type: 'string' } } } }),
      },
      ...problemResponses(operation),
    },
  };
}

/** One response for each status, which names the codes that it may carry. */
function problemResponses({ problems, needsToken, isProbe, body }: Operation): JsonObject {
  const codes = [
    ...(isProbe ? (['internal'] as const) : anyProblems),
    ...(needsToken ? (['unauthorized'] as const) : []),
    ...(body === undefined ? [] : bodyProblems),
    ...problems,
  ];
  const statuses = [...new Set(codes.map(code => statusOfProblem[code]))].sort((left, right) => left - right);
  return Object.fromEntries(
    statuses.map(status => [
      status,
      {
        description: codes.filter(code => statusOfProblem[code] === status).join(', '),
        content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

function jsonContent(name: string): JsonObject {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } };
}

const jsonObjectSchema = z.record(z.string(), z.json());

/** The JSON Schema of what is accepted; with `property`, of that property of it. */
function jsonSchemaOf(schema: z.ZodType, property?: string): JsonObject {
  const { $schema: _dialect, ...whole } = z.toJSONSchema(schema, { io: 'input' });
  const found = property === undefined ? whole : whole.properties?.[property];
  return jsonObjectSchema.parse(JSON.parse(JSON.stringify(found)));
}
