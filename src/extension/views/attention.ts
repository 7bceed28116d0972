import type { StatusJson } from '../../device/json';
import type { CommandId } from '../manifest';

/** The command that mends what sync waits for, when it waits for a person. */
export function attentionCommand({ guard, attentionCode }: StatusJson): CommandId {
  if (guard) return 'scratchSync.reviewMassChange';
  switch (attentionCode) {
    case 'keyMissing':
    case 'locked':
      return 'scratchSync.unlock';
    case 'badCredentials':
    case 'notSignedIn':
      return 'scratchSync.signIn';
    case 'storage':
      return 'scratchSync.runDoctor';
    default:
      return 'scratchSync.showStatus';
  }
}
