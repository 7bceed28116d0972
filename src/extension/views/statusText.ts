import type { DeviceState, StatusJson } from '../../device/json';

/** How the status shows in the status bar and, in words, to a screen reader. */
export interface StatusLook {
  /** With a codicon. */
  readonly text: string;
  readonly words: string;
  readonly tone: 'plain' | 'warning' | 'error';
}

const name = 'Scratch';

/** @param status undefined while the device was not started */
export function statusLook(status: StatusJson | undefined): StatusLook {
  if (status === undefined) return { text: `$(notebook) ${name}`, words: 'Scratch Sync', tone: 'plain' };
  if (status.guard) {
    const words = `Scratch Sync needs you: a sync would change ${status.guard.changed} of ${status.guard.total} items`;
    return { text: `$(warning) ${name}`, words, tone: 'error' };
  }
  if (status.state === 'idle' && status.openConflicts > 0) {
    const words = `Scratch Sync: ${counted(status.openConflicts, 'conflict')} to look at`;
    return { text: `$(git-merge) ${name} ${status.openConflicts}`, words, tone: 'warning' };
  }
  return lookOf(status.state, status);
}

function lookOf(state: DeviceState, status: StatusJson): StatusLook {
  switch (state) {
    case 'idle':
      return { text: `$(check) ${name}`, words: 'Scratch Sync: everything is synced', tone: 'plain' };
    case 'syncing':
      return { text: `$(sync~spin) ${name}`, words: 'Scratch Sync: syncing', tone: 'plain' };
    case 'offline': {
      const words = `Scratch Sync: offline, ${waiting(status.pending)}`;
      return { text: `$(debug-disconnect) ${name}`, words, tone: 'plain' };
    }
    case 'paused': {
      const words = `Scratch Sync: paused, ${waiting(status.pending)}`;
      return { text: `$(debug-pause) ${name}`, words, tone: 'plain' };
    }
    case 'signedOut':
      return { text: `$(account) ${name}`, words: 'Scratch Sync: not signed in', tone: 'plain' };
    case 'locked': {
      const words = 'Scratch Sync: locked, the password of the account unlocks it';
      return { text: `$(lock) ${name}`, words, tone: 'warning' };
    }
    case 'attention': {
      const words = `Scratch Sync needs you: ${status.attention ?? 'see the log'}`;
      return { text: `$(warning) ${name}`, words, tone: 'error' };
    }
  }
}

/** One line for the head of a list: who, where and how things are. */
export function statusLine(status: StatusJson): string {
  const who = status.login === null ? 'not signed in' : `${status.login} on ${status.device.name}`;
  return `${who} · ${waiting(status.pending)}`;
}

export function waiting(pending: number): string {
  return pending === 0
    ? 'nothing waits to be sent'
    : `${counted(pending, 'change')} wait${pending === 1 ? 's' : ''} to be sent`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
