import { createHash } from 'node:crypto';
import { assert } from '../base/assert';
import { type ConflictId, type ItemId, isConflictId } from '../model/ids/ids';
import type { Stamp } from '../model/ids/stamp';

const conflictIdBytes = 16;

/**
 * The id of the record of two versions of an item that met: the first 16 bytes of SHA-256 over the item and both
 * stamps in their order, so every device that sees the pair, whichever side is its own, names one record.
 */
export function conflictIdOf(itemId: ItemId, left: Stamp, right: Stamp): ConflictId {
  const [earlier, later] = left < right ? [left, right] : [right, left];
  const id = createHash('sha256')
    .update(`scratch-sync/1/conflict\n${itemId}\n${earlier}\n${later}`)
    .digest()
    .subarray(0, conflictIdBytes)
    .toString('hex');
  assert(isConflictId(id), `malformed conflict id: ${id}`);
  return id;
}
