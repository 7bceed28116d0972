import { Disposable, l10n, type Memento, window, workspace } from 'vscode';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { secondMs, type Timers } from '../../base/time';
import type { SecretStore } from '../../device/account/secrets';
import type { Device, DeviceEvent } from '../../device/device';
import type { StatusJson } from '../../device/json';
import { type CommandId, settingKeys, settingsSection } from '../manifest';
import { attentionCommand } from '../views/attention';
import type { DeviceStatus } from '../views/deviceStatus';
import { currentSettings } from './editorDevice';
import type { Messages, Remedy } from './messages';
import { serverAddress } from './settings';

/** The editor has finished its own start by then. */
export const idleDelayMs = 2 * secondMs;
const signedInKey = 'signedIn';

/** Lets the device hear of focus, settings and start-up, and a person of what the device has to say. */
export class SyncWiring {
  readonly #device: Device;
  readonly #status: DeviceStatus;
  readonly #messages: Messages;
  readonly #logger: Logger;
  readonly #secrets: SecretStore;
  readonly #state: Memento;
  readonly #timers: Timers;
  /** The last thing that a person was told about sync that cannot continue. */
  #told: string | undefined;

  constructor(parts: {
    readonly device: Device;
    readonly status: DeviceStatus;
    readonly messages: Messages;
    readonly logger: Logger;
    readonly secrets: SecretStore;
    readonly state: Memento;
    readonly timers: Timers;
  }) {
    this.#device = parts.device;
    this.#status = parts.status;
    this.#messages = parts.messages;
    this.#logger = parts.logger;
    this.#secrets = parts.secrets;
    this.#state = parts.state;
    this.#timers = parts.timers;
  }

  start(): Disposable {
    this.#run(() => this.#device.sync.setFocused(window.state.focused));
    const idle = this.#timers.after(idleDelayMs, () => this.#run(() => this.#startWhenSignedIn()));
    return Disposable.from(
      new Disposable(() => idle.cancel()),
      window.onDidChangeWindowState(({ focused }) => {
        this.#run(() => this.#device.sync.setFocused(focused));
      }),
      workspace.onDidChangeConfiguration(change => {
        if (!change.affectsConfiguration(settingsSection)) return;
        this.#run(() => this.#device.configure(currentSettings()));
        if (change.affectsConfiguration(`${settingsSection}.${settingKeys.serverUrl}`)) this.#serverChanged();
      }),
      this.#status.onDidChange(status => {
        this.#tellOnce(status);
        const signedIn = status.login !== null;
        if (this.#state.get(signedInKey, false) === signedIn) return;
        this.#run(() => this.#state.update(signedInKey, signedIn));
      }),
    );
  }

  hear(event: DeviceEvent): void {
    if (event.type !== 'notice') return;
    const { level, message } = event;
    if (level === 'info') this.#messages.inform(message);
    else this.#messages.warn(message, { label: l10n.t('Show Log'), command: 'scratchSync.showLog' });
  }

  /** Sync cannot continue without a person, who hears of it once. */
  #tellOnce(status: StatusJson): void {
    const obstacle = obstacleOf(status);
    if (status.state !== 'syncing') {
      if (obstacle && obstacle.message !== this.#told) this.#messages.warn(obstacle.message, obstacle.remedy);
      this.#told = obstacle?.message;
    }
  }

  /** The device starts now when it has something to sync, else on first use. */
  async #startWhenSignedIn(): Promise<void> {
    const session = await this.#secrets.get('session');
    if (session === undefined && !this.#state.get(signedInKey, false)) return;
    const started = await this.#device.sync.start();
    if (!started.ok) this.#logger.warn('sync did not start', { error: started.error.message });
    await this.#status.load(this.#device);
  }

  /** The device goes on with the server that it is signed in to: another one gets credentials only from a sign-in. */
  #serverChanged(): void {
    const signedIn = this.#status.current?.server;
    const wanted = serverAddress(workspace.getConfiguration(settingsSection).get(settingKeys.serverUrl));
    if (!signedIn || !wanted || wanted === serverAddress(signedIn)) return;
    this.#messages.warn(
      l10n.t('You are still signed in to {0}. To use {1}, sign in there.', signedIn, wanted),
      { label: l10n.t('Sign In'), command: 'scratchSync.signIn' },
    );
  }

  #run(work: () => PromiseLike<unknown>): void {
    work().then(undefined, (error: unknown) => {
      this.#logger.error('the device could not be told', { error: messageOf(error) });
    });
  }
}

function obstacleOf(status: StatusJson): { readonly message: string; readonly remedy: Remedy } | undefined {
  if (status.state === 'locked') {
    const message = l10n.t('Scratch Sync is locked: the keys of this device are not in the secret storage.');
    return { message, remedy: { label: l10n.t('Unlock'), command: 'scratchSync.unlock' } };
  }
  if (status.state !== 'attention') return undefined;
  const message = status.attention ?? l10n.t('Scratch Sync cannot go on without you.');
  const command = attentionCommand(status);
  return { message, remedy: { label: remedyLabel(command), command } };
}

function remedyLabel(command: CommandId): string {
  switch (command) {
    case 'scratchSync.reviewMassChange':
      return l10n.t('Review');
    case 'scratchSync.unlock':
      return l10n.t('Unlock');
    case 'scratchSync.signIn':
      return l10n.t('Sign In');
    case 'scratchSync.runDoctor':
      return l10n.t('Run Doctor');
    default:
      return l10n.t('Show Status');
  }
}
