import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { minuteMs } from '../../src/base/time';
import { lastLines, runCommandLine } from './commands';
import { exists } from './files';
import { HostError } from './hostError';

const npmLimitMs = 15 * minuteMs;

/**
 * Flags of every npm run here: nothing downloaded is executed, a dead network is noticed within a minute, and failed
 * requests are logged, even where an enclosing npm is silent.
 */
const commonFlags = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--loglevel=http',
  '--engine-strict=false',
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
];

/** What npm writes when an install is complete; some releases crash without network and yet exit with 0. */
const lastWritten = 'node_modules/.package-lock.json';

/** Runs npm in `folder`; a failure throws a {@link HostError} that says what to do. */
export async function npm(args: readonly string[], folder: string, logFile: string): Promise<void> {
  await appendFile(logFile, `\n> npm ${args.join(' ')}\n`);
  const [file, ...first] = npmCommand();
  const end = await runCommandLine({
    file,
    args: [...first, ...args, ...commonFlags],
    folder,
    environment: environmentForNpm(),
    logFile,
    limitMs: npmLimitMs,
  });
  if ('code' in end && end.code === 0 && (await exists(path.join(folder, lastWritten)))) return;
  const reason = 'code' in end ? await reasonFrom(logFile, end.code) : end.reason;
  throw new HostError(
    `npm could not install the test host: ${reason}. The log is ${path.relative('.', logFile)}.`,
  );
}

/** The npm that is running this process, else the one on the path. */
function npmCommand(): readonly [string, ...string[]] {
  const running = process.env['npm_execpath'];
  return running?.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm'];
}

/** Without what an enclosing `npm run` says about the project it runs in. */
function environmentForNpm(): NodeJS.ProcessEnv {
  const ofProject = /^(npm_package_|npm_lifecycle_|npm_config_local_prefix$|INIT_CWD$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofProject.test(name)));
}

const networkCode =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/;

async function reasonFrom(logFile: string, code: number): Promise<string> {
  const log = await readFile(logFile, 'utf8');
  const network = networkCode.exec(log.slice(log.lastIndexOf('\n> npm ')));
  if (network) {
    return `its registry is out of reach (${network[1]}). Check the network and \`npm config get registry\`, then run this again`;
  }
  const errors = (await lastLines(logFile, 40)).filter(line => /^npm (error|ERR!)/.test(line));
  return `it ended with code ${code} (${errors[0] ?? 'no error given'})`;
}
