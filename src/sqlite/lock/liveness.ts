import { utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex, toUtf8 } from '../../base/encoding';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Random } from '../../base/random';
import { type Clock, minuteMs, type Timer, type Timers } from '../../base/time';
import { type HostFacts, initialNamespace } from './hostFacts';
import { type Listener, type Liveness, listenAt, SocketContacts } from './livenessSocket';

/**
 * How a process that may hold a lock is known to others. `startTime`: by its number and its start, where the system
 * gives them. `socket`: by a socket or named pipe that it listens on, since a number alone may have been given to
 * another process.
 */
export type LivenessStrategy = 'startTime' | 'socket';

/** What this process shows of itself in the locks' folder, and how it judges others. */
export interface Presence {
  /** Names this process, once for all machines and times; fit for a file name. What follows a further dot is not read. */
  readonly token: string;
  /** What others need beside the token: the address to ask, or nothing. */
  readonly note: string;
  judge(token: string, note: string): Promise<Liveness>;
  /** The file that a dead process may have left, beside what is in the locks' folder under its token. */
  leftoverOf(token: string, note: string): string | undefined;
  /** Whether the machine was started anew since a process that is dead. */
  isFromEarlierBoot(token: string): boolean;
  /** Who a token names, in words for a person. */
  describe(token: string): string;
  close(): Promise<void>;
}

