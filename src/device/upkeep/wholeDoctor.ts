import { ok, type Result } from '../../base/result';
import type { DeviceError } from '../deviceError';
import type { FindingJson, LockCheckJson } from '../json';

/** The whole doctor: the locks, and then the store, unless one of them keeps it closed. */
export async function checkLocksAndStore(
  checkLocks: () => Promise<Result<LockCheckJson, DeviceError>>,
  checkStore: () => Promise<Result<readonly FindingJson[], DeviceError>>,
): Promise<Result<readonly FindingJson[], DeviceError>> {
  const locks = await checkLocks();
  if (!locks.ok) return locks;
  if (locks.value.isStoreLocked) return ok(locks.value.findings);
  const store = await checkStore();
  return store.ok ? ok([...locks.value.findings, ...store.value]) : store;
}
