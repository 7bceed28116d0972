import {
  Disposable,
  EventEmitter,
  l10n,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  TreeItemCollapsibleState,
  window,
} from 'vscode';
import type { Clock } from '../../base/time';
import type { Device, DeviceEvent } from '../../device/device';
import type { DeviceEntryJson, LogEntryJson } from '../../device/json';
import { viewIds } from '../manifest';
import { ago, countersText, entryFigures, entryText, entryWhen } from './activityText';
import type { DeviceStatus } from './deviceStatus';

/** Sync cycles that are shown; the log channel and the terminal have the rest. */
export const maxShownCycles = 50;

type ActivityRow =
  | { readonly type: 'cycles' }
  | { readonly type: 'devices' }
  | { readonly type: 'cycle'; readonly entry: LogEntryJson }
  | { readonly type: 'device'; readonly deviceId: string; readonly entry: DeviceEntryJson }
  | { readonly type: 'words'; readonly text: string };

/** The Activity view: what each sync did, and the devices of the account. */
export class ActivityView implements TreeDataProvider<ActivityRow> {
  readonly #device: Device;
  readonly #status: DeviceStatus;
  readonly #clock: Clock;
  readonly #changed = new EventEmitter<ActivityRow | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(parts: { readonly device: Device; readonly status: DeviceStatus; readonly clock: Clock }) {
    this.#device = parts.device;
    this.#status = parts.status;
    this.#clock = parts.clock;
  }

  start(): Disposable {
    let login = this.#status.current?.login;
    return Disposable.from(
      window.createTreeView(viewIds.activity, { treeDataProvider: this }),
      this.#status.onDidChange(status => {
        if (status.login === login) return;
        login = status.login;
        this.#changed.fire(undefined);
      }),
      this.#changed,
    );
  }

  hear(event: DeviceEvent): void {
    if (event.type === 'logged') this.#changed.fire(cyclesRow);
  }

  async getChildren(row?: ActivityRow): Promise<ActivityRow[]> {
    if (row === undefined) return this.#sections();
    if (row.type === 'cycles') return this.#cycles();
    return row.type === 'devices' ? this.#devices() : [];
  }

  getTreeItem(row: ActivityRow): TreeItem {
    switch (row.type) {
      case 'cycles':
        return this.#logSection();
      case 'devices':
        return section(row.type, l10n.t('Devices'), TreeItemCollapsibleState.Collapsed);
      case 'cycle':
        return cycleItem(row.entry, this.#clock.now());
      case 'device':
        return deviceItem(row.entry, this.#clock.now());
      case 'words':
        return new TreeItem(row.text);
    }
  }

  #logSection(): TreeItem {
    const row = section('cycles', l10n.t('Sync log'), TreeItemCollapsibleState.Expanded);
    const { current } = this.#status;
    if (current === undefined) return row;
    const { line, figures } = countersText(current.counters, l10n.t);
    row.description = line;
    row.tooltip = figures;
    return row;
  }

  async #sections(): Promise<ActivityRow[]> {
    const status = await this.#device.sync.status();
    return status.ok && status.value.login !== null ? [cyclesRow, devicesRow] : [];
  }

  async #cycles(): Promise<ActivityRow[]> {
    const log = await this.#device.sync.log(maxShownCycles);
    if (!log.ok) return [{ type: 'words', text: log.error.message }];
    if (log.value.length === 0) return [{ type: 'words', text: l10n.t('No sync had anything to do yet.') }];
    return log.value.map(entry => ({ type: 'cycle', entry }));
  }

  /** Offline is no error here: the row says that the list is with the server. */
  async #devices(): Promise<ActivityRow[]> {
    const devices = await this.#device.account.devices();
    if (!devices.ok) return [{ type: 'words', text: devices.error.message }];
    return devices.value.map(entry => ({ type: 'device', deviceId: entry.id, entry }));
  }
}

const cyclesRow: ActivityRow = { type: 'cycles' };
const devicesRow: ActivityRow = { type: 'devices' };

function section(id: string, title: string, state: TreeItemCollapsibleState): TreeItem {
  const row = new TreeItem(title, state);
  row.id = id;
  row.contextValue = id;
  return row;
}

function cycleItem(entry: LogEntryJson, nowMs: number): TreeItem {
  const row = new TreeItem(entryText(entry, l10n.t));
  row.description = entryWhen(entry, nowMs, l10n.t);
  row.iconPath = new ThemeIcon(cycleIcon(entry));
  row.tooltip = [
    new Date(entry.at).toLocaleString(),
    entryText(entry, l10n.t),
    entryFigures(entry, l10n.t),
  ].join('\n');
  row.accessibilityInformation = { label: `${entryText(entry, l10n.t)}, ${entryWhen(entry, nowMs, l10n.t)}` };
  return row;
}

function cycleIcon(entry: LogEntryJson): string {
  if (entry.error !== undefined || entry.notice !== undefined) return 'warning';
  if (entry.conflicts > 0) return 'git-merge';
  if (entry.pushed > 0) return entry.pulled > 0 ? 'sync' : 'cloud-upload';
  return entry.pulled > 0 ? 'cloud-download' : 'check';
}

function deviceItem(entry: DeviceEntryJson, nowMs: number): TreeItem {
  const row = new TreeItem(entry.name);
  const seen = l10n.t('seen {0}', ago(Date.parse(entry.lastSeenAt), nowMs, l10n.t));
  row.id = `device:${entry.id}`;
  row.description = entry.current ? l10n.t('this device') : seen;
  row.iconPath = new ThemeIcon(entry.current ? 'vm-active' : 'vm');
  row.contextValue = entry.current ? 'device.current' : 'device.other';
  row.tooltip = l10n.t('{0}, since {1}', entry.name, new Date(entry.createdAt).toLocaleString());
  row.accessibilityInformation = { label: `${entry.name}, ${row.description}` };
  return row;
}
