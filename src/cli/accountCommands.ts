import type { Command } from 'commander';
import * as z from 'zod';
import { counted } from '../base/amounts';
import { ok, type Result } from '../base/result';
import type { Device } from '../device/device';
import { shortId } from '../model/ids/ids';
import { addCommand, answer, type Runner } from './command';
import { statusText } from './describeSync';
import type { Failure } from './failure';
import { localTime, type Page, plain, table } from './page';
import {
  askSecrets,
  newAccountQuestion,
  newPasswordQuestion,
  passwordQuestion,
  recoveryPhraseQuestion,
  type SecretQuestion,
} from './password';

/** Commands about the account, its devices and its secrets. */
export function addAccountCommands(program: Command, runner: Runner): void {
  addSigning(program, runner);
  addSecrets(program, runner);
  addDevices(program, runner);
}

const passwordHelp = `The password is asked for on a terminal, or comes from --password-stdin or
SCRATCH_PASSWORD; never as an argument.`;

function declarePassword(command: Command): Command {
  return command.option('--password-stdin', 'read the password from standard input');
}

const passwordSchema = z.object({ passwordStdin: z.boolean().optional() });

function declareSigning(command: Command): Command {
  return declarePassword(command)
    .requiredOption('--server <url>', 'address of the server, as https://sync.example.com')
    .requiredOption('--login <name>', 'name of the account')
    .option('--device <name>', 'what this device is called; it keeps its name, at first that of the machine');
}

const signingSchema = passwordSchema.extend({
  server: z.string(),
  login: z.string(),
  device: z.string().optional(),
});

function addSigning(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'sign-up',
    summary: 'make an account, sign in to it, and print its recovery phrase',
    help: passwordHelp,
    declare: command =>
      declareSigning(command).option(
        '--invite <code>',
        'invite code, which the server printed at its first start',
      ),
    schema: signingSchema.extend({ invite: z.string().optional() }),
    async run({ device, terminal, options }) {
      const { server, login, invite } = options;
      const password = await askSecrets(terminal, [newAccountQuestion], all(options.passwordStdin));
      if (!password.ok) return password;
      const [secret = ''] = password.value;
      const deviceName = await deviceNameOf(device, options.device);
      if (!deviceName.ok) return deviceName;
      const request = { server, login, password: secret, deviceName: deviceName.value };
      return answer(
        await device.account.signUp(invite === undefined ? request : { ...request, invite }),
        ({ recoveryPhrase }, page) =>
          `Signed up and signed in as ${plain(login)}.\n\n${phraseText(recoveryPhrase, page)}`,
      );
    },
  });
  addCommand(program, runner, {
    usage: 'sign-in',
    summary: 'sign in on this device',
    help: `${passwordHelp}
With --recovery-phrase-stdin the phrase is the first line of standard input, and
a new password is set: from the second line with --password-stdin, else from
SCRATCH_NEW_PASSWORD or a prompt.`,
    declare: command =>
      declareSigning(command)
        .option('--recovery-phrase-stdin', 'sign in with the recovery phrase and set a new password')
        .option('--accept-other-account', 'unite what this device holds of another account with this one'),
    schema: signingSchema.extend({
      recoveryPhraseStdin: z.boolean().optional(),
      acceptOtherAccount: z.boolean().optional(),
    }),
    async run({ device, terminal, options }) {
      const { server, login, recoveryPhraseStdin = false, passwordStdin = false } = options;
      const secrets = recoveryPhraseStdin
        ? await askSecrets(
            terminal,
            [recoveryPhraseQuestion, newPasswordQuestion],
            question => question === recoveryPhraseQuestion || passwordStdin,
          )
        : await askSecrets(terminal, [passwordQuestion], all(passwordStdin));
      if (!secrets.ok) return secrets;
      const [first = '', second = ''] = secrets.value;
      const deviceName = await deviceNameOf(device, options.device);
      if (!deviceName.ok) return deviceName;
      const signedIn = await device.account.signIn({
        server,
        login,
        deviceName: deviceName.value,
        secret: recoveryPhraseStdin ? { recoveryPhrase: first, newPassword: second } : { password: first },
        ...(options.acceptOtherAccount ? { acceptOtherAccount: true } : {}),
      });
      return withStatus(device, signedIn, 'Signed in. scratch sync brings the items.');
    },
  });
  addCommand(program, runner, {
    usage: 'sign-out',
    summary: 'end the session of this device and forget its keys; items stay',
    schema: z.object({}),
    run: async ({ device }) =>
      withStatus(device, await device.account.signOut(), 'Signed out. The items stay on this device.'),
  });
  addCommand(program, runner, {
    usage: 'unlock',
    summary: 'bring back the keys of a device that lost them',
    help: passwordHelp,
    declare: declarePassword,
    schema: passwordSchema,
    async run({ device, terminal, options }) {
      const password = await askSecrets(terminal, [passwordQuestion], all(options.passwordStdin));
      if (!password.ok) return password;
      const [secret = ''] = password.value;
      return withStatus(device, await device.account.unlock(secret), 'Unlocked.');
    },
  });
}

