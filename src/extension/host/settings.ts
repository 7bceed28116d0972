import { parseServerAddress } from '../../device/account/serverAddress';
import type { DeviceSettings } from '../../device/device';
import { settingKeys } from '../manifest';

/** Reads one setting below the extension's section, as a person wrote it. */
export type ReadSetting = (key: string) => unknown;

/** Bounds of `sync.intervalSeconds`, as in the manifest. */
const minIntervalSeconds = 30;
const maxIntervalSeconds = 24 * 60 * 60;
const maxKeepDays = 3650;

/** The settings of the device. A value that is not of its setting's type counts as the default. */
export function deviceSettings(read: ReadSetting): DeviceSettings {
  return {
    syncEnabled: flag(read(settingKeys.syncEnabled), true),
    syncOnSave: flag(read(settingKeys.syncOnSave), true),
    syncOnFocus: flag(read(settingKeys.syncOnFocus), true),
    syncIntervalSeconds: number(
      read(settingKeys.syncIntervalSeconds),
      300,
      minIntervalSeconds,
      maxIntervalSeconds,
    ),
    conflictsText: read(settingKeys.conflictsText) === 'latest' ? 'latest' : 'merge',
    guardMaxChangedPercent: number(read(settingKeys.guardMaxChangedPercent), 30, 1, 100),
    encryptionAtRest: read(settingKeys.encryptionAtRest) === 'all' ? 'all' : 'sensitive',
    historyKeepDays: number(read(settingKeys.historyKeepDays), 90, 1, maxKeepDays),
  };
}

/** The address of the server, without what a person adds by habit; undefined when it is not one. */
export function serverAddress(text: unknown): string | undefined {
  const address = typeof text === 'string' ? parseServerAddress(text) : undefined;
  return address?.ok ? address.value : undefined;
}

function flag(value: unknown, fallback: boolean): boolean {
  return typeof value === 'boolean' ? value : fallback;
}

function number(value: unknown, fallback: number, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return fallback;
  return Math.min(max, Math.max(min, value));
}
