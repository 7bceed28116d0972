import { commands, l10n, Uri, window, workspace } from 'vscode';
import type { Device } from '../../device/device';
import type { ConflictJson, ResolveJson } from '../../device/json';
import { normalizeText } from '../../model/plainText';
import { type ConflictText, conflictTabTitle, sideLabel } from '../documents/conflictAddress';
import { conflictIdOfUri, conflictUri } from '../documents/conflictFileSystem';
import { acceptedLines, isAccept, markedConflicts } from '../documents/conflictMarkers';
import { type ConflictTabs, conflictIdOfTab } from '../documents/conflictTabs';
import type { MergeDrafts } from '../documents/mergeDrafts';
import type { Messages } from '../host/messages';
import { conflictsText } from '../views/say';
import type { Command } from './command';
import { plainLabel } from './plainLabel';
import { replaceLines } from './textEdits';

export interface ConflictParts {
  readonly device: Device;
  readonly drafts: MergeDrafts;
  readonly tabs: ConflictTabs;
  readonly messages: Messages;
}

export function conflictCommands(parts: ConflictParts): readonly Command[] {
  return [
    new CompareConflict(parts),
    new CompareWithBase(parts),
    new Keep(parts, 'scratchSync.keepLocal', 'local'),
    new Keep(parts, 'scratchSync.keepRemote', 'remote'),
    new Keep(parts, 'scratchSync.keepBoth', 'both'),
    new EditMerge(parts),
    new AcceptBlock(),
    new AcceptMerge(parts),
    new UndoResolution(parts),
    new ResolveAll(parts),
  ];
}

/** Shows what this device holds beside what came from the other. */
class CompareConflict implements Command {
  readonly id = 'scratchSync.compareConflict';
  constructor(private readonly parts: ConflictParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const conflict = await chooseConflict(this.parts, args[0]);
    if (conflict) await showDiff(conflict, 'local', 'remote');
  }
}

/** Shows what one side changed. */
class CompareWithBase implements Command {
  readonly id = 'scratchSync.compareWithBase';
  constructor(private readonly parts: ConflictParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const conflict = await chooseConflict(this.parts, args[0]);
    if (!conflict) return;
    if (conflict.base === null) {
      return this.parts.messages.inform(l10n.t('The base of this conflict is not known any more.'));
    }
    const sides = [
      { label: l10n.t('What {0} changed', sideLabel(conflict.local)), side: 'local' as const },
      { label: l10n.t('What {0} changed', sideLabel(conflict.remote)), side: 'remote' as const },
    ];
    const picked = await window.showQuickPick(sides, {
      placeHolder: l10n.t('Compare which side with the base?'),
    });
    if (picked) await showDiff(conflict, 'base', picked.side);
  }
}

class Keep implements Command {
  constructor(
    private readonly parts: ConflictParts,
    readonly id: 'scratchSync.keepLocal' | 'scratchSync.keepRemote' | 'scratchSync.keepBoth',
    private readonly keep: 'local' | 'remote' | 'both',
  ) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const conflict = await chooseConflict(this.parts, args[0]);
    if (conflict) await resolve(this.parts, conflict, { keep: this.keep });
  }
}

/** Opens the merged text, with markers where both sides changed the same, to be edited and then accepted. */
class EditMerge implements Command {
  readonly id = 'scratchSync.editMerge';
  constructor(private readonly parts: ConflictParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const conflict = await chooseConflict(this.parts, args[0]);
    if (!conflict) return;
    const document = await workspace.openTextDocument(conflictUri(conflict, 'merge'), { encoding: 'utf8' });
    await window.showTextDocument(document, { preview: false });
  }
}

/** One marked place of a merge: asked for by the lenses over it. */
class AcceptBlock implements Command {
  readonly id = 'scratchSync.acceptBlock';

  /** @param args the address of the merge, the line of its marker, and which side to keep */
  async run(...args: readonly unknown[]): Promise<void> {
    const [uri, startLine, accept] = args;
    if (
      !(uri instanceof Uri) ||
      conflictIdOfUri(uri) === undefined ||
      typeof startLine !== 'number' ||
      !isAccept(accept)
    )
      return;
    const document = await workspace.openTextDocument(uri);
    const conflict = markedConflicts(document.getText()).find(each => each.startLine === startLine);
    if (conflict) await replaceLines(document, conflict, acceptedLines(conflict, accept));
  }
}

class AcceptMerge implements Command {
  readonly id = 'scratchSync.acceptMerge';
  constructor(private readonly parts: ConflictParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { messages } = this.parts;
    const conflict = await chooseConflict(this.parts, args[0]);
    if (!conflict) return;
    const uri = conflictUri(conflict, 'merge');
    const document = await workspace.openTextDocument(uri, { encoding: 'utf8' });
    const body = normalizeText(document.getText());
    if (markedConflicts(body).length > 0) {
      await window.showTextDocument(document, { preview: false });
      return messages.warn(l10n.t('Places are left where both sides meet. Settle each of them first.'));
    }
    // So that its tab closes without a question, and a refusal keeps what was typed.
    await document.save();
    await resolve(this.parts, conflict, { body });
  }
}

