import type { FileCalls } from '../../src/sqlite/files/fileCalls';

/** The file calls, each preceded by `before`, which may throw in its place. */
export function interceptFiles(
  inner: FileCalls,
  before: (call: keyof FileCalls, args: readonly unknown[]) => void,
): FileCalls {
  const intercept =
    <A extends readonly unknown[], T>(name: keyof FileCalls, call: (...args: A) => T) =>
    (...args: A): T => {
      before(name, args);
      return call(...args);
    };
  return {
    open: intercept('open', inner.open),
    close: intercept('close', inner.close),
    read: intercept('read', inner.read),
    write: intercept('write', inner.write),
    truncate: intercept('truncate', inner.truncate),
    sync: intercept('sync', inner.sync),
    syncFolder: intercept('syncFolder', inner.syncFolder),
    statusOf: intercept('statusOf', inner.statusOf),
    status: intercept('status', inner.status),
    checkAccess: intercept('checkAccess', inner.checkAccess),
    remove: intercept('remove', inner.remove),
    rename: intercept('rename', inner.rename),
    makeFolder: intercept('makeFolder', inner.makeFolder),
    removeFolder: intercept('removeFolder', inner.removeFolder),
    list: intercept('list', inner.list),
    touch: intercept('touch', inner.touch),
  };
}

/** A disk that fails on command. */
export interface FaultyDisk {
  readonly files: FileCalls;
  /** Calls made since the last `arm`. */
  readonly calls: number;
  /** Whether a call has failed since the last `arm`, and which. */
  readonly failed: keyof FileCalls | undefined;
  /** Lets the call number `at`, counted from 0 on from now, fail, and `count - 1` calls after it. */
  arm(fault: { readonly code: string; readonly at: number; readonly count: number } | undefined): void;
}

/** A disk whose closing never fails, since a system closes a descriptor even when it reports an error. */
export function faultyDisk(inner: FileCalls): FaultyDisk {
  let fault: { readonly code: string; readonly at: number; readonly count: number } | undefined;
  let calls = 0;
  let failed: keyof FileCalls | undefined;
  const files = interceptFiles(inner, call => {
    if (call === 'close') return;
    const number = calls++;
    if (fault === undefined || number < fault.at || number >= fault.at + fault.count) return;
    failed ??= call;
    throw Object.assign(new Error(`${fault.code}: simulated in ${call}`), { code: fault.code });
  });
  return {
    files,
    get calls() {
      return calls;
    },
    get failed() {
      return failed;
    },
    arm(next) {
      fault = next;
      calls = 0;
      failed = undefined;
    },
  };
}
