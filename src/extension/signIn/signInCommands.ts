import { hostname } from 'node:os';
import { ConfigurationTarget, l10n, workspace } from 'vscode';
import type { Result } from '../../base/result';
import type { Device, SignInJson, SignUpJson } from '../../device/device';
import type { DeviceError } from '../../device/deviceError';
import type { Command } from '../commands/command';
import type { Messages } from '../host/messages';
import { withProgress } from '../host/progress';
import { serverAddress } from '../host/settings';
import { settingKeys, settingsSection } from '../manifest';
import { askLogin, askNewPassword, askPassword, askServer, askText } from './questions';
import { showPhrase } from './recoveryPhrase';

export interface SignInParts {
  readonly device: Device;
  readonly messages: Messages;
}

/** How often a password may be mistyped before the command gives up. */
const maxAttempts = 5;

export function signInCommands(parts: SignInParts): readonly Command[] {
  return [new SignUp(parts), new SignIn(parts), new SignOut(parts), new Unlock(parts)];
}

class SignUp implements Command {
  readonly id = 'scratchSync.signUp';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('Create an Account');
    const server = await askServer(title, await knownServer(device));
    const login = server && (await askLogin(title, ''));
    if (!server || !login) return;
    const invite = await askText(
      title,
      l10n.t('The invite code that you were given. Empty when the server needs none.'),
    );
    if (invite === undefined) return;
    const prompt = l10n.t(
      'A password that you use nowhere else. It is the key to your items; nobody can reset it.',
    );
    const password = await askNewPassword(title, prompt);
    if (password === undefined) return;
    const deviceName = await askDeviceName(title);
    if (deviceName === undefined) return;
    const code = invite.trim();
    const request = { server, login, password, deviceName, ...(code ? { invite: code } : {}) };
    const created = await this.#signUp(title, request);
    if (!created) return;
    await rememberServer(server);
    await messages.done(device.sync.start());
    await showPhrase(created.recoveryPhrase, messages);
  }

  /** Asks before what this device holds of another account goes into the new one. */
  async #signUp(
    title: string,
    request: SignUpJson,
  ): Promise<{ readonly recoveryPhrase: string } | undefined> {
    const { device, messages } = this.parts;
    const answer = await withProgress(title, () => device.account.signUp(request));
    if (answer.ok) return answer.value;
    if (answer.error.code !== 'otherAccount') {
      messages.error(answer.error);
      return undefined;
    }
    if (!(await mayUnite(messages, request.login, answer.error.message))) return undefined;
    return messages.valueOf(
      withProgress(title, () => device.account.signUp({ ...request, acceptOtherAccount: true })),
    );
  }
}

class SignIn implements Command {
  readonly id = 'scratchSync.signIn';
  constructor(private readonly parts: SignInParts) {}

  /** The address is shown and confirmed each time, before any credential goes there. */
  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('Sign In');
    const status = await device.sync.status();
    const known = status.ok ? status.value.login : null;
    const server = await askServer(title, await knownServer(device));
    const login = server && (await askLogin(title, known ?? ''));
    if (!server || !login) return;
    const deviceName = await askDeviceName(title);
    if (deviceName === undefined) return;
    const signedIn = await this.#attempt(title, { server, login, deviceName });
    if (signedIn === undefined) return;
    if (!signedIn.ok) return messages.error(signedIn.error);
    await rememberServer(server);
    if (await messages.done(device.sync.start())) messages.whisper(l10n.t('Signed in as {0}', login));
  }

  async #attempt(
    title: string,
    who: Omit<SignInJson, 'secret'>,
  ): Promise<Result<void, DeviceError> | undefined> {
    const question = l10n.t('Your password. Leave it empty to use your recovery phrase.');
    let prompt = question;
    let answer: Result<void, DeviceError> | undefined;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const secret = await this.#askSecret(title, prompt);
      if (secret === undefined) return undefined;
      answer = await this.#signIn(title, { ...who, secret });
      if (answer === undefined || answer.ok || answer.error.code !== 'badCredentials') return answer;
      prompt = `${answer.error.message} ${question}`;
    }
    return answer;
  }

  async #askSecret(title: string, prompt: string): Promise<SignInJson['secret'] | undefined> {
    const password = await askPassword(title, prompt);
    if (password === undefined) return undefined;
    if (password !== '') return { password };
    const recoveryPhrase = await askPassword(title, l10n.t('Your recovery phrase: 24 words.'));
    if (recoveryPhrase === undefined) return undefined;
    const newPassword = await askNewPassword(title, l10n.t('A new password in place of the forgotten one.'));
    return newPassword === undefined ? undefined : { recoveryPhrase, newPassword };
  }

  /** Asks before what this device holds of another account is united with this one. */
  async #signIn(title: string, request: SignInJson): Promise<Result<void, DeviceError> | undefined> {
    const { device, messages } = this.parts;
    const answer = await withProgress(title, () => device.account.signIn(request));
    if (answer.ok || answer.error.code !== 'otherAccount') return answer;
    if (!(await mayUnite(messages, request.login, answer.error.message))) return undefined;
    return withProgress(title, () => device.account.signIn({ ...request, acceptOtherAccount: true }));
  }
}

class SignOut implements Command {
  readonly id = 'scratchSync.signOut';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const sure = await messages.confirm(
      l10n.t('Sign out on this device?'),
      l10n.t(
        'Your items stay here and no longer sync. Sensitive ones cannot be read until you sign in again.',
      ),
      l10n.t('Sign Out'),
    );
    if (sure && (await messages.done(device.account.signOut()))) messages.whisper(l10n.t('Signed out'));
  }
}

class Unlock implements Command {
  readonly id = 'scratchSync.unlock';
  constructor(private readonly parts: SignInParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('Unlock');
    let prompt = l10n.t(
      'The password of your account. The keys of this device are not in the secret storage.',
    );
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const password = await askPassword(title, prompt);
      if (!password) return;
      const answer = await withProgress(title, () => device.account.unlock(password));
      if (answer.ok) {
        await messages.done(device.sync.start());
        return messages.whisper(l10n.t('Unlocked'));
      }
      if (answer.error.code !== 'badCredentials') return messages.error(answer.error);
      prompt = answer.error.message;
    }
  }
}

function mayUnite(messages: Messages, login: string, detail: string): Promise<boolean> {
  return messages.confirm(
    l10n.t('Unite the items here with the account {0}?', login),
    detail,
    l10n.t('Unite'),
  );
}

function askDeviceName(title: string): Promise<string | undefined> {
  const prompt = l10n.t('What is this device called? The name stands beside its changes.');
  return Promise.resolve(askText(title, prompt, hostname())).then(name => name?.trim() || undefined);
}

async function knownServer(device: Device): Promise<string> {
  const status = await device.sync.status();
  const signedIn = status.ok ? status.value.server : null;
  return (
    serverAddress(workspace.getConfiguration(settingsSection).get(settingKeys.serverUrl)) ?? signedIn ?? ''
  );
}

async function rememberServer(server: string): Promise<void> {
  await workspace
    .getConfiguration(settingsSection)
    .update(settingKeys.serverUrl, server, ConfigurationTarget.Global);
}
