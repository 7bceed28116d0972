import { commands, l10n, window } from 'vscode';
import type { Logger } from '../../base/logger';
import type { Result } from '../../base/result';
import type { DeviceError, DeviceErrorCode } from '../../device/deviceError';
import { plainLabel } from '../commands/plainLabel';
import { type CommandId, type SettingKey, settingKeys, settingsSection } from '../manifest';

/** What a message offers to do about it: a command of ours, or a setting of ours that is shown. */
export type Remedy = { readonly label: string } & (
  | { readonly command: CommandId }
  | { readonly setting: SettingKey }
);

/**
 * Speaks to a person after something that they did. An error becomes one message with the action that mends it, and a
 * line in the log.
 */
export class Messages {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The value of an answer; undefined after its error was shown. */
  async valueOf<T>(answer: Promise<Result<T, DeviceError>>): Promise<T | undefined> {
    const result = await answer;
    if (result.ok) return result.value;
    this.error(result.error);
    return undefined;
  }

  /** True when it was done; false after its error was shown. */
  async done(answer: Promise<Result<unknown, DeviceError>>): Promise<boolean> {
    const result = await answer;
    if (!result.ok) this.error(result.error);
    return result.ok;
  }

  error({ code, message }: DeviceError): void {
    this.#logger.warn('a command failed', { code, message });
    this.#show(window.showErrorMessage, message, remedyOf(code));
  }

  /** A mistake of ours: the log says more. */
  bug(): void {
    this.#show(
      window.showErrorMessage,
      l10n.t('Something went wrong in Scratch Sync. Nothing that was saved is lost.'),
      showLog(),
    );
  }

  warn(message: string, remedy?: Remedy): void {
    this.#show(window.showWarningMessage, message, remedy);
  }

  inform(message: string, remedy?: Remedy): void {
    this.#show(window.showInformationMessage, message, remedy);
  }

  /** Says what was done and offers one thing to do about it. Not waited for: the message may stay for long. */
  offer(message: string, action: string, run: () => Promise<unknown>): void {
    this.#chosen(
      window.showInformationMessage(message, action).then(chosen => (chosen === action ? run() : undefined)),
    );
  }

  /** A passing word in the status bar, for what went as expected. */
  whisper(message: string): void {
    window.setStatusBarMessage(`$(check) ${plainLabel(message)}`, whisperMs);
  }

  /** Asks before something that cannot be taken back lightly. */
  async confirm(question: string, detail: string, action: string): Promise<boolean> {
    return (await window.showWarningMessage(question, { modal: true, detail }, action)) === action;
  }

  #show(show: ShowMessage, message: string, remedy: Remedy | undefined): void {
    const choice = remedy ? show(message, remedy.label) : show(message);
    this.#chosen(choice.then(chosen => (remedy && chosen === remedy.label ? apply(remedy) : undefined)));
  }

  #chosen(outcome: Thenable<unknown>): void {
    outcome.then(undefined, (error: unknown) => {
      this.#logger.error('the action of a message failed', { error: String(error) });
    });
  }
}

type ShowMessage = (message: string, ...items: string[]) => Thenable<string | undefined>;

const whisperMs = 4000;

function apply(remedy: Remedy): Thenable<unknown> {
  if ('command' in remedy) return commands.executeCommand(remedy.command);
  const id = `${settingsSection}.${remedy.setting}`;
  return commands.executeCommand('workbench.action.openSettings', id);
}

function showLog(): Remedy {
  return { label: l10n.t('Show Log'), command: 'scratchSync.showLog' };
}

function remedyOf(code: DeviceErrorCode): Remedy | undefined {
  switch (code) {
    case 'notSignedIn':
      return { label: l10n.t('Sign In'), command: 'scratchSync.signIn' };
    case 'locked':
    case 'keyMissing':
      return { label: l10n.t('Unlock'), command: 'scratchSync.unlock' };
    case 'massChange':
      return { label: l10n.t('Review'), command: 'scratchSync.reviewMassChange' };
    case 'paused':
      return { label: l10n.t('Resume'), command: 'scratchSync.resumeSync' };
    case 'storage':
      return { label: l10n.t('Run Doctor'), command: 'scratchSync.runDoctor' };
    case 'certificate':
      return { label: l10n.t('Name the File'), setting: settingKeys.serverCertificateFile };
    case 'busy':
    case 'server':
    case 'unreachable':
      return showLog();
    default:
      return undefined;
  }
}
