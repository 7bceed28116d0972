import { join } from 'node:path';
import { counted } from '../../base/amounts';
import { ok } from '../../base/result';
import { dayMs, isoTime } from '../../base/time';
import type { FileCalls } from '../../sqlite/files/fileCalls';
import { locksFolder } from '../../sqlite/openDatabase';
import { describeStorageError } from '../../sqlite/storageErrors';
import { attemptFiles } from '../fileAttempt';
import { setAsideSuffix, snapshotsFolder } from '../snapshots/snapshotFiles';
import type { Check, Examination } from './examination';
import { type Finding, sound, trouble } from './finding';

/** Whether the latest snapshots can be gone back to. */
export const checkSnapshots: Check = async ({ snapshots, mend }) => {
  const listed = snapshots.list();
  if (!listed.ok) return listed;
  const findings: Finding[] = [];
  for (const snapshot of listed.value.slice(0, maxOpenedSnapshots)) {
    const reader = await snapshots.open(snapshot.id);
    if (reader.ok) {
      await reader.value.close();
    } else if (reader.error.type === 'damaged') {
      const setAside = mend ? snapshots.setAside(snapshot) : ok();
      if (!setAside.ok) return setAside;
      const found = `Snapshot ${snapshot.id} is damaged, so it cannot be gone back to (${reader.error.detail}).`;
      findings.push(trouble('snapshots', 'warning', found, { mend: setAsideMend, mended: mend }));
    } else if (reader.error.type !== 'unknownSnapshot') {
      const found = `Snapshot ${snapshot.id}: ${describeStorageError(reader.error)}`;
      findings.push(trouble('snapshots', 'warning', found, undefined));
    }
  }
  if (findings.length > 0) return ok(findings);
  const [newest] = listed.value;
  if (newest === undefined)
    return ok([sound('snapshots', 'There are no snapshots yet; one is taken each day.')]);
  const found = `${counted(listed.value.length, 'snapshot')}, the latest of ${isoTime(newest.atMs)}.`;
  return ok([sound('snapshots', found)]);
};

const maxOpenedSnapshots = 5;
const setAsideMend = 'Keeps it under another name, so that it is offered no more.';

/** Files that a process which died has left, and damaged ones that were set aside. */
export const checkLeftovers: Check = async examination => {
  const { folder, files, mend } = examination;
  const listed = attemptFiles(folder, () => ({
    leftovers: leftoversIn(examination),
    setAside: [
      ...files.list(folder).filter(name => name.includes('.damaged-')),
      ...listIfThere(files, join(folder, snapshotsFolder))
        .filter(name => name.endsWith(setAsideSuffix))
        .map(name => join(snapshotsFolder, name)),
    ],
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
      `What was damaged is kept in ${setAside.join(', ')}. It also holds, in clear, what was not encrypted then. ` +
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
    .flatMap(({ path, pattern }) =>
      listIfThere(files, path)
        .filter(name => pattern.test(name))
        .map(name => join(path, name)),
    )
    .filter(old);
}

function listIfThere(files: FileCalls, path: string): readonly string[] {
  return files.status(path) === undefined ? [] : files.list(path);
}
