import { counted } from '../../base/amounts';
import { ok } from '../../base/result';
import { areSnapshotsDue, isAtRestDue } from '../atRest/atRestPolicy';
import { scrubDue } from '../atRest/seal';
import type { Check } from './examination';
import { sound, trouble } from './finding';

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
export const checkAtRest: Check = async ({ store, applyAtRest, mend }) => {
  const looked = await store.read(tx => ({
    isInClear: isAtRestDue(tx),
    hasTraces: areSnapshotsDue(tx) || scrubDue(tx, 1).length > 0,
    isUnlocked: tx.payloads.unlocked,
  }));
  if (!looked.ok) return looked;
  const { isInClear, hasTraces, isUnlocked } = looked.value;
  if (!isInClear && !hasTraces) return ok([sound('encryption', 'What is to be encrypted at rest is.')]);
  if (!isUnlocked) {
    const found = 'Some texts are to be encrypted, which waits until this device is unlocked.';
    return ok([trouble('encryption', 'warning', found, undefined)]);
  }
  if (mend) {
    const applied = await applyAtRest();
    if (!applied.ok) return applied;
  }
  const { found, how } = isInClear ? inClear : traces;
  return ok([trouble('encryption', 'warning', found, { mend: how, mended: mend })]);
};

const inClear = {
  found: 'Items do not lie in the file as the setting for encryption at rest says.',
  how: 'Writes them as it says, and overwrites what is in clear of those that are encrypted.',
};
const traces = {
  found: 'Traces of texts that were encrypted are still in the file or in a snapshot.',
  how: 'Overwrites them.',
};
