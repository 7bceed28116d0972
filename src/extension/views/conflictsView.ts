import {
  Disposable,
  EventEmitter,
  l10n,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  type TreeView,
  window,
} from 'vscode';
import type { Device, DeviceEvent } from '../../device/device';
import type { ConflictJson } from '../../device/json';
import { sideLabel } from '../documents/conflictAddress';
import type { Messages } from '../host/messages';
import { type CommandId, viewIds } from '../manifest';
import type { DeviceStatus } from './deviceStatus';
import { conflictsText } from './say';

export interface ConflictRow {
  readonly conflictId: string;
  readonly conflict: ConflictJson;
}

/** The Conflicts view: what waits for a person, with the count as its badge. */
export class ConflictsView implements TreeDataProvider<ConflictRow> {
  readonly #device: Device;
  readonly #messages: Messages;
  readonly #status: DeviceStatus;
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(parts: {
    readonly device: Device;
    readonly messages: Messages;
    readonly status: DeviceStatus;
  }) {
    this.#device = parts.device;
    this.#messages = parts.messages;
    this.#status = parts.status;
  }

  start(): Disposable {
    const view = window.createTreeView(viewIds.conflicts, { treeDataProvider: this });
    return Disposable.from(
      view,
      this.#status.onDidChange(({ openConflicts }) => {
        if (openConflicts !== (view.badge?.value ?? 0)) this.#changed.fire(undefined);
        showBadge(view, openConflicts);
      }),
      this.#changed,
    );
  }

  hear(event: DeviceEvent): void {
    if (event.type === 'conflictsChanged') this.#changed.fire(undefined);
  }

  async getChildren(row?: ConflictRow): Promise<ConflictRow[]> {
    if (row) return [];
    const open = await this.#messages.valueOf(this.#device.conflicts.list({ all: false }));
    return (open ?? []).map(conflict => ({ conflictId: conflict.id, conflict }));
  }

  getTreeItem({ conflict }: ConflictRow): TreeItem {
    const { id, title, local, remote, detectedAt, keys } = conflict;
    const command: CommandId = 'scratchSync.compareConflict';
    const row = new TreeItem(title || l10n.t('Untitled'));
    const sides = l10n.t('{0} and {1}', sideLabel(local), sideLabel(remote));
    row.id = id;
    row.iconPath = new ThemeIcon('git-merge');
    row.description = sides;
    row.contextValue = conflict.base === null ? 'conflict.baseless' : 'conflict';
    row.tooltip = [
      l10n.t('Changed on both {0}', sides),
      ...(keys.length > 0 ? [l10n.t('In: {0}', keys.join(', '))] : []),
      l10n.t('The later one, of {0}, counts until you choose.', winnerName(conflict)),
      new Date(detectedAt).toLocaleString(),
    ].join('\n');
    row.accessibilityInformation = { label: l10n.t('Conflict: {0}, changed on {1}', title, sides) };
    row.command = { command, title: l10n.t('Compare'), arguments: [{ conflictId: id }] };
    return row;
  }
}

function winnerName({ winner, local, remote }: ConflictJson): string {
  return winner === 'local' ? local.deviceName : remote.deviceName;
}

function showBadge(view: TreeView<ConflictRow>, count: number): void {
  const tooltip = l10n.t('{0} to look at', conflictsText(count, l10n.t));
  view.badge = count > 0 ? { value: count, tooltip } : undefined;
}
