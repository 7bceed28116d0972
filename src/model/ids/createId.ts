import { assert } from '../../base/assert';
import { toHex } from '../../base/encoding';
import type { Random } from '../../base/random';
import {
  type AccountId,
  type ChangeId,
  type DeviceId,
  type ItemId,
  isAccountId,
  isChangeId,
  isDeviceId,
  isItemId,
  isKeyId,
  type KeyId,
} from './ids';

const shortIdBytes = 8;

export const createItemId = (random: Random): ItemId => checked(random.uuid(), isItemId);
export const createChangeId = (random: Random): ChangeId => checked(random.uuid(), isChangeId);
export const createAccountId = (random: Random): AccountId => checked(random.uuid(), isAccountId);
export const createDeviceId = (random: Random): DeviceId =>
  checked(toHex(random.bytes(shortIdBytes)), isDeviceId);
export const createKeyId = (random: Random): KeyId => checked(toHex(random.bytes(shortIdBytes)), isKeyId);

function checked<Id extends string>(text: string, is: (text: string) => text is Id): Id {
  assert(is(text), `the source of randomness gave a malformed id: ${text}`);
  return text;
}
