import { ok, type Result } from '../../base/result';
import { examineLocks } from '../../store/doctor/lockRepair';
import type { LockServices } from '../../store/synced/deviceLock';
import type { DeviceError } from '../deviceError';
import { storageFailure } from '../failures';
import type { LockCheckJson } from '../json';
import { findingJson } from './findings';

/** Looks at the locks of a device's folder before its store is opened, and with `mend` breaks those of nobody known. */
export async function checkLocks(
  folder: string,
  services: LockServices,
  { mend }: { readonly mend: boolean },
): Promise<Result<LockCheckJson, DeviceError>> {
  const looked = await examineLocks(folder, services, mend);
  if (!looked.ok) return storageFailure(looked.error);
  const { findings, isStoreLocked } = looked.value;
  return ok({ findings: findings.map(findingJson), isStoreLocked });
}
