import type { Result } from '../base/result';
import type { StorageError } from '../sqlite/database';
import type { DeviceCore } from './core';
import type { DeviceUpkeep } from './device';
import { failure } from './failures';
import type { SnapshotJson } from './json';

/** Snapshots, roll back and the doctor. */
export interface Upkeep {
  readonly commands: DeviceUpkeep;
  /** Takes a snapshot for a reason of the device's own; answers its id. */
  keepSnapshot(reason: SnapshotJson['reason']): Promise<Result<string, StorageError>>;
}

/** @param changed told of the items that were written */
export function createDeviceUpkeep(_core: DeviceCore, _changed: (ids: readonly string[]) => void): Upkeep {
  const missing = async () => failure('storage', 'Snapshots are not available yet.');
  return {
    commands: { takeSnapshot: missing, snapshots: missing, rollBack: missing, doctor: missing },
    keepSnapshot: async () => ({ ok: false, error: { type: 'io', code: 'ENOSYS' } }),
  };
}
