import { l10n, window } from 'vscode';
import type { Logger } from '../../base/logger';
import type { Device } from '../../device/device';
import type { FindingJson, SnapshotJson } from '../../device/json';
import type { Messages } from '../host/messages';
import { withProgress } from '../host/progress';
import { itemsText } from '../views/say';
import type { Command } from './command';

export interface UpkeepParts {
  readonly device: Device;
  readonly messages: Messages;
  readonly logger: Logger;
}

export function upkeepCommands(parts: UpkeepParts): readonly Command[] {
  return [new TakeSnapshot(parts), new RollBack(parts), new RunDoctor(parts)];
}

class TakeSnapshot implements Command {
  readonly id = 'scratchSync.takeSnapshot';
  constructor(private readonly parts: UpkeepParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const title = l10n.t('Taking a snapshot');
    const snapshot = await messages.valueOf(withProgress(title, () => device.upkeep.takeSnapshot()));
    if (snapshot) messages.whisper(l10n.t('Took a snapshot of {0}', itemsText(snapshot.items, l10n.t)));
  }
}

class RollBack implements Command {
  readonly id = 'scratchSync.rollBack';
  constructor(private readonly parts: UpkeepParts) {}

  async run(): Promise<void> {
    const { device, messages } = this.parts;
    const snapshots = await messages.valueOf(device.upkeep.snapshots());
    if (!snapshots) return;
    if (snapshots.length === 0) {
      return messages.inform(l10n.t('There is no snapshot yet.'), {
        label: l10n.t('Take One'),
        command: 'scratchSync.takeSnapshot',
      });
    }
    const picked = await window.showQuickPick(snapshots.map(snapshotPick), {
      placeHolder: l10n.t('Set every item to what it was when?'),
    });
    if (!picked) return;
    const sure = await messages.confirm(
      l10n.t('Roll back to the snapshot of {0}?', picked.label),
      l10n.t(
        'Every item becomes what it was then, here and on your other devices. It can be rolled back again.',
      ),
      l10n.t('Roll Back'),
    );
    if (!sure) return;
    const title = l10n.t('Rolling back to the snapshot of {0}', picked.label);
    const rollBack = () => device.upkeep.rollBack(picked.snapshot.id);
    const done = await messages.valueOf(withProgress(title, rollBack));
    if (done) messages.inform(l10n.t('Rolled back {0}.', itemsText(done.changed, l10n.t)));
  }
}

/** Looks for what is wrong, tells it in the log and in a list, and mends what can be mended when asked to. */
class RunDoctor implements Command {
  readonly id = 'scratchSync.runDoctor';
  constructor(private readonly parts: UpkeepParts) {}

  async run(): Promise<void> {
    const { messages } = this.parts;
    const findings = await this.#examine({ mend: false }, l10n.t('Checking everything that is kept here'));
    if (!findings) return;
    const mendable = findings.filter(({ mend, mended }) => mend !== undefined && !mended);
    const mend = {
      label: l10n.t('$(wrench) Mend what can be mended'),
      detail: mendable.map(mendOf).join(' · '),
    };
    const picked = await window.showQuickPick(
      [...(mendable.length > 0 ? [mend] : []), ...findings.map(findingPick)],
      {
        title: l10n.t('Scratch Sync: Doctor'),
        placeHolder: summaryOf(findings),
      },
    );
    if (picked !== mend) return;
    const mended = await this.#examine({ mend: true }, l10n.t('Mending what can be mended'));
    if (!mended) return;
    messages.inform(l10n.t('Mended {0} of {1}.', mended.filter(each => each.mended).length, mendable.length));
  }

  async #examine(
    how: { readonly mend: boolean },
    title: string,
  ): Promise<readonly FindingJson[] | undefined> {
    const { device, messages } = this.parts;
    const findings = await messages.valueOf(withProgress(title, () => device.upkeep.doctor(how)));
    if (findings) this.#log(findings);
    return findings;
  }

  #log(findings: readonly FindingJson[]): void {
    for (const { check, level, found } of findings) {
      this.parts.logger[level === 'ok' ? 'info' : level === 'warning' ? 'warn' : 'error'](
        `doctor: ${check}: ${found}`,
      );
    }
  }
}

function summaryOf(findings: readonly FindingJson[]): string {
  const wrong = findings.filter(({ level }) => level !== 'ok').length;
  return wrong === 0
    ? l10n.t('All {0} checks are fine', findings.length)
    : l10n.t('{0} of {1} checks found something', wrong, findings.length);
}

function findingPick({ check, level, found }: FindingJson) {
  const icon = level === 'ok' ? 'pass' : level;
  return { label: `$(${icon}) ${check}`, detail: found };
}

function mendOf({ mend }: FindingJson): string {
  return mend ?? '';
}

function snapshotPick(snapshot: SnapshotJson) {
  const { at, reason, items } = snapshot;
  return {
    snapshot,
    label: new Date(at).toLocaleString(),
    description: itemsText(items, l10n.t),
    detail: reasonText(reason),
  };
}

function reasonText(reason: SnapshotJson['reason']): string {
  switch (reason) {
    case 'migration':
      return l10n.t('before an update');
    case 'massChange':
      return l10n.t('before many changes at once');
    case 'daily':
      return l10n.t('daily');
    case 'command':
      return l10n.t('asked for');
    case 'rollback':
      return l10n.t('before a roll back');
  }
}