class UndoResolution implements Command {
  readonly id = 'scratchSync.undoResolution';
  constructor(private readonly parts: ConflictParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, messages } = this.parts;
    const id = conflictIdOfArgument(args[0]) ?? (await this.#pick());
    if (id === undefined) return;
    const conflict = await messages.valueOf(device.conflicts.undo(id));
    if (conflict) messages.whisper(l10n.t('The conflict of “{0}” is open again', conflict.title));
  }

  async #pick(): Promise<string | undefined> {
    const { device, messages } = this.parts;
    const all = await messages.valueOf(device.conflicts.list({ all: true }));
    const settled = (all ?? []).filter(({ state }) => state !== 'open');
    if (all && settled.length === 0) messages.inform(l10n.t('No merge or resolution is there to take back.'));
    if (settled.length === 0) return undefined;
    const picked = await window.showQuickPick(settled.map(conflictPick), {
      placeHolder: l10n.t('Take back which merge or resolution?'),
    });
    return picked?.conflict.id;
  }
}

class ResolveAll implements Command {
  readonly id = 'scratchSync.resolveAll';
  constructor(private readonly parts: ConflictParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const open = await messages.valueOf(device.conflicts.list({ all: false }));
    if (!open) return;
    if (open.length === 0) return messages.inform(l10n.t('No conflict is open.'));
    const ways = [
      { label: l10n.t('Keep what this device holds'), keep: 'local' as const },
      { label: l10n.t('Keep what came from other devices'), keep: 'remote' as const },
      { label: l10n.t('Keep both'), keep: 'both' as const },
    ];
    const picked = await window.showQuickPick(ways, {
      placeHolder: l10n.t('How to resolve {0}?', conflictsText(open.length, l10n.t)),
    });
    if (!picked) return;
    for (const conflict of open) {
      if (!(await messages.done(device.conflicts.resolve(conflict.id, { keep: picked.keep })))) return;
      await forget(this.parts, conflict);
    }
    messages.whisper(l10n.t('Resolved {0}', conflictsText(open.length, l10n.t)));
  }
}

async function resolve(parts: ConflictParts, conflict: ConflictJson, how: ResolveJson): Promise<void> {
  const { device, messages } = parts;
  if (!(await messages.done(device.conflicts.resolve(conflict.id, how)))) return;
  await forget(parts, conflict);
  messages.offer(l10n.t('Resolved the conflict of “{0}”.', conflict.title), l10n.t('Undo'), () =>
    messages.done(device.conflicts.undo(conflict.id)),
  );
}

/** Closes what shows a conflict that is resolved. */
async function forget({ drafts, tabs }: ConflictParts, conflict: ConflictJson): Promise<void> {
  await tabs.close(conflict.id);
  await drafts.delete(conflict.id);
}

async function showDiff(conflict: ConflictJson, left: ConflictText, right: ConflictText): Promise<void> {
  await commands.executeCommand(
    'vscode.diff',
    conflictUri(conflict, left),
    conflictUri(conflict, right),
    l10n.t(
      '{0}: {1} ↔ {2}',
      conflictTabTitle(conflict),
      textLabel(conflict, left),
      textLabel(conflict, right),
    ),
    { preview: true },
  );
}

function textLabel(conflict: ConflictJson, text: ConflictText): string {
  switch (text) {
    case 'local':
      return l10n.t('local, {0}', sideLabel(conflict.local));
    case 'remote':
      return l10n.t('remote, {0}', sideLabel(conflict.remote));
    case 'base':
      return l10n.t('base');
    case 'merge':
      return l10n.t('merge');
  }
}

/** What the command was called on, else what the editor shows, else the only one, else what a person picks. */
async function chooseConflict(parts: ConflictParts, argument: unknown): Promise<ConflictJson | undefined> {
  const { device, messages } = parts;
  const id = conflictIdOfArgument(argument) ?? conflictIdOfTab(window.tabGroups.activeTabGroup.activeTab);
  if (id !== undefined) return messages.valueOf(device.conflicts.get(id));
  const open = await messages.valueOf(device.conflicts.list({ all: false }));
  if (!open) return undefined;
  if (open.length === 0) messages.inform(l10n.t('No conflict is open.'));
  if (open.length < 2) return open[0];
  const picked = await window.showQuickPick(open.map(conflictPick), {
    placeHolder: l10n.t('Which conflict?'),
  });
  return picked?.conflict;
}

function conflictPick(conflict: ConflictJson) {
  const { title, local, remote, detectedAt } = conflict;
  return {
    conflict,
    label: plainLabel(title),
    description: l10n.t('{0} and {1}', sideLabel(local), sideLabel(remote)),
    detail: new Date(detectedAt).toLocaleString(),
  };
}

function conflictIdOfArgument(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (argument instanceof Uri) return conflictIdOfUri(argument);
  if (typeof argument !== 'object' || argument === null || !('conflictId' in argument)) return undefined;
  return typeof argument.conflictId === 'string' ? argument.conflictId : undefined;
}
