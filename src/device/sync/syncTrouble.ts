import { ok, type Result } from '../../base/result';
import { clearState, readState, type SyncTrouble, writeState } from '../../store/state';
import { type DeviceCore, read, write } from '../core';
import type { DeviceError } from '../deviceError';

/**
 * Keeps how the last cycle ended where every window, and the next command of a terminal, can read it. An end like the
 * one before writes nothing.
 * @returns true when it differs from what was known
 */
export async function keepTrouble(
  core: DeviceCore,
  trouble: SyncTrouble | undefined,
): Promise<Result<boolean, DeviceError>> {
  const known = await read(core, store => ok(readState(store, 'syncTrouble')));
  if (!known.ok) return known;
  if (known.value?.message === trouble?.message && known.value?.code === trouble?.code) return ok(false);
  return write(core, ({ store }) => {
    if (trouble === undefined) clearState(store, 'syncTrouble');
    else writeState(store, 'syncTrouble', trouble);
    return ok(true);
  });
}
