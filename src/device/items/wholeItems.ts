import { ok, type Result } from '../../base/result';
import { type DeviceItems, maxItemsAtOnce } from '../device';
import type { DeviceError } from '../deviceError';
import type { ItemSummaryJson, ListedItemJson } from '../json';

/** What a list found, with its texts, for a program; read in short parts. */
export async function wholeItems(
  items: Pick<DeviceItems, 'getMany'>,
  listed: readonly ItemSummaryJson[],
): Promise<Result<readonly ListedItemJson[], DeviceError>> {
  const whole: ListedItemJson[] = [];
  for (let start = 0; start < listed.length; start += maxItemsAtOnce) {
    const part = listed.slice(start, start + maxItemsAtOnce);
    const read = await items.getMany(part.map(({ id }) => id));
    if (!read.ok) return read;
    const found = new Map(read.value.map(item => [item.id, item]));
    for (const summary of part) {
      const { pending, inConflict, id } = summary;
      const item = found.get(id);
      whole.push(item === undefined ? summary : { ...item, pending, inConflict });
    }
  }
  return ok(whole);
}
