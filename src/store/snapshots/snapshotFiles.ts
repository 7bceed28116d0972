import { basename, dirname, join } from 'node:path';
import { dayMs, isoTime } from '../../base/time';
import type { FileCalls } from '../../sqlite/files/fileCalls';
import { locksFolder } from '../../sqlite/openDatabase';

/** Why a snapshot was taken. */
export const snapshotReasons = ['migration', 'massChange', 'daily', 'command', 'rollback'] as const;
export type SnapshotReason = (typeof snapshotReasons)[number];

/** A copy of the whole store, as a file of its own. What is told of it is in the file's name. */
export interface Snapshot {
  /** The time, in a form that orders like the time: `20260102T030405678Z`. */
  readonly id: string;
  readonly atMs: number;
  readonly reason: SnapshotReason;
  /** Live items. */
  readonly items: number;
  readonly bytes: number;
  readonly path: string;
}

export const snapshotsFolder = 'snapshots';

/** Kept for each reason, the latest; and for so many days, the last {@link leastSnapshots} of all for ever. */
const keptSnapshots: Readonly<Record<SnapshotReason, number>> = {
  migration: 3,
  massChange: 5,
  daily: 7,
  command: 20,
  rollback: 5,
};
export const keepSnapshotDays = 90;
export const leastSnapshots = 3;
/** Daily snapshots of a large store are fewer, but at least {@link leastDailySnapshots}. */
export const maxDailySnapshotBytes = 1024 * 1024 * 1024;
const leastDailySnapshots = 2;

export function snapshotPath(
  folder: string,
  snapshot: { readonly atMs: number; readonly reason: SnapshotReason; readonly items: number },
): string {
  const id = isoTime(snapshot.atMs).replaceAll(/[-:.]/g, '');
  return join(folder, snapshotsFolder, `${id}.${snapshot.reason}.${snapshot.items}.db`);
}

/** Newest first. */
export function listSnapshotFiles(files: FileCalls, folder: string): readonly Snapshot[] {
  const path = join(folder, snapshotsFolder);
  if (files.status(path) === undefined) return [];
  return files
    .list(path)
    .flatMap(name => snapshotNamed(files, path, name) ?? [])
    .sort((left, right) => (left.id < right.id ? 1 : -1));
}

/** Those that are kept no longer. */
export function outdatedSnapshots(snapshots: readonly Snapshot[], nowMs: number): readonly Snapshot[] {
  const newestFirst = [...snapshots].sort((left, right) => (left.id < right.id ? 1 : -1));
  const seen = new Map<SnapshotReason, { count: number; bytes: number }>();
  return newestFirst.filter((snapshot, index) => {
    const before = seen.get(snapshot.reason) ?? { count: 0, bytes: 0 };
    const now = { count: before.count + 1, bytes: before.bytes + snapshot.bytes };
    seen.set(snapshot.reason, now);
    const isTooMuch =
      snapshot.reason === 'daily' && now.bytes > maxDailySnapshotBytes && now.count > leastDailySnapshots;
    return (
      isTooMuch ||
      now.count > keptSnapshots[snapshot.reason] ||
      (index >= leastSnapshots && nowMs - snapshot.atMs > keepSnapshotDays * dayMs)
    );
  });
}

/** Removes a snapshot with what was written beside it when it was opened. */
export function removeSnapshotFiles(files: FileCalls, { path }: Snapshot): void {
  removeNotes(files, path);
  removeFile(files, `${path}-journal`);
  removeFile(files, path);
}

/** Removes what was begun of snapshots. */
export function removeSnapshotParts(files: FileCalls, folder: string): void {
  const path = join(folder, snapshotsFolder);
  const names = files.status(path) === undefined ? [] : files.list(path);
  for (const name of names) if (name.endsWith('.part')) removeFile(files, join(path, name));
}

/** What the name of a damaged snapshot ends with once it is set aside. */
export const setAsideSuffix = '.damaged';

/** Gives a damaged snapshot, and a journal of it, a name by which it is not listed. */
export function setSnapshotAside(files: FileCalls, { path }: Snapshot): void {
  removeNotes(files, path);
  if (files.status(`${path}-journal`)) files.rename(`${path}-journal`, `${path}${setAsideSuffix}-journal`);
  files.rename(path, path + setAsideSuffix);
}

/** What was noted of a snapshot beside it. */
function removeNotes(files: FileCalls, path: string): void {
  const beside = join(dirname(path), locksFolder);
  const names = files.status(beside) === undefined ? [] : files.list(beside);
  for (const name of names) if (name.startsWith(`${basename(path)}.`)) removeFile(files, join(beside, name));
}

function removeFile(files: FileCalls, path: string): void {
  const status = files.status(path);
  if (status !== undefined && !status.isDirectory) files.remove(path);
}

/** Gives the snapshot that a migration took its number of items, which is known only when the store is open. */
export function renameMigrationSnapshot(files: FileCalls, folder: string, atMs: number, items: number): void {
  const unnamed = snapshotPath(folder, { atMs, reason: 'migration', items: 0 });
  if (items > 0 && files.status(unnamed) !== undefined) {
    files.rename(unnamed, snapshotPath(folder, { atMs, reason: 'migration', items }));
  }
}

const namePattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z\.([a-zA-Z]+)\.(\d+)\.db$/;

function snapshotNamed(files: FileCalls, folder: string, name: string): Snapshot | undefined {
  const match = namePattern.exec(name);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, millis, reasonName, items] = match;
  const reason = snapshotReasons.find(known => known === reasonName);
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}Z`);
  const path = join(folder, name);
  const status = files.status(path);
  if (reason === undefined || Number.isNaN(atMs) || status === undefined) return undefined;
  const id = name.slice(0, name.indexOf('.'));
  return { id, atMs, reason, items: Number(items), bytes: status.sizeBytes, path };
}
