import { type Err, err } from '../base/result';
import { minuteMs, secondMs } from '../base/time';
import { protocolVersion } from '../protocol/limits';
import type { StorageError } from '../sqlite/database';
import { describeStorageError } from '../sqlite/storageErrors';
import type { CycleError } from '../sync/cycleRun';
import type { TransportError } from '../sync/transport/transport';
import type { DeviceError, DeviceErrorCode } from './deviceError';

/**
 * The one place where what went wrong below becomes words for a person: of the terminal or of the editor, each of which
 * adds what is done about it there.
 */

export function failure(code: DeviceErrorCode, message: string): Err<DeviceError> {
  return err({ code, message });
}

export function storageFailure(error: StorageError): Err<DeviceError> {
  return failure('storage', describeStorageError(error));
}

export function lockedFailure(): Err<DeviceError> {
  return failure(
    'locked',
    'This is encrypted and the device is locked. Unlock it with the account’s password.',
  );
}

/** What the server was asked for: a sync goes on by itself, what a person asked for has to be asked for again. */
type Asked = 'sync' | 'byPerson';

export function transportFailure(
  error: TransportError,
  server: string,
  asked: Asked = 'byPerson',
): Err<DeviceError> {
  const next =
    asked === 'sync' ? whenBack : 'Nothing is lost. Check its address and the network, then try again.';
  switch (error.type) {
    case 'unreachable':
      return failure('unreachable', `The server ${server} cannot be reached (${error.code}). ${next}`);
    case 'timeout':
      return failure(
        'unreachable',
        `The server ${server} did not answer within ${Math.round(error.timeoutMs / 1000)} s. ${next}`,
      );
    case 'stopped':
      return failure('busy', 'It was stopped before the server had answered. Nothing is lost.');
    case 'certificate':
      return failure(
        'certificate',
        `The certificate of ${server} is not trusted (${error.code}). Check the address. If it is right, name a file with the certificate of its authority, then try again.`,
      );
    case 'otherVersion': {
      const isOlder = error.server < protocolVersion;
      const whose = isOlder ? 'an older version' : 'a newer version';
      const next = isOlder ? 'Update the server.' : 'Update Scratch Sync on this device.';
      return failure(
        'server',
        `The server ${server} speaks ${whose} of the protocol (${error.server}) than this device (${protocolVersion}). ${next} Nothing is lost${asked === 'sync' ? ': what waits here is pushed then' : ''}.`,
      );
    }
    case 'noStream':
    case 'answerTooLarge':
    case 'malformedAnswer':
      return failure(
        'server',
        `${server} did not answer like a Scratch Sync server. Check the address, and whether server and device have versions that fit.`,
      );
    case 'problem':
      return problemFailure(error, server, asked);
  }
}

function askedToWait(retryAfterMs: number | undefined, asked: Asked): string {
  const when = retryAfterMs === undefined ? 'in a while' : `in ${termText(retryAfterMs)}`;
  return asked === 'sync'
    ? `Nothing is lost: what waits here is pushed ${when}.`
    : `Nothing is lost. Try again ${when}.`;
}

/** Rounded up: trying again too early is refused again. */
function termText(ms: number): string {
  return ms <= 2 * minuteMs ? `${Math.ceil(ms / secondMs)} s` : `${Math.ceil(ms / minuteMs)} min`;
}

const whenBack = 'Nothing is lost: what waits here is pushed when it can be reached again.';

export function cycleFailure(error: CycleError, server: string): Err<DeviceError> {
  switch (error.type) {
    case 'fenced':
      return failure('busy', 'Another window of this device has taken the sync over. Nothing is lost.');
    case 'stopped':
      return failure('busy', 'The sync was stopped before it was done. It goes on at the next start.');
    case 'massChange':
      return failure(
        'massChange',
        `Sync is held: it would delete or overwrite ${error.changed} of ${error.total} items. Nothing was changed and a snapshot was taken. Review it, then accept it or keep what this device holds.`,
      );
    case 'keyMissing':
      return failure(
        'keyMissing',
        'A key of this account is missing on this device: it was rotated elsewhere. Unlock this device with the password, once, to fetch it.',
      );
    case 'busy':
    case 'ownerUnknown':
    case 'full':
    case 'readOnly':
    case 'io':
    case 'damaged':
    case 'newerSchema':
    case 'foreign':
    case 'closed':
      return storageFailure(error);
    default:
      return transportFailure(error, server, 'sync');
  }
}

function problemFailure(
  error: Extract<TransportError, { readonly type: 'problem' }>,
  server: string,
  asked: Asked,
): Err<DeviceError> {
  switch (error.code) {
    case 'unauthorized':
      return failure(
        'badCredentials',
        `The server ${server} does not know this device any more: it was signed out or revoked. Sign in again; nothing is lost.`,
      );
    case 'badCredentials':
      return failure('badCredentials', 'The login or the password is wrong. Check both and try again.');
    case 'loginTaken':
      return failure('loginTaken', 'This login exists already. Sign in with it, or choose another.');
    case 'inviteRequired':
      return failure(
        'inviteRequired',
        `The invite code is missing, used or expired. Ask who runs ${server} for a new one.`,
      );
    case 'signUpClosed':
      return failure('refused', `${server} takes no new accounts. Sign in to one that exists.`);
    case 'tooManyRequests':
      return failure(
        'tooManyRequests',
        `The server ${server} has had too many requests. ${askedToWait(error.retryAfterMs, asked)}`,
      );
    case 'unavailable':
      return failure(
        'unreachable',
        `The server ${server} cannot answer now. ${askedToWait(error.retryAfterMs, asked)}`,
      );
    case 'unsupportedVersion':
      return failure(
        'server',
        `The server ${server} and this version do not fit: ${saidBy(error)}. Update both.`,
      );
    case 'keyringChanged':
      return failure(
        'refused',
        'Another device has just changed the keys. Nothing was changed here; do it again.',
      );
    case 'forbidden':
      return failure('refused', `The server ${server} refused: ${saidBy(error)}.`);
    default:
      return failure('server', `The server ${server} refused: ${saidBy(error)}.`);
  }
}

/** What the server says of a problem: what happened, then what can be done about it. */
function saidBy({ title, detail }: Extract<TransportError, { readonly type: 'problem' }>): string {
  return [title, detail ?? '']
    .map(part => part.replace(/\.+$/, ''))
    .filter(part => part !== '')
    .join('. ');
}
