import { toBase64Url } from '../../base/encoding';
import { ok, type Result } from '../../base/result';
import { isoTime } from '../../base/time';
import { defaultKdf, defaultKdfPolicy } from '../../crypto/keyDerivation';
import type { LockError } from '../../sqlite/lock/processLock';
import type { AccountLock } from '../../store/synced/accountLock';
import type { DeviceCore } from '../core';
import type { DeviceAccount } from '../device';
import type { DeviceError } from '../deviceError';
import { failure, storageFailure, transportFailure } from '../failures';
import { type AccountParts, proofFailure, proven, requireSession, transportTo } from './accountEntry';
import type { Derivation } from './accountKeys';
import { createKeyRingOperations } from './keyRingOperations';
import { createSigning } from './signing';

export interface AccountOptions {
  readonly core: DeviceCore;
  readonly lock: AccountLock;
  /** Told when a session began, ended or changed. */
  readonly onSession: () => Promise<void>;
  readonly derivation?: Derivation;
}

const productDerivation: Derivation = { policy: defaultKdfPolicy, newParameters: defaultKdf };

export function createDeviceAccount({
  core,
  lock,
  onSession,
  derivation = productDerivation,
}: AccountOptions): DeviceAccount {
  const parts: AccountParts = { core, derivation };
  const signing = createSigning(parts);
  const keyRing = createKeyRingOperations(parts);

  /**
   * Changes who is signed in, or with what, while no other window does: the server knows one token for each device, and
   * what the store and the secret storage say must be of one account. Then tells the rest of the device.
   */
  const changeSession = async <T>(
    change: () => Promise<Result<T, DeviceError>>,
  ): Promise<Result<T, DeviceError>> => {
    const changed = await lock.hold(change);
    if (!changed.ok) return accountBusy(changed.error);
    if (changed.value.ok) await onSession();
    return changed.value;
  };

  return {
    ...createDeviceList(parts),
    signUp: request => changeSession(() => signing.signUp(request)),
    signIn: request => changeSession(() => signing.signIn(request)),
    signOut: () => changeSession(signing.signOut),
    unlock: password => changeSession(() => signing.unlock(password)),
    changePassword: keyRing.changePassword,
    newRecoveryPhrase: password => changeSession(() => keyRing.newRecoveryPhrase(password)),
    rotateKey: password => changeSession(() => keyRing.rotateKey(password)),
  };
}

function createDeviceList(parts: AccountParts): Pick<DeviceAccount, 'devices' | 'revoke'> {
  const { core } = parts;
  return {
    devices: async () => {
      const signedIn = await requireSession(core);
      if (!signedIn.ok) return signedIn;
      const { account, session } = signedIn.value;
      const devices = await transportTo(core, account.server, session.token).devices();
      if (!devices.ok) return transportFailure(devices.error, account.server);
      return ok(
        devices.value.map(device => ({
          id: device.deviceId,
          name: device.name,
          createdAt: isoTime(device.createdAt),
          lastSeenAt: isoTime(device.lastSeenAt),
          current: device.current,
        })),
      );
    },

    revoke: async (deviceId, password) => {
      const who = await proven(parts, password);
      if (!who.ok) return who;
      const { transport, account, keys } = who.value;
      const devices = await transport.devices();
      if (!devices.ok) return transportFailure(devices.error, account.server);
      const found = devices.value.filter(device => device.deviceId.startsWith(deviceId));
      const [only] = found;
      if (only === undefined || found.length > 1) {
        return failure(
          'unknownDevice',
          'There is no such device, or more than one. List the devices to see the ids.',
        );
      }
      const revoked = await transport.revoke(only.deviceId, toBase64Url(keys.authKey));
      return revoked.ok ? ok() : proofFailure(revoked.error, account.server);
    },
  };
}

function accountBusy(error: LockError): Result<never, DeviceError> {
  return error.type === 'busy'
    ? failure(
        'busy',
        `Another window or command of this device (${error.owner}) is signing in or out, or changes the key. Let it finish, then try again.`,
      )
    : storageFailure(error);
}
