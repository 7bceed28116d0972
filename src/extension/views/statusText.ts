import type { DeviceState, StatusJson } from '../../device/json';
import { conflictsText, type Say } from './say';

/** How the status shows in the status bar and, in words, to a screen reader. */
export interface StatusLook {
  /** With a codicon. */
  readonly text: string;
  readonly words: string;
  readonly tone: 'plain' | 'warning' | 'error';
}

const name = 'Scratch';

/** @param status undefined while the device was not started */
export function statusLook(status: StatusJson | undefined, say: Say): StatusLook {
  if (status === undefined) return { text: `$(notebook) ${name}`, words: 'Scratch Sync', tone: 'plain' };
  if (status.guard) {
    const { changed, total } = status.guard;
    const words = say('Scratch Sync needs you: a sync would change {0} of {1} items', changed, total);
    return { text: `$(warning) ${name}`, words, tone: 'error' };
  }
  if (status.state === 'idle' && status.openConflicts > 0) {
    const words = say('Scratch Sync: {0} to look at', conflictsText(status.openConflicts, say));
    return { text: `$(git-merge) ${name} ${status.openConflicts}`, words, tone: 'warning' };
  }
  return lookOf(status.state, status, say);
}

function lookOf(state: DeviceState, status: StatusJson, say: Say): StatusLook {
  switch (state) {
    case 'idle':
      return { text: `$(check) ${name}`, words: say('Scratch Sync: everything is synced'), tone: 'plain' };
    case 'syncing':
      return { text: `$(sync~spin) ${name}`, words: say('Scratch Sync: syncing'), tone: 'plain' };
    case 'offline': {
      const words = say('Scratch Sync: offline, {0}', waiting(status.pending, say));
      return { text: `$(debug-disconnect) ${name}`, words, tone: 'plain' };
    }
    case 'paused': {
      const words = say('Scratch Sync: paused, {0}', waiting(status.pending, say));
      return { text: `$(debug-pause) ${name}`, words, tone: 'plain' };
    }
    case 'signedOut':
      return { text: `$(account) ${name}`, words: say('Scratch Sync: not signed in'), tone: 'plain' };
    case 'locked': {
      const words = say('Scratch Sync: locked, the password of the account unlocks it');
      return { text: `$(lock) ${name}`, words, tone: 'warning' };
    }
    case 'attention': {
      const words = say('Scratch Sync needs you: {0}', status.attention ?? say('see the log'));
      return { text: `$(warning) ${name}`, words, tone: 'error' };
    }
  }
}

/** One line for the head of a list: who and where; what waits only where it can be pushed. */
export function statusLine(status: StatusJson, say: Say): string {
  if (status.login === null) return say('Not signed in: items stay on this device');
  return `${say('{0} on {1}', status.login, status.device.name)} · ${waiting(status.pending, say)}`;
}

export function waiting(pending: number, say: Say): string {
  if (pending === 0) return say('nothing waits to be pushed');
  return pending === 1 ? say('1 change waits to be pushed') : say('{0} changes wait to be pushed', pending);
}
