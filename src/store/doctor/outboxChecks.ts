import { counted } from '../../base/amounts';
import { err, ok, type Result } from '../../base/result';
import type { StorageError } from '../../sqlite/database';
import { countPendingItems, refusals } from '../outbox';
import { addToSearchIndex } from '../search/searchIndex';
import { countLost } from '../synced/lostVersions';
import { countUnopened, type UnopenedReason } from '../synced/unopened';
import { unsettledItemIds } from '../unsettledSaves';
import {
  countHollowFlights,
  countLostEdits,
  missingItemsOfChanges,
  requeueLostEdits,
  restoreItemsOfChanges,
  thawHollowFlights,
} from '../upkeep/outboxRepair';
import type { Check } from './examination';
import { type Finding, sound, trouble } from './finding';

/** Whether every edit is on its way, and every change has its item. */
export const checkOutbox: Check = async ({ store, mend }) => {
  const looked = await store.read(tx => ({
    pending: countPendingItems(tx),
    lost: countLostEdits(tx.sql),
    withoutItem: missingItemsOfChanges(tx.sql),
    hollow: countHollowFlights(tx.sql),
    refused: refusals(tx, maxRefusals),
  }));
  if (!looked.ok) return looked;
  const { pending, lost, withoutItem, hollow, refused } = looked.value;
  const findings: Finding[] = [];
  const wrong = lost + withoutItem.length + hollow;
  if (mend && wrong > 0) {
    const mended = await store.write(tx => {
      thawHollowFlights(tx.sql);
      restoreItemsOfChanges(tx.sql);
      for (const id of withoutItem) addToSearchIndex(tx, id);
      return ok(requeueLostEdits(tx.sql));
    });
    if (!mended.ok) return mended;
  }
  const mending = (how: string) => ({ mend: how, mended: mend });
  if (lost > 0) {
    const found = `${counted(lost, 'edit')} would never be pushed.`;
    findings.push(
      trouble('outbox', 'error', found, mending('Puts them into the outbox, for the next sync.')),
    );
  }
  if (withoutItem.length > 0) {
    const found = `${counted(withoutItem.length, 'item')} of the outbox cannot be found.`;
    findings.push(trouble('outbox', 'error', found, mending('Makes the items anew from their changes.')));
  }
  if (hollow > 0) {
    const found = `What was pushed of ${counted(hollow, 'change')} is not kept.`;
    findings.push(trouble('outbox', 'error', found, mending('Pushes it anew, as new changes.')));
  }
  if (refused.length > 0) {
    const [first] = refused;
    const found = `${counted(refused.length, 'change')} cannot be pushed until the item is edited: ${first?.reason}`;
    findings.push(trouble('outbox', 'warning', found, undefined));
  }
  if (findings.length > 0) return ok(findings);
  return ok([
    sound(
      'outbox',
      pending === 0 ? 'Nothing waits to be pushed.' : `Waiting to be pushed: ${counted(pending, 'item')}.`,
    ),
  ]);
};

const maxRefusals = 1000;

/** Whether the digest that is compared with the server's is that of the rows. */
export const checkDigest: Check = async ({ store, digest, mend }) => {
  const compared = await store.write<boolean, Compared>(tx => {
    const before = digest.current(tx);
    const isRight = digest.recompute(tx) === before;
    return isRight || !mend ? err({ type: 'compared', isRight }) : ok(isRight);
  });
  const outcome = compared.ok ? ok(compared.value) : comparedOrFailed(compared.error);
  if (!outcome.ok) return outcome;
  if (outcome.value) return ok([sound('digest', 'The digest is that of the items.')]);
  return ok([
    trouble(
      'digest',
      'warning',
      'The digest is not that of the items, so each sync would compare everything.',
      {
        mend: 'Computes it anew.',
        mended: mend,
      },
    ),
  ]);
};

interface Compared {
  readonly type: 'compared';
  readonly isRight: boolean;
}

function comparedOrFailed(error: StorageError | Compared): Result<boolean, StorageError> {
  return error.type === 'compared' ? ok(error.isRight) : err(error);
}

/** What waits for a key, a newer version or a merge. */
export const checkWaiting: Check = async ({ store }) => {
  const looked = await store.read(tx => ({
    unsettled: unsettledItemIds(tx),
    unopened: [...countUnopened(tx), ['lost', countLost(tx)] as const],
  }));
  if (!looked.ok) return looked;
  const { unsettled, unopened } = looked.value;
  const findings: Finding[] = [];
  if (unsettled.length > 0) {
    const found = `Waiting to be merged: ${counted(unsettled.length, 'save')}. Each is merged when its document is opened.`;
    findings.push(trouble('saves', 'warning', found, undefined));
  }
  for (const [reason, count] of unopened) {
    if (count === 0) continue;
    const found = `${counted(count, 'version')} from the server cannot be read${unopenedWords[reason]}`;
    findings.push(trouble('versions', 'warning', found, undefined));
  }
  return ok(findings.length > 0 ? findings : [sound('saves', 'Nothing waits to be merged or opened.')]);
};

const unopenedWords: Readonly<Record<UnopenedReason | 'lost', string>> = {
  keyMissing: ' yet, for want of a key. Unlock this device with the account’s password.',
  lost: ' yet, for want of a key, and the server was restored from an earlier time. Unlock this device with the account’s password.',
  newerFormat: ': a newer version of Scratch Sync is needed. Update this one.',
  unsound: ', altered or damaged on the way. The device that wrote such a version can send it again.',
};
