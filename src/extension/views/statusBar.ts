import {
  type Disposable,
  l10n,
  MarkdownString,
  StatusBarAlignment,
  type StatusBarItem,
  ThemeColor,
  window,
} from 'vscode';
import type { StatusJson } from '../../device/json';
import type { CommandId } from '../manifest';
import type { DeviceStatus } from './deviceStatus';
import { statusLine, statusLook } from './statusText';

/** The one item in the status bar; a click opens what can be done. */
export class StatusBar implements Disposable {
  readonly #item: StatusBarItem;
  readonly #subscription: Disposable;

  constructor(status: DeviceStatus) {
    const command: CommandId = 'scratchSync.showStatus';
    this.#item = window.createStatusBarItem('scratchSync.status', StatusBarAlignment.Left, statusPriority);
    this.#item.name = 'Scratch Sync';
    this.#item.command = command;
    this.#show(status.current);
    this.#item.show();
    this.#subscription = status.onDidChange(current => this.#show(current));
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }

  #show(status: StatusJson | undefined): void {
    const { text, words, tone } = statusLook(status, l10n.t);
    this.#item.text = text;
    this.#item.tooltip = new MarkdownString().appendText(
      status ? `${words}\n${statusLine(status, l10n.t)}` : words,
    );
    this.#item.accessibilityInformation = { label: words };
    this.#item.backgroundColor =
      tone === 'plain' ? undefined : new ThemeColor(`statusBarItem.${tone}Background`);
  }
}

/** Beside the editor's own items for the remote and the branch. */
const statusPriority = 10;
