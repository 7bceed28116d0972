import { ok } from '../../base/result';
import { areSnapshotsDue, isAtRestDue } from '../atRestPolicy';
import { scrub } from '../scrub';
import { scrubDue } from '../seal';
import type { Check } from './examination';
import { counted, sound, trouble } from './finding';

/** Former states that cannot be read any more. */
export const checkHistory: Check = async ({ store, mend }) => {
  const looked = await store.read(tx => tx.sql.all(`SELECT id FROM versions WHERE ${isUnreadable}`).length);
  if (!looked.ok) return looked;
  if (looked.value === 0)
    return ok([sound('history', 'Every former state of an item has all of its parts.')]);
  if (mend) {
    const removed = await store.write(tx => ok(tx.sql.run(`DELETE FROM versions WHERE ${isUnreadable}`)));
    if (!removed.ok) return removed;
  }
  return ok([
    trouble('history', 'warning', `${counted(looked.value, 'former state')} cannot be read any more.`, {
      mend: 'Takes them out of the history.',
      mended: mend,
    }),
  ]);
};

const isUnreadable = `(base_id IS NOT NULL AND base_id NOT IN (SELECT id FROM versions WHERE base_id IS NULL))
  OR (packed = 1 AND typeof(payload) <> 'blob')`;

/** Texts that are to be encrypted, or wiped, and are not yet. */
export const checkAtRest: Check = async ({ store, database, snapshots, mend }) => {
  const looked = await store.read(tx => ({
    isDue: isAtRestDue(tx) || areSnapshotsDue(tx) || scrubDue(tx, 1).length > 0,
    isUnlocked: tx.payloads.unlocked,
  }));
  if (!looked.ok) return looked;
  const { isDue, isUnlocked } = looked.value;
  if (!isDue) return ok([sound('encryption', 'What is to be encrypted at rest is.')]);
  if (!isUnlocked) {
    const found = 'Some texts are to be encrypted, which waits until this device is unlocked.';
    return ok([trouble('encryption', 'warning', found, undefined)]);
  }
  if (mend) {
    const scrubbed = await scrub({ store, database, snapshots });
    if (!scrubbed.ok) return scrubbed;
  }
  return ok([
    trouble(
      'encryption',
      'warning',
      'Traces of texts that were encrypted are still in the file or in a snapshot.',
      {
        mend: 'Overwrites them.',
        mended: mend,
      },
    ),
  ]);
};
