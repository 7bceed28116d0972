import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemCodeOf } from '../../base/errors';

/** What this process can tell of itself and of other processes of the machine. */
export interface HostFacts {
  readonly processId: number;
  /** The system's number of the thread that this runs in: a process may outlive one of its worker threads. */
  readonly threadId: number;
  /** Names the machine: equal in every process of it, as far as can be told. */
  readonly machine: string;
  /** Names the time since the machine was started; undefined where the system does not say. */
  readonly boot: string | undefined;
  /** Names the set of processes that can see each other by number; `initialNamespace` when it is the machine's own. */
  readonly namespace: string;
  /** False only when no process has that number. */
  isRunning(processId: number): boolean;
  /**
   * When a thread was started, as the system counts it; `ended` when the process is there and the thread is not, or
   * has ended and nobody has asked how; undefined where the system does not say.
   */
  startTimeOf(processId: number, threadId: number): string | undefined;
  /** Whether a folder is on a file system that one kernel at a time can have mounted; false when it cannot be told. */
  isOnLocalDisk(folder: string): boolean;
}

/** The name of the first set of processes of a Linux machine (`PROC_PID_INIT_INO`), and of systems that have one. */
export const initialNamespace = '4026531836';

/** Stands for the start of a thread that is there no more, which is no thread's start. */
export const endedThread = 'ended';

/** Zombie and dead. A container without an init process keeps a zombie for as long as it runs. */
const endedStates: ReadonlySet<string> = new Set(['Z', 'X', 'x']);

/**
 * Linux's numbers (statfs(2)) of file systems that are not shared between machines: ext2 to ext4, xfs, btrfs, zfs, f2fs,
 * bcachefs, tmpfs, and overlayfs, whose upper layer is on one of these.
 */
const localFileSystems: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x01021994, 0x794c7630,
]);

/** The facts of the machine and the thread that this runs in. */
export function readHostFacts(): HostFacts {
  return {
    processId: process.pid,
    // Synchronous calls run in the thread that makes them, so the link is that thread's own.
    threadId: Number(linkOf('/proc/thread-self')?.split('/').at(-1) ?? process.pid),
    machine: createHash('sha256').update(nameMachine()).digest('hex').slice(0, 12),
    boot: textOf('/proc/sys/kernel/random/boot_id')?.replaceAll('-', '').slice(0, 12),
    namespace: /\[(\d+)\]/.exec(linkOf('/proc/self/ns/pid') ?? '')?.[1] ?? initialNamespace,
    isRunning(processId) {
      try {
        process.kill(processId, 0);
        return true;
      } catch (error) {
        return systemCodeOf(error) !== 'ESRCH'; // EPERM: it runs, as another user
      }
    },
    startTimeOf(processId, threadId) {
      const stat = textOf(`/proc/${processId}/task/${threadId}/stat`);
      if (stat === undefined)
        return textOf(`/proc/${processId}/stat`) === undefined ? undefined : endedThread;
      // Fields 3 and 22, counted after the command's name, which stands in parentheses and may hold anything (proc(5)).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return endedStates.has(fields[0] ?? '') ? endedThread : fields[19];
    },
    isOnLocalDisk(folder) {
      try {
        return process.platform === 'linux' && localFileSystems.has(statfsSync(folder).type >>> 0);
      } catch {
        return false; // the folder cannot be asked, and then nothing may be built on it
      }
    },
  };
}

/** On macOS the host name follows the network, so there the time at which the system was installed stands for it. */
function nameMachine(): string {
  const installed =
    process.platform === 'darwin'
      ? statSync('/private/var/db', { bigint: true, throwIfNoEntry: false })?.birthtimeNs
      : undefined;
  return installed === undefined
    ? `${hostname()}\n${textOf('/etc/machine-id') ?? ''}`
    : `macOS installed ${installed}`;
}

/** A file of the system as text, undefined where the system has none such. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined; // another system, or a process that has ended: the caller has a way for not knowing
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // another system
  }
}
