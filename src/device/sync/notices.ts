import { isItemId, shortId } from '../../model/ids/ids';
import { readItem } from '../../store/items';
import { refusals } from '../../store/outbox';
import type { StoreTransaction } from '../../store/transaction';
import type { CycleReport } from '../../sync/cycleRun';

/** What a person should know although sync goes on, in words. */

/** Changes that wait because neither this device nor the server takes them as they are. */
export interface RefusedChanges {
  /** At most {@link maxRefusalsCounted}. */
  readonly count: number;
  readonly message: string;
  /** The same for what is kept or passed on: without a title. */
  readonly messageWithoutTitle: string;
}

export const maxRefusalsCounted = 1000;

/** @returns undefined when there are none */
export function refusedChanges(store: StoreTransaction): RefusedChanges | undefined {
  const all = refusals(store, maxRefusalsCounted);
  const [first] = all;
  if (first === undefined) return undefined;
  const id = shortId(first.itemId);
  const item = isItemId(first.itemId) ? readItem(store, first.itemId) : undefined;
  const content = item?.content;
  const named = content && !content.sensitive ? `“${content.title}” (${id})` : undefined;
  const unnamed = isItemId(first.itemId) ? `The item ${id}` : `The record of the conflict ${id}`;
  const others = all.length > 1 ? ` ${all.length - 1} more wait as well: the doctor tells.` : '';
  const said = `is not synced: ${first.reason.replace(/\.+$/, '')}.${others}`;
  const messageWithoutTitle = `${unnamed} ${said}`;
  return {
    count: all.length,
    message: named === undefined ? messageWithoutTitle : `${named} ${said}`,
    messageWithoutTitle,
  };
}

/** What of a cycle itself a person should know. */
export function cycleNotice(report: CycleReport): string | undefined {
  if (report.serverStepped) {
    return "The server's clock has jumped. Its time is not followed; check the clock of the server.";
  }
  if (report.diverged) {
    return 'This device and the server hold different versions although everything was compared. Run the doctor.';
  }
  return undefined;
}
