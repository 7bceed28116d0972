import { readdirSync, readFileSync } from 'node:fs';
import { systemCodeOf } from '../../src/base/errors';
import { systemClock, systemTimers } from '../../src/base/time';

const pollMs = 25;
const fatalSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Makes this process the keeper of the process group `leader`: the group gets SIGTERM when this process exits or is
 * told to end. Answers an idempotent stop, which resolves when the whole group is gone, killing it after `limitMs`.
 */
export function stopGroup(leader: number, limitMs: number): () => Promise<void> {
  const onExit = () => void signalGroup(leader, 'SIGTERM');
  const onSignal = (signal: NodeJS.Signals) => {
    onExit();
    release();
    // Without our listener the signal would have ended this process: nobody else listening, it still shall.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const release = () => {
    process.off('exit', onExit);
    for (const signal of fatalSignals) process.off(signal, onSignal);
  };
  process.on('exit', onExit);
  for (const signal of fatalSignals) process.on(signal, onSignal);

  let stopping: Promise<void> | undefined;
  return () => {
    stopping ??= endGroup(leader, limitMs).finally(release);
    return stopping;
  };
}

async function endGroup(leader: number, limitMs: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    signalGroup(leader, signal);
    const startedMs = systemClock.monotonic();
    while (systemClock.monotonic() - startedMs < limitMs) {
      if (!isGroupAlive(leader)) return;
      await systemTimers.sleep(pollMs);
    }
  }
  throw new Error(`process group ${leader} does not end`);
}

/** A process that has ended counts no more, also while nobody has asked how: in some containers nobody ever does. */
function isGroupAlive(leader: number): boolean {
  if (!signalGroup(leader, 0)) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some(name => {
    if (!/^\d+$/.test(name)) return false;
    const [state, , group] = statusFields(name);
    return group === String(leader) && state !== 'Z' && state !== 'X';
  });
}

/** The state, the parent and the group of a process, from what follows its name in parentheses (proc(5)). */
function statusFields(processId: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemCodeOf(error) ?? '')) return []; // it has just ended
    throw error;
  }
}

/** False when no process of the group is left. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
