import { l10n, window } from 'vscode';
import { minPasswordLength } from '../../device/account/passwordRule';
import { parseServerAddress, type ServerAddressProblem } from '../../device/account/serverAddress';
import { serverAddress } from '../host/settings';

export function askServer(title: string, suggestion: string): Thenable<string | undefined> {
  return window
    .showInputBox({
      title,
      prompt: l10n.t(
        'The address of your sync server. Your password goes to it in a form that it cannot read.',
      ),
      value: suggestion,
      placeHolder: 'https://scratch.example.com',
      ignoreFocusOut: true,
      validateInput: serverProblem,
    })
    .then(serverAddress);
}

export function askLogin(title: string, suggestion: string): Thenable<string | undefined> {
  return window
    .showInputBox({
      title,
      prompt: l10n.t('Your login name on that server.'),
      value: suggestion,
      ignoreFocusOut: true,
      validateInput: text => (text.trim() === '' ? l10n.t('Type your login name.') : undefined),
    })
    .then(text => text?.trim());
}

export function askText(title: string, prompt: string, value = ''): Thenable<string | undefined> {
  return window.showInputBox({ title, prompt, value, ignoreFocusOut: true });
}

export function askPassword(title: string, prompt: string): Thenable<string | undefined> {
  return window.showInputBox({ title, prompt, password: true, ignoreFocusOut: true });
}

/** A new password, typed twice. */
export async function askNewPassword(title: string, prompt: string): Promise<string | undefined> {
  const password = await window.showInputBox({
    title,
    prompt,
    password: true,
    ignoreFocusOut: true,
    validateInput: text =>
      text.length < minPasswordLength ? l10n.t('At least {0} characters.', minPasswordLength) : undefined,
  });
  if (password === undefined) return undefined;
  const again = await window.showInputBox({
    title,
    prompt: l10n.t('The same once more.'),
    password: true,
    ignoreFocusOut: true,
    validateInput: text => (text === password ? undefined : l10n.t('It is not the same yet.')),
  });
  return again === undefined ? undefined : password;
}

/** What is wrong with an address; undefined when it may be used. */
function serverProblem(text: string): string | undefined {
  const address = parseServerAddress(text);
  return address.ok ? undefined : problemTexts()[address.error.type];
}

function problemTexts(): Readonly<Record<ServerAddressProblem['type'], string>> {
  return {
    notAddress: l10n.t(
      'An address begins with https:// and is no more than a host and, where there is one, a path.',
    ),
    namesUser: l10n.t('Leave name and password out of the address.'),
    plainHttp: l10n.t('Use https://. Plain http:// is for a server on this machine alone.'),
  };
}