export interface PresenceOptions {
  readonly facts: HostFacts;
  /** By default `startTime` where the system gives start times. */
  readonly strategy?: LivenessStrategy;
  /** The folder of the locks, for asking processes of other containers; without it, and before it exists, none are. */
  readonly folder?: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * Begins to be present: with the strategy `socket` this process listens until `close`. So it does in a container, where
 * the others may be of another one, on the same folder: there it listens in the folder itself. On a disk that only one
 * kernel can have mounted such a socket tells for sure, whatever the containers, their names and their starts are: while
 * its process lives it takes calls, and when nobody takes them it has ended, perhaps with that kernel.
 */
export async function createPresence(options: PresenceOptions): Promise<Presence> {
  const { facts, logger } = options;
  const startTime = facts.startTimeOf(facts.processId, facts.threadId);
  const strategy = options.strategy ?? (startTime === undefined ? 'socket' : 'startTime');
  const nonce = toHex(options.random.bytes(nonceBytes));
  const sharedFolder =
    options.folder !== undefined && facts.isOnLocalDisk(options.folder) ? options.folder : undefined;
  const isInContainer = facts.namespace !== initialNamespace;
  const inFolder =
    strategy === 'startTime' && isInContainer && sharedFolder !== undefined
      ? await listenInFolder(addressIn(sharedFolder, nonce), logger)
      : undefined;
  const token = formatToken({
    processId: facts.processId,
    threadId: facts.threadId,
    startTime: strategy === 'startTime' ? startTime : undefined,
    machine: facts.machine,
    boot: facts.boot,
    namespace: facts.namespace,
    nonce,
    reach: inFolder === undefined ? undefined : folderReach,
  });
  const note = strategy === 'socket' ? addressOf(nonce) : '';
  const listener = strategy === 'socket' ? await listenAt(note) : inFolder;
  const contacts = new SocketContacts(options.timers);
  const freshness =
    strategy === 'startTime' || listener === undefined || process.platform === 'win32'
      ? undefined
      : keepFresh(note, listener, options);
  const folderAddressOf = (other: string): string | undefined => {
    const owner = parseToken(other);
    return owner?.reach === folderReach && sharedFolder !== undefined
      ? addressIn(sharedFolder, owner.nonce)
      : undefined;
  };
  return {
    token,
    note,
    judge: async (other, otherNote) => {
      const sighting = judgeByFacts(other, facts);
      if (sighting !== 'ask' && sighting !== 'unknown') return sighting;
      const address = sighting === 'ask' ? otherNote : folderAddressOf(other);
      return address === undefined || address === '' ? 'unknown' : contacts.ask(address);
    },
    leftoverOf: (other, otherNote) => folderAddressOf(other) ?? (otherNote === '' ? undefined : otherNote),
    isFromEarlierBoot: other => {
      const boot = parseToken(other)?.boot;
      return boot !== undefined && facts.boot !== undefined && boot !== facts.boot;
    },
    describe: other => describeOwner(other, facts),
    close: async () => {
      freshness?.cancel();
      contacts.close();
      await listener?.close();
    },
  };
}

/** Undefined when the folder takes no socket: then other containers cannot tell of this process. */
async function listenInFolder(address: string, logger: Logger): Promise<Listener | undefined> {
  if (toUtf8(address).length > maxAddressBytes) {
    logger.debug('other containers cannot tell whether this process lives: the path is too long', {
      address,
    });
    return undefined;
  }
  try {
    return await listenAt(address);
  } catch (error) {
    logger.debug('other containers cannot tell whether this process lives', { error: messageOf(error) });
    return undefined;
  }
}

interface OwnerToken {
  readonly processId: number;
  readonly threadId: number;
  readonly startTime: string | undefined;
  readonly machine: string;
  readonly boot: string | undefined;
  readonly namespace: string;
  readonly nonce: string;
  /** How other containers ask it: by the socket in the locks' folder that its nonce names. Undefined: not at all. */
  readonly reach: typeof folderReach | undefined;
}

const nonceBytes = 6;
const unknownField = '-';
/** No hex number, as which the token of an earlier version goes on in its place. */
const folderReach = 'socket';

function formatToken(owner: OwnerToken): string {
  const { processId, threadId, startTime, machine, boot, namespace, nonce, reach } = owner;
  const fields = [processId, threadId, startTime, machine, boot, namespace, nonce, reach];
  return fields.map(field => field ?? unknownField).join('.');
}

function parseToken(token: string): OwnerToken | undefined {
  const [processId, threadId, startTime, machine, boot, namespace, nonce, reach] = token.split('.');
  if (machine === undefined || namespace === undefined || nonce === undefined) return undefined;
  return {
    processId: Number(processId),
    threadId: Number(threadId),
    startTime: startTime === unknownField ? undefined : startTime,
    machine,
    boot: boot === unknownField ? undefined : boot,
    namespace,
    nonce,
    reach: reach === folderReach ? folderReach : undefined,
  };
}

/** What the facts alone say; `ask` when only the owner itself can tell. */
function judgeByFacts(token: string, facts: HostFacts): Liveness | 'ask' {
  const owner = parseToken(token);
  if (owner === undefined || !Number.isSafeInteger(owner.processId)) return 'unknown';
  if (isEarlierBoot(owner, facts)) return 'dead';
  if (!isOfThisBoot(owner, facts) || owner.namespace !== facts.namespace) return 'unknown';
  if (!facts.isRunning(owner.processId)) return 'dead';
  if (owner.startTime === undefined) return 'ask';
  const startTime = facts.startTimeOf(owner.processId, owner.threadId);
  if (startTime === undefined) return facts.isRunning(owner.processId) ? 'unknown' : 'dead';
  return startTime === owner.startTime ? 'alive' : 'dead';
}

/** Where the system names its start, that is enough; the name of a machine may change with its network. */
function isOfThisBoot(owner: OwnerToken, facts: HostFacts): boolean {
  return owner.boot === facts.boot && (owner.boot !== undefined || owner.machine === facts.machine);
}

/**
 * A machine that was started anew has none of its earlier processes. In a container the name of the machine proves
 * less (images share it), so there it counts only for the machine's own processes.
 */
function isEarlierBoot(owner: OwnerToken, facts: HostFacts): boolean {
  return (
    owner.machine === facts.machine &&
    owner.namespace === initialNamespace &&
    facts.namespace === initialNamespace &&
    owner.boot !== undefined &&
    facts.boot !== undefined &&
    owner.boot !== facts.boot
  );
}

function describeOwner(token: string, facts: HostFacts): string {
  const owner = parseToken(token);
  if (owner === undefined) return `an unknown program (${token})`;
  if (!isOfThisBoot(owner, facts) && owner.machine !== facts.machine) {
    return `process ${owner.processId} on another machine`;
  }
  return owner.namespace === facts.namespace
    ? `process ${owner.processId}`
    : `process ${owner.processId} in another container`;
}

/** A name short enough for every system's sockets (macOS allows 103 bytes), which a store's folder often is not. */
function addressOf(nonce: string): string {
  const name = `scratch-sync-${nonce}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

const addressIn = (folder: string, nonce: string): string => join(folder, `${nonce}.sock`);

/** What Linux allows for the path of a socket (unix(7): 108 with its end); a longer one would be cut off. */
const maxAddressBytes = 107;

/**
 * Uses the socket's file now and then, since some systems clear away temporary files that nobody has used for days, and
 * makes it anew when it is gone all the same: until then whoever asks takes this process for dead.
 */
function keepFresh(address: string, listener: Listener, { clock, timers, logger }: PresenceOptions): Timer {
  const freshen = async (): Promise<void> => {
    const nowSeconds = clock.now() / 1000;
    try {
      await utimes(address, nowSeconds, nowSeconds);
    } catch (error) {
      logger.warn('the liveness socket is gone', { address, error: messageOf(error) });
      if (!isCancelled) await listener.listenAgain();
    }
  };
  const turn = (): void => {
    freshen()
      .catch((error: unknown) => {
        logger.warn('the liveness socket could not be made anew', { address, error: messageOf(error) });
      })
      .finally(() => {
        if (!isCancelled) timer = timers.after(freshenEveryMs, turn);
      });
  };
  let isCancelled = false;
  let timer = timers.after(freshenEveryMs, turn);
  return {
    cancel: () => {
      isCancelled = true;
      timer.cancel();
    },
  };
}

const freshenEveryMs = minuteMs;
