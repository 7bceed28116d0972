import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemCodeOf } from '../../base/errors';
import { secondMs, type Timers } from '../../base/time';

/**
 * How processes tell that they live where the system does not: each listens at an address, and whoever waits for it
 * calls once and keeps that call. While the call stands the process lives, whether it has answered or not, since the
 * system takes the call for it; the system also ends the call with the process. A new call for each look would fill the
 * queue of a process that is busy for long, and a full queue may look like one that nobody listens to (on macOS, where
 * it holds 128 calls).
 */

/** Whether the process behind a token still runs. `unknown`: it cannot be told from here. */
export type Liveness = 'alive' | 'dead' | 'unknown';

export interface Listener {
  /** Listens at the address anew, after its file was cleared away. Throws when that cannot be. */
  listenAgain(): Promise<void>;
  close(): Promise<void>;
}

/** Listens until `close`, and keeps the calls that come. It does not keep the process from ending. */
export async function listenAt(address: string): Promise<Listener> {
  const callers = new Set<Socket>();
  // All are kept: to close one would end the calls that it has taken, and remove the file of the next one.
  const servers: Server[] = [];
  const begin = async () => {
    const server = createServer(socket => {
      callers.add(socket);
      socket.on('error', () => socket.destroy()); // the caller has gone
      socket.once('close', () => callers.delete(socket));
      socket.unref();
      socket.resume(); // else its end is not noticed
    });
    server.maxConnections = maxCallers;
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.unref();
  };
  await begin();
  return {
    listenAgain: begin,
    close: async () => {
      const closed = servers.map(server => new Promise<void>(resolve => server.close(() => resolve())));
      for (const socket of callers) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** Far more than a device has windows. One call more is ended at once, which only makes its caller call again. */
const maxCallers = 1000;

/** The calls of this process to others. */
export class SocketContacts {
  readonly #timers: Timers;
  readonly #sockets = new Map<string, Socket>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Whether somebody listens at the address; `unknown` when this user may not ask there. */
  async ask(address: string): Promise<Liveness> {
    const standing = this.#sockets.get(address);
    if (standing === undefined) return this.#call(address);
    await pendingEvents(); // one of them may be its end
    return this.#sockets.get(address) === standing ? 'alive' : this.#call(address);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #call(address: string): Promise<Liveness> {
    return new Promise(resolve => {
      const socket = connect(address);
      const answer = (liveness: Liveness) => {
        timeout.cancel();
        socket.unref();
        resolve(liveness);
      };
      const timeout = this.#timers.after(maxCallMs, () => answer('alive'));
      this.#sockets.set(address, socket);
      socket.once('connect', () => answer('alive'));
      // A full queue is an error too (EAGAIN), and a sign of life.
      socket.on('error', error => answer(meaningOf.get(systemCodeOf(error) ?? '') ?? 'alive'));
      const forget = () => {
        if (this.#sockets.get(address) === socket) this.#sockets.delete(address);
      };
      socket.once('end', forget);
      socket.once('close', () => {
        answer('alive'); // ended by this process
        forget();
      });
      socket.resume(); // else its end is not noticed
    });
  }
}

/** A call that is not taken by then waits on, for a process that lives. */
const maxCallMs = secondMs;
const meaningOf: ReadonlyMap<string, Liveness> = new Map([
  ['ECONNREFUSED', 'dead'],
  ['ENOENT', 'dead'],
  ['EACCES', 'unknown'],
  ['EPERM', 'unknown'],
]);

/** Between the two turns of the event loop the system is asked what has happened. */
async function pendingEvents(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>(resolve => setImmediate(resolve));
}
