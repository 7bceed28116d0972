import { commands, type LogOutputChannel, l10n, type QuickPickItem, window } from 'vscode';
import type { Device } from '../../device/device';
import type { StatusJson, SyncReportJson } from '../../device/json';
import type { Messages } from '../host/messages';
import { type CommandId, viewIds } from '../manifest';
import { attentionCommand } from '../views/attention';
import { conflictsText } from '../views/say';
import { statusLine, statusLook } from '../views/statusText';
import type { Command } from './command';

export interface SyncParts {
  readonly device: Device;
  readonly messages: Messages;
  readonly log: LogOutputChannel;
}

export function syncCommands(parts: SyncParts): readonly Command[] {
  return [
    new SyncNow(parts),
    new PauseSync(parts),
    new ResumeSync(parts),
    new ShowStatus(parts),
    new ShowLog(parts),
    new ReviewMassChange(parts),
  ];
}

class SyncNow implements Command {
  readonly id = 'scratchSync.syncNow';
  constructor(private readonly parts: SyncParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const report = await messages.valueOf(device.sync.now({ trigger: 'command' }));
    if (report?.notice !== undefined) messages.warn(report.notice);
    else if (report) messages.whisper(reportText(report));
  }
}

class PauseSync implements Command {
  readonly id = 'scratchSync.pauseSync';
  constructor(private readonly parts: SyncParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    if (await messages.done(device.sync.pause())) messages.whisper(l10n.t('Sync is paused'));
  }
}

class ResumeSync implements Command {
  readonly id = 'scratchSync.resumeSync';
  constructor(private readonly parts: SyncParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    if (await messages.done(device.sync.resume())) messages.whisper(l10n.t('Sync goes on'));
  }
}

/** What the status bar's item opens: how things are, and what can be done. */
class ShowStatus implements Command {
  readonly id = 'scratchSync.showStatus';
  constructor(private readonly parts: SyncParts) {}

  async run(): Promise<void> {
    const status = await this.parts.messages.valueOf(this.parts.device.sync.status());
    if (!status) return;
    const picked = await window.showQuickPick(actionsOf(status), {
      title: statusLook(status, l10n.t).words,
      placeHolder: status.attention ?? statusLine(status, l10n.t),
    });
    if (picked) await commands.executeCommand(picked.command);
  }
}

class ShowLog implements Command {
  readonly id = 'scratchSync.showLog';
  constructor(private readonly parts: SyncParts) {}

  async run(): Promise<void> {
    this.parts.log.show(true);
  }
}

/** Asks about what the guard held, and goes on or back. */
class ReviewMassChange implements Command {
  readonly id = 'scratchSync.reviewMassChange';
  constructor(private readonly parts: SyncParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const status = await messages.valueOf(device.sync.status());
    if (!status) return;
    if (!status.guard) return messages.inform(l10n.t('No change of many items waits.'));
    const { changed, total } = status.guard;
    const accept = l10n.t('Let It Happen');
    const reject = l10n.t('Keep Mine');
    const chosen = await window.showWarningMessage(
      l10n.t('A sync would delete or overwrite {0} of {1} items', changed, total),
      {
        modal: true,
        detail: l10n.t('A snapshot was taken, so either can be taken back. Until you choose, nothing syncs.'),
      },
      accept,
      reject,
    );
    if (chosen === accept)
      await messages.done(device.sync.now({ trigger: 'command', acceptMassChange: true }));
    if (chosen === reject) await messages.done(device.sync.rejectMassChange());
  }
}

interface Action extends QuickPickItem {
  readonly command: CommandId | `${string}.focus`;
}

function actionsOf(status: StatusJson): readonly Action[] {
  const { state, openConflicts, guard, login } = status;
  const signedIn = login !== null && state !== 'signedOut';
  const mends = state === 'attention' ? attentionCommand(status) : undefined;
  const can = (when: boolean, label: string, command: Action['command']): readonly Action[] =>
    when ? [{ label, command }] : [];
  return [
    ...can(
      guard !== undefined,
      l10n.t('$(warning) Review the change of many items…'),
      'scratchSync.reviewMassChange',
    ),
    ...can(
      state === 'locked' || mends === 'scratchSync.unlock',
      l10n.t('$(unlock) Unlock…'),
      'scratchSync.unlock',
    ),
    ...can(mends === 'scratchSync.runDoctor', l10n.t('$(pulse) Run the doctor'), 'scratchSync.runDoctor'),
    ...can(
      openConflicts > 0,
      l10n.t('$(git-merge) Look at {0}', conflictsText(openConflicts, l10n.t)),
      `${viewIds.conflicts}.focus`,
    ),
    ...can(!signedIn || mends === 'scratchSync.signIn', l10n.t('$(account) Sign in…'), 'scratchSync.signIn'),
    ...can(!signedIn, l10n.t('$(add) Create an account…'), 'scratchSync.signUp'),
    ...can(signedIn && state !== 'paused', l10n.t('$(sync) Sync now'), 'scratchSync.syncNow'),
    ...can(signedIn && state !== 'paused', l10n.t('$(debug-pause) Pause sync'), 'scratchSync.pauseSync'),
    ...can(state === 'paused', l10n.t('$(debug-continue) Resume sync'), 'scratchSync.resumeSync'),
    ...can(true, l10n.t('$(search) Search…'), 'scratchSync.search'),
    ...can(true, l10n.t('$(new-file) New note'), 'scratchSync.newNote'),
    ...can(signedIn, l10n.t('$(vm) Devices…'), 'scratchSync.listDevices'),
    ...can(login !== null, l10n.t('$(history) Activity'), `${viewIds.activity}.focus`),
    ...can(true, l10n.t('$(output) Show log'), 'scratchSync.showLog'),
    ...can(signedIn, l10n.t('$(sign-out) Sign out…'), 'scratchSync.signOut'),
  ];
}

function reportText({ pushed, pulled, merged, conflicts }: SyncReportJson): string {
  if (pushed + pulled + merged + conflicts === 0) return l10n.t('Everything is synced');
  const parts = [
    l10n.t('{0} pushed', pushed),
    l10n.t('{0} pulled', pulled),
    ...(merged > 0 ? [l10n.t('{0} merged', merged)] : []),
    ...(conflicts > 0 ? [conflictsText(conflicts, l10n.t)] : []),
  ];
  return parts.join(', ');
}
