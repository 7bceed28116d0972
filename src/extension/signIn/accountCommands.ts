import { commands, l10n, window } from 'vscode';
import type { Device } from '../../device/device';
import type { DeviceEntryJson } from '../../device/json';
import type { Command } from '../commands/command';
import { plainLabel } from '../commands/plainLabel';
import type { Messages } from '../host/messages';
import { withProgress } from '../host/progress';
import { askNewPassword, askPassword } from './questions';
import { showPhrase } from './recoveryPhrase';
import type { SignInParts } from './signInCommands';

export function accountCommands(parts: SignInParts): readonly Command[] {
  return [
    new ListDevices(parts),
    new RevokeDevice(parts),
    new ChangePassword(parts),
    new ShowRecoveryPhrase(parts),
    new RotateKey(parts),
  ];
}

class ListDevices implements Command {
  readonly id = 'scratchSync.listDevices';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const picked = await pickDevice(this.parts, l10n.t('The devices of your account'), () => true);
    if (picked && !picked.current) await commands.executeCommand('scratchSync.revokeDevice', picked.id);
  }
}

class RevokeDevice implements Command {
  readonly id = 'scratchSync.revokeDevice';
  constructor(private readonly parts: SignInParts) {}

  /** @param device the id of a device, or a row of the tree */
  async run(device?: unknown): Promise<void> {
    const { messages } = this.parts;
    const question = l10n.t('Revoke which device?');
    const chosen = deviceIdOf(device);
    const entry = chosen
      ? await findDevice(this.parts, chosen)
      : await pickDevice(this.parts, question, ({ current }) => !current);
    if (!entry) return;
    const title = l10n.t('Revoke “{0}”', entry.name);
    const prompt = l10n.t('It can no longer sync. Your password, to show that it is you.');
    const password = await askPassword(title, prompt);
    if (!password) return;
    const revoke = () => this.parts.device.account.revoke(entry.id, password);
    if (!(await messages.done(withProgress(title, revoke)))) return;
    messages.inform(l10n.t('“{0}” is revoked. If it was lost, rotate the key too.', entry.name), {
      label: l10n.t('Rotate Key'),
      command: 'scratchSync.rotateKey',
    });
  }
}

class ChangePassword implements Command {
  readonly id = 'scratchSync.changePassword';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('Change Password');
    const current = await askPassword(title, l10n.t('Your present password.'));
    const next = current && (await askNewPassword(title, l10n.t('The new password.')));
    if (!current || !next) return;
    const change = () => device.account.changePassword(current, next);
    if (await messages.done(withProgress(title, change))) messages.whisper(l10n.t('Changed the password'));
  }
}

class ShowRecoveryPhrase implements Command {
  readonly id = 'scratchSync.showRecoveryPhrase';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('New Recovery Phrase');
    const prompt = l10n.t('A new phrase is made, and the former one no longer works. Your password, please.');
    await askAndShowPhrase(title, prompt, messages, password => device.account.newRecoveryPhrase(password));
  }
}

class RotateKey implements Command {
  readonly id = 'scratchSync.rotateKey';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('Rotate Key');
    const prompt = l10n.t(
      'Items are sealed anew with a new key; your other devices ask for the password once.',
    );
    await askAndShowPhrase(title, prompt, messages, password => device.account.rotateKey(password));
  }
}

async function askAndShowPhrase(
  title: string,
  prompt: string,
  messages: Messages,
  work: (password: string) => ReturnType<Device['account']['rotateKey']>,
): Promise<void> {
  const password = await askPassword(title, prompt);
  if (!password) return;
  const done = await messages.valueOf(withProgress(title, () => work(password)));
  if (done) await showPhrase(done.recoveryPhrase, messages);
}

async function pickDevice(
  { device, messages }: SignInParts,
  question: string,
  isOffered: (entry: DeviceEntryJson) => boolean,
): Promise<DeviceEntryJson | undefined> {
  const entries = await messages.valueOf(device.account.devices());
  if (!entries) return undefined;
  const offered = entries.filter(isOffered);
  if (offered.length === 0) messages.inform(l10n.t('No other device is signed in.'));
  if (offered.length === 0) return undefined;
  const picks = offered.map(entry => ({
    entry,
    label: `$(${entry.current ? 'vm-active' : 'vm'}) ${plainLabel(entry.name)}`,
    description: entry.current ? l10n.t('this device') : '',
    detail: l10n.t('last seen {0}', new Date(entry.lastSeenAt).toLocaleString()),
  }));
  return (await window.showQuickPick(picks, { placeHolder: question }))?.entry;
}

async function findDevice(
  { device, messages }: SignInParts,
  id: string,
): Promise<DeviceEntryJson | undefined> {
  const entries = await messages.valueOf(device.account.devices());
  return entries?.find(entry => entry.id === id);
}

function deviceIdOf(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (typeof argument !== 'object' || argument === null || !('deviceId' in argument)) return undefined;
  return typeof argument.deviceId === 'string' ? argument.deviceId : undefined;
}
