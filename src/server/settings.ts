import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { err, ok, type Result } from '../base/result';
import { dayMs } from '../base/time';
import { maxConflictRecordBytes } from '../protocol/limits';
import { defaultServerLimits, type ServerLimits } from './context';

/** What the environment says, decoded. `docs/OPERATIONS.md` explains each. */
export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** How devices reach this server; undefined when it is where it listens. */
  readonly publicUrl: string | undefined;
  /** Paths of PEM files; undefined for plain HTTP. */
  readonly tls: { readonly certPath: string; readonly keyPath: string } | undefined;
  /** The client's address is the last of X-Forwarded-For. */
  readonly trustsProxy: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly limits: ServerLimits;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Decodes the environment; the error is one line for each variable that cannot be used. */
export function readSettings(environment: Environment): Result<ServerSettings, readonly string[]> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const decoded = environmentSchema.safeParse(given);
  if (!decoded.success) {
    return err(decoded.error.issues.map(issue => `${issue.path.map(String).join('.')} ${issue.message}`));
  }
  const values = decoded.data;
  const tls =
    values.TLS_CERT !== undefined && values.TLS_KEY !== undefined
      ? { certPath: values.TLS_CERT, keyPath: values.TLS_KEY }
      : undefined;
  const settings: ServerSettings = {
    host: values.HOST,
    port: values.PORT,
    dataFolder: values.DATA_DIR ?? defaultDataFolder(environment),
    publicUrl: values.PUBLIC_URL,
    tls,
    trustsProxy: values.TRUST_PROXY,
    logLevel: values.LOG_LEVEL,
    limits: {
      ...defaultServerLimits,
      maxBodyBytes: values.MAX_BODY_BYTES,
      maxItemBytes: values.MAX_ITEM_BYTES,
      maxAccountBytes: values.MAX_ACCOUNT_BYTES,
      retentionMs: values.RETENTION_DAYS * dayMs,
      signUp: values.SIGN_UP,
    },
  };
  const objections = objectionsTo(settings, values);
  return objections.length === 0 ? ok(settings) : err(objections);
}

/** The smallest body limit that lets the largest item and its conflict record through together, in base64. */
export function minBodyBytes(maxItemBytes: number): number {
  const fieldsBytes = 64 * 1024;
  return Math.ceil(((maxItemBytes + maxConflictRecordBytes(maxItemBytes)) * 4) / 3) + fieldsBytes;
}

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine(value => value >= min && value <= max, `must be from ${min} to ${max}`);

const maxPort = 65_535;
const maxRetentionDays = 36_500;
const minItemBytes = 1024;
const maxBytes = 2 ** 40;

const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, maxPort).default(8787),
  DATA_DIR: z.string().exactOptional(),
  DATABASE_URL: z
    .never('is for PostgreSQL, which comes in a later release. Leave it out and set DATA_DIR.')
    .exactOptional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).exactOptional(),
  TLS_CERT: z.string().exactOptional(),
  TLS_KEY: z.string().exactOptional(),
  TRUST_PROXY: z
    .enum(['1', 'true', 'yes', '0', 'false', 'no'], 'must be 1 or 0')
    .transform(text => ['1', 'true', 'yes'].includes(text))
    .default(false),
  MAX_BODY_BYTES: wholeNumber(minItemBytes, maxBytes).default(defaultServerLimits.maxBodyBytes),
  MAX_ITEM_BYTES: wholeNumber(minItemBytes, maxBytes).default(defaultServerLimits.maxItemBytes),
  MAX_ACCOUNT_BYTES: wholeNumber(minItemBytes, maxBytes).default(defaultServerLimits.maxAccountBytes),
  RETENTION_DAYS: wholeNumber(1, maxRetentionDays).default(defaultServerLimits.retentionMs / dayMs),
  SIGN_UP: z.enum(['invite', 'open', 'closed'], 'must be invite, open or closed').default('invite'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
});

function objectionsTo(
  settings: ServerSettings,
  values: { readonly TLS_CERT?: string; readonly TLS_KEY?: string },
): readonly string[] {
  const { limits, tls, trustsProxy, host } = settings;
  const needed = minBodyBytes(limits.maxItemBytes);
  return [
    ...((values.TLS_CERT === undefined) === (values.TLS_KEY === undefined)
      ? []
      : ['TLS_CERT and TLS_KEY are needed together']),
    ...(tls !== undefined || trustsProxy || isLoopback(host)
      ? []
      : [
          `HOST ${host} would offer plain HTTP to other machines. Set TLS_CERT and TLS_KEY, or TRUST_PROXY=1 when a proxy in front of this server speaks TLS.`,
        ]),
    ...(limits.maxBodyBytes >= needed
      ? []
      : [`MAX_BODY_BYTES must be at least ${needed} for a MAX_ITEM_BYTES of ${limits.maxItemBytes}`]),
    ...(limits.maxAccountBytes >= limits.maxItemBytes
      ? []
      : ['MAX_ACCOUNT_BYTES must be at least MAX_ITEM_BYTES']),
  ];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The platform's folder for the data of a program. */
function defaultDataFolder(environment: Environment): string {
  const home = homedir();
  const name = 'scratch-server';
  if (process.platform === 'win32') {
    return join(environment['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), name);
  }
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support', name);
  return join(environment['XDG_DATA_HOME'] ?? join(home, '.local', 'share'), name);
}