function addSecrets(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'change-password',
    summary: 'change the password of the account',
    help: `Both passwords are asked for on a terminal, or come from --password-stdin (the
current one on the first line, the new one on the second), or from
SCRATCH_PASSWORD and SCRATCH_NEW_PASSWORD; never as arguments.`,
    declare: declarePassword,
    schema: passwordSchema,
    async run({ device, terminal, options }) {
      const questions = [passwordQuestion, newPasswordQuestion];
      const passwords = await askSecrets(terminal, questions, all(options.passwordStdin));
      if (!passwords.ok) return passwords;
      const [current = '', next = ''] = passwords.value;
      const changed = await device.account.changePassword(current, next);
      return withStatus(device, changed, 'Changed. The other devices stay signed in.');
    },
  });
  addPhraseCommand(program, runner, {
    usage: 'recovery-phrase',
    summary: 'issue a new recovery phrase, which voids the old one',
    done: 'The old recovery phrase is void.',
    run: (device, password) => device.account.newRecoveryPhrase(password),
  });
  addPhraseCommand(program, runner, {
    usage: 'rotate-key',
    summary: 'seal with a new key from now on, after a device was lost; issues a new recovery phrase',
    done: 'New changes are sealed with a new key. The other devices ask for the password once.',
    run: (device, password) => device.account.rotateKey(password),
  });
}

function addPhraseCommand(
  program: Command,
  runner: Runner,
  spec: {
    readonly usage: string;
    readonly summary: string;
    readonly done: string;
    run(device: Device, password: string): ReturnType<Device['account']['newRecoveryPhrase']>;
  },
): void {
  addCommand(program, runner, {
    usage: spec.usage,
    summary: spec.summary,
    help: passwordHelp,
    declare: declarePassword,
    schema: passwordSchema,
    async run({ device, terminal, options }) {
      const password = await askSecrets(terminal, [passwordQuestion], all(options.passwordStdin));
      if (!password.ok) return password;
      const [secret = ''] = password.value;
      return answer(
        await spec.run(device, secret),
        ({ recoveryPhrase }, page) => `${spec.done}\n\n${phraseText(recoveryPhrase, page)}`,
      );
    },
  });
}

function addDevices(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'devices',
    summary: 'list the devices of the account',
    schema: z.object({}),
    run: async ({ device }) =>
      answer(await device.account.devices(), (devices, page) =>
        table(
          page,
          [
            { title: 'ID' },
            { title: 'NAME', stretches: true },
            { title: 'SINCE' },
            { title: 'LAST SEEN' },
            { title: '' },
          ],
          devices.map(entry => [
            { text: entry.id, tone: 'quiet' },
            entry.name,
            { text: localTime(entry.createdAt), tone: 'quiet' },
            { text: localTime(entry.lastSeenAt), tone: 'quiet' },
            entry.current ? { text: 'this one', tone: 'good' } : '',
          ]),
        ),
      ),
  });
  addCommand(program, runner, {
    usage: 'revoke <device>',
    summary: 'end the session of a device at once',
    help: `${passwordHelp}\nA device that was lost has held the key: scratch rotate-key afterwards.`,
    declare: declarePassword,
    schema: passwordSchema,
    async run({ device, terminal, args: [id = ''], options }) {
      const password = await askSecrets(terminal, [passwordQuestion], all(options.passwordStdin));
      if (!password.ok) return password;
      const [secret = ''] = password.value;
      return answer(
        await device.account.revoke(id, secret),
        () => `Revoked ${shortId(plain(id))}. If it was lost, run scratch rotate-key now.`,
        () => ({ revoked: id }),
      );
    },
  });
}

const all =
  (fromInput: boolean | undefined) =>
  (_question: SecretQuestion): boolean =>
    fromInput ?? false;

/** The name that was given, else the one that the device has. */
async function deviceNameOf(device: Device, given: string | undefined): Promise<Result<string, Failure>> {
  if (given !== undefined) return ok(given);
  const status = await device.sync.status();
  return status.ok ? ok(status.value.device.name) : status;
}

/** What was done, and how the device stands after it. */
async function withStatus(device: Device, done: Result<void, Failure>, said: string) {
  if (!done.ok) return done;
  const status = await device.sync.status();
  return answer(status, (value, page) => `${said}\n\n${statusText(value, page)}`);
}

const wordsInRow = 6;

function phraseText(phrase: string, page: Page): string {
  const words = phrase.split(' ');
  const widest = Math.max(...words.map(word => word.length));
  const rows = Array.from({ length: Math.ceil(words.length / wordsInRow) }, (_, row) =>
    words
      .slice(row * wordsInRow, (row + 1) * wordsInRow)
      .map(word => word.padEnd(widest))
      .join('  ')
      .trimEnd(),
  );
  return [
    `Recovery phrase (${counted(words.length, 'word')}). Write it down and keep it apart from this machine: with it you`,
    'can sign in when the password is forgotten, and without either nobody can read the items.',
    '',
    ...rows.map(row => `    ${page.paint('strong', row)}`),
  ].join('\n');
}
