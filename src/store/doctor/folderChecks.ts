import { join } from 'node:path';
import { ok } from '../../base/result';
import { dayMs, isoTime } from '../../base/time';
import { locksFolder } from '../../sqlite/openDatabase';
import { describeStorageError } from '../../sqlite/storageErrors';
import { attemptFiles } from '../fileAttempt';
import { snapshotsFolder } from '../snapshotFiles';
import type { Check, Examination } from './examination';
import { counted, type Finding, sound, trouble } from './finding';

/** Whether the snapshots can be read. */
export const checkSnapshots: Check = async ({ snapshots }) => {
  const listed = snapshots.list();
  if (!listed.ok) return listed;
  const unreadable: string[] = [];
  for (const { id } of listed.value.slice(0, maxOpenedSnapshots)) {
    const reader = await snapshots.open(id);
    if (reader.ok) await reader.value.close();
    else if (reader.error.type !== 'unknownSnapshot')
      unreadable.push(`${id}: ${describeStorageError(reader.error)}`);
  }
  if (unreadable.length > 0) return ok([trouble('snapshots', 'warning', unreadable.join(' '), undefined)]);
  const [newest] = listed.value;
  if (newest === undefined)
    return ok([sound('snapshots', 'There are no snapshots yet; one is taken each day.')]);
  const found = `${counted(listed.value.length, 'snapshot')}, the latest of ${isoTime(newest.atMs)}.`;
  return ok([sound('snapshots', found)]);
};

const maxOpenedSnapshots = 5;

/** Files that a process which died has left, and damaged ones that were set aside. */
export const checkLeftovers: Check = async examination => {
  const { folder, files, mend } = examination;
  const listed = attemptFiles(folder, () => ({
    leftovers: leftoversIn(examination),
    setAside: files.list(folder).filter(name => name.includes('.damaged-')),
  }));
  if (!listed.ok) return listed;
  const { leftovers, setAside } = listed.value;
  const findings: Finding[] = [];
  if (leftovers.length > 0) {
    if (mend) {
      const removed = attemptFiles(folder, () => {
        for (const path of leftovers) files.remove(path);
      });
      if (!removed.ok) return removed;
    }
    const found = `${counted(leftovers.length, 'file')} ${leftovers.length === 1 ? 'was' : 'were'} left behind by a process that ended in the middle of its work.`;
    findings.push(trouble('leftovers', 'warning', found, { mend: 'Removes them.', mended: mend }));
  }
  if (setAside.length > 0) {
    const found =
      `A damaged store is kept in ${setAside.join(', ')}. It also holds, in clear, what was not encrypted then. ` +
      'Delete it when nothing of it is needed any more.';
    findings.push(trouble('leftovers', 'warning', found, undefined));
  }
  return ok(findings.length > 0 ? findings : [sound('leftovers', 'Nothing was left behind.')]);
};

function leftoversIn({ folder, files, clock }: Examination): readonly string[] {
  const old = (path: string) => {
    const status = files.status(path);
    return status !== undefined && !status.isDirectory && clock.now() - status.modifiedMs > dayMs;
  };
  const places = [
    { path: join(folder, snapshotsFolder), pattern: /\.part$/ },
    { path: join(folder, locksFolder), pattern: /^self-test-/ },
  ];
  return places
    .filter(({ path }) => files.status(path) !== undefined)
    .flatMap(({ path, pattern }) =>
      files
        .list(path)
        .filter(name => pattern.test(name))
        .map(name => join(path, name)),
    )
    .filter(old);
}
