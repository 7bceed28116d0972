import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../../package.json';
import { err, ok, type Result } from '../base/result';
import { dayMs, hourMs, isoTime, minuteMs } from '../base/time';
import type { StorageError } from '../sqlite/database';
import type { OpenedDatabase } from '../sqlite/openDatabase';
import { describeStorageError } from '../sqlite/storageErrors';
import { createInvite, defaultInviteTermMs } from './invites';
import { createPinoLogger } from './pinoLogger';
import { backUp, restore } from './restore';
import { type ServeHost, serve } from './serve';
import { type Environment, readSettings, type ServerSettings } from './settings';
import { serverMigrations } from './storage/schema';
import { createSqliteStorage } from './storage/sqliteStorage';
import type { ServerStorage } from './storage/storage';
import { makeDataFolder, openStore, storePath } from './store';

/** What the commands take from the process. */
export interface ProgramHost extends Omit<ServeHost, 'logger'> {
  readonly environment: Environment;
  printError(line: string): void;
}

export type ExitCode = 0 | 1 | 2;

/** Runs one command of `scratch-server`. 0: done; 1: failed; 2: wrong usage or settings. */
export async function runServerCommand(argv: readonly string[], host: ProgramHost): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const fail = (code: ExitCode, lines: readonly string[]) => {
    exitCode = code;
    for (const line of lines) host.printError(line);
  };
  const program = createProgram(host, async command => {
    const settings = readSettings(host.environment);
    if (!settings.ok) return fail(2, settings.error);
    const { dataFolder } = settings.value;
    const made = makeDataFolder(dataFolder);
    if (!made.ok) return fail(1, [`DATA_DIR ${dataFolder}: ${describeStorageError(made.error)}`]);
    const logger = createPinoLogger(settings.value.logLevel);
    const done = await command({ host: { ...host, logger }, settings: settings.value });
    if (!done.ok) fail(1, [done.error]);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

interface CommandContext {
  readonly host: ServeHost;
  readonly settings: ServerSettings;
}

/** A command's work; the error is one line that says what to do. */
type ServerCommand = (context: CommandContext) => Promise<Result<void, string>>;

function createProgram(host: ProgramHost, run: (command: ServerCommand) => Promise<void>): Command {
  const program = new Command('scratch-server')
    .description(
      'The sync server of Scratch Sync. It is set up by environment variables: see docs/OPERATIONS.md.',
    )
    .version(version)
    .exitOverride() // the commands added below inherit this and the output
    .configureOutput({
      writeOut: text => host.print(text.trimEnd()),
      writeErr: text => host.printError(text.trimEnd()),
    });
  const add = (usage: string, description: string, command: (...values: string[]) => ServerCommand) =>
    program
      .command(usage)
      .description(description)
      .action((...values: unknown[]) => run(command(...values.filter(value => typeof value === 'string'))));

  add(
    'serve',
    'serve until SIGTERM or SIGINT',
    () =>
      ({ host, settings }) =>
        serve(storePath(settings.dataFolder), settings, host),
  );
  program
    .command('invite')
    .description('make an invite code for one new account')
    .addOption(
      new Option('--expires <term>', 'how long it is good: 30m, 12h, 7d')
        .argParser(parseTerm)
        .default(defaultInviteTermMs, '7d'),
    )
    .action(({ expires }: { readonly expires: number }) => run(invite(expires)));
  add('accounts', 'list the accounts', () => accounts);
  add('devices <login>', "list an account's devices", login => devices(login ?? ''));
  add('revoke <login> <device>', 'end the token of a device', (login, device) =>
    revoke(login ?? '', device ?? ''),
  );
  add('delete-account <login>', 'delete an account with all that it holds', login =>
    deleteAccount(login ?? ''),
  );
  add('backup <file>', 'write a copy of the store, also while the server runs', file => backup(file ?? ''));
  add('restore <file>', 'put a backup in the place of the store; the server must not run', file =>
    restoreFrom(file ?? ''),
  );
  add('check', 'look for damage in the store', () => check);
  add('migrate', 'bring the store to the schema of this version', () => migrate);
  return program;
}

/** Milliseconds of a term such as `30m`, `12h` or `7d`; anything else is wrong usage. */
export function parseTerm(text: string): number {
  const [, amount, unit] = /^([1-9]\d{0,3})([mhd])$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('Give a term such as 30m, 12h or 7d.');
  return Number(amount) * (unit === 'm' ? minuteMs : unit === 'h' ? hourMs : dayMs);
}

const invite =
  (termMs: number): ServerCommand =>
  async context => {
    if (context.settings.limits.signUp === 'closed') {
      return err(
        'SIGN_UP is closed, so nobody could use a code. Set it to invite first, also for the server.',
      );
    }
    return withStorage(context, async storage => {
      const { random, clock, print } = context.host;
      const created = await createInvite(storage, random, clock.now(), termMs);
      if (!created.ok) return inWords(created);
      print(created.value.code);
      print(`good for one account until ${isoTime(created.value.expiresAt)}`);
      return ok();
    });
  };

const accounts: ServerCommand = context =>
  withStorage(context, async storage => {
    const listed = await storage.listAccounts();
    if (!listed.ok) return inWords(listed);
    printTable(
      context.host,
      ['login', 'devices', 'items', 'bytes', 'created'],
      [
        ...listed.value.map(account => [
          account.login,
          String(account.devices),
          String(account.liveItems),
          String(account.bytes),
          isoTime(account.createdAt),
        ]),
      ],
    );
    return ok();
  });

const devices =
  (login: string): ServerCommand =>
  context =>
    withAccount(context, login, async (storage, accountId) => {
      const listed = await storage.listDevices(accountId);
      if (!listed.ok) return inWords(listed);
      printTable(
        context.host,
        ['device', 'name', 'created', 'last seen'],
        [
          ...listed.value.map(device => [
            device.deviceId,
            device.name,
            isoTime(device.createdAt),
            isoTime(device.lastSeenAt),
          ]),
        ],
      );
      return ok();
    });

const revoke =
  (login: string, deviceId: string): ServerCommand =>
  context =>
    withAccount(context, login, async (storage, accountId) => {
      const revoked = await storage.revokeDevice(accountId, deviceId);
      if (!revoked.ok) return inWords(revoked);
      if (!revoked.value)
        return err(`${login} has no device ${deviceId}. See: scratch-server devices ${login}`);
      context.host.print(`${deviceId} is revoked`);
      return ok();
    });

const deleteAccount =
  (login: string): ServerCommand =>
  context =>
    withAccount(context, login, async (storage, accountId) => {
      const deleted = await storage.deleteAccount(accountId);
      if (!deleted.ok) return inWords(deleted);
      context.host.print(`${login} is deleted`);
      return ok();
    });

const backup =
  (file: string): ServerCommand =>
  async ({ host, settings }) => {
    const done = await backUp(settings.dataFolder, file, host);
    if (done.ok) host.print(`backed up to ${file}`);
    return done;
  };

const restoreFrom =
  (file: string): ServerCommand =>
  async ({ host, settings }) => {
    const restored = await restore(settings.dataFolder, file, host);
    if (!restored.ok) return restored;
    host.print(`restored from ${file}; what was there is kept at ${restored.value}`);
    return ok();
  };

const check: ServerCommand = context =>
  withStorage(context, async (storage, database) => {
    const damage = await database.integrityCheck();
    if (!damage.ok) return inWords(damage);
    const findings = damage.value.length > 0 ? damage : await storage.checkConsistency();
    if (!findings.ok) return inWords(findings);
    if (findings.value.length > 0) return err(`The store is not sound: ${findings.value.join('; ')}`);
    context.host.print('the store is sound');
    return ok();
  });

const migrate: ServerCommand = context =>
  withStorage(context, async () => {
    context.host.print(`the store has schema ${serverMigrations.length}`);
    return ok();
  });

async function withStorage(
  { host, settings }: CommandContext,
  work: (storage: ServerStorage, database: OpenedDatabase) => Promise<Result<void, string>>,
): Promise<Result<void, string>> {
  const opened = await openStore(storePath(settings.dataFolder), host);
  if (!opened.ok) return err(describeStorageError(opened.error));
  try {
    return await work(createSqliteStorage(opened.value, host.random, host.clock), opened.value);
  } finally {
    await opened.value.close();
  }
}

function withAccount(
  context: CommandContext,
  login: string,
  work: (storage: ServerStorage, accountId: string) => Promise<Result<void, string>>,
): Promise<Result<void, string>> {
  return withStorage(context, async storage => {
    const found = await storage.findCredentials({ login: login.toLowerCase() });
    if (!found.ok) return inWords(found);
    if (found.value === undefined) return err(`There is no account ${login}. See: scratch-server accounts`);
    return work(storage, found.value.accountId);
  });
}

function inWords(failed: { readonly ok: false; readonly error: StorageError }): Result<void, string> {
  return err(describeStorageError(failed.error));
}

function printTable(host: ServeHost, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)),
  );
  for (const row of [head, ...rows]) {
    host.print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
