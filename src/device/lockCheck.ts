import { ok, type Result } from '../base/result';
import { examineLocks } from '../store/doctor/lockRepair';
import type { LeaseServices } from '../store/lease';
import type { DeviceError } from './deviceError';
import { storageFailure } from './failures';
import { findingJson } from './findings';
import type { FindingJson, LockCheckJson } from './json';

/** Looks at the locks of a device's folder before its store is opened, and with `mend` breaks those of nobody known. */
export async function checkLocks(
  folder: string,
  services: LeaseServices,
  { mend }: { readonly mend: boolean },
): Promise<Result<LockCheckJson, DeviceError>> {
  const looked = await examineLocks(folder, services, mend);
  if (!looked.ok) return storageFailure(looked.error);
  const { findings, isStoreLocked } = looked.value;
  return ok({ findings: findings.map(findingJson), isStoreLocked });
}

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
