import { unwrap } from '../../src/base/result';
import { hourMs } from '../../src/base/time';
import type { ServerCore } from '../../src/server/core';
import { serverMigrations } from '../../src/server/storage/schema';
import type { Database, Transaction } from '../../src/sqlite/database';
import type { HttpAnswer, HttpRequest } from '../../src/sync/transport/http';
import { type MemoryDatabase, openMemoryDatabase } from '../support/memoryDatabase';
import type { SeededRandom } from '../support/seededRandom';
import { createTestServer } from '../support/testServer';
import type { LimitsOfServer } from './limits';
import { SimulatedProcess } from './simulatedProcess';
import type { VirtualTime } from './virtualTime';

export const retentionMs = 90 * 24 * hourMs;

interface ServerOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly limits: LimitsOfServer;
  /** Sees the transaction of every write, just before it commits. */
  readonly committed: (tx: Transaction) => void;
}

/** The real server app over its real storage, which can crash, be restored, wiped and pruned. */
export class SimulatedServer {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #limits: ServerOptions['limits'];
  readonly #committed: (tx: Transaction) => void;
  #database: MemoryDatabase;
  #core: ServerCore;
  #backup: MemoryDatabase | undefined;
  #dyingWrite: { left: number; readonly moment: 'before' | 'after' } | undefined;
  #hasCrashed = false;
  #clockAheadMs = 0;
  #process: SimulatedProcess;
  readonly #streams = new Set<ReadableStreamDefaultReader<Uint8Array>>();

  private constructor(options: ServerOptions, database: MemoryDatabase, core: ServerCore) {
    this.#time = options.time;
    this.#random = options.random;
    this.#limits = options.limits;
    this.#committed = options.committed;
    this.#database = database;
    this.#core = core;
    this.#process = new SimulatedProcess(options.time);
  }

  static async start(options: ServerOptions): Promise<SimulatedServer> {
    const database = await emptyDatabase();
    const placeholder = await createTestServer({ database, random: options.random });
    const server = new SimulatedServer(options, database, placeholder);
    await server.#restart();
    return server;
  }

  get database(): Database {
    return this.#database;
  }

  get core(): ServerCore {
    return this.#core;
  }

  /** Undefined when the server died before it could answer. */
  async answer(request: HttpRequest): Promise<HttpAnswer | undefined> {
    const response = await this.#respond(request);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (this.#hasCrashed) {
      this.#hasCrashed = false;
      await this.#restart();
      return undefined;
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes };
  }

  /** An answer that goes on until it is stopped, or the server ends; undefined in the place of a stream that it refuses. */
  async stream(request: HttpRequest): Promise<{
    readonly status: number;
    readonly reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  }> {
    const { status, body } = await this.#respond(request);
    if (status !== 200 || body === null) {
      await body?.cancel();
      return { status, reader: undefined };
    }
    const reader = body.getReader();
    this.#streams.add(reader);
    void reader.closed.finally(() => this.#streams.delete(reader));
    return { status, reader };
  }

  /** Dies at its n-th write from now, just before or just after the commit; then it is started again. */
  dieAtWrite(number: number, moment: 'before' | 'after'): void {
    this.#dyingWrite = { left: number, moment };
  }

  /** Its wall clock steps. */
  jump(byMs: number): void {
    this.#clockAheadMs += byMs;
  }

  heal(): void {
    this.#dyingWrite = undefined;
  }

  async backUp(): Promise<void> {
    await this.#backup?.close();
    this.#backup = await this.#database.copy();
  }

  get hasBackup(): boolean {
    return this.#backup !== undefined;
  }

  /** False when there is no backup. */
  async restore(): Promise<boolean> {
    if (this.#backup === undefined) return false;
    await this.#replace(await this.#backup.copy());
    return true;
  }

  async wipe(): Promise<void> {
    await this.#backup?.close();
    this.#backup = undefined;
    await this.#replace(await emptyDatabase());
  }

  async prune(): Promise<void> {
    try {
      unwrap(await this.#core.prune());
    } catch (error) {
      if (!this.#hasCrashed) throw error;
      this.#hasCrashed = false;
      await this.#restart();
    }
  }

  async close(): Promise<void> {
    await this.#backup?.close();
    await this.#core.close();
  }

  async #respond({ method, url, headers, body }: HttpRequest): Promise<Response> {
    return this.#core.app.fetch(
      new Request(url, {
        method,
        headers: { ...headers },
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      }),
    );
  }

  async #replace(database: MemoryDatabase): Promise<void> {
    await this.#core.close();
    this.#database = database;
    await this.#restart();
  }

  async #restart(): Promise<void> {
    this.#process.kill();
    for (const reader of [...this.#streams]) await reader.cancel();
    const process = new SimulatedProcess(this.#time);
    this.#process = process;
    const database: Database = {
      read: work => this.#database.read(work),
      write: work =>
        this.#database.write(tx => {
          const done = work(tx);
          const dies = this.#isDying();
          if (dies !== undefined) this.#hasCrashed = true;
          if (dies === 'before') throw new Error('the server dies before it commits');
          if (done.ok) this.#committed(tx);
          return done;
        }),
      onForeignCommit: () => ({ dispose: () => undefined }),
      close: async () => this.#database.close(),
    };
    this.#core = await createTestServer({
      database,
      random: this.#random,
      timers: process.timers,
      clock: { now: () => this.#time.nowMs + this.#clockAheadMs, monotonic: () => process.ageMs },
      limits: { ...this.#limits, retentionMs },
    });
  }

  #isDying(): 'before' | 'after' | undefined {
    const dying = this.#dyingWrite;
    if (dying === undefined || --dying.left > 0) return undefined;
    this.#dyingWrite = undefined;
    return dying.moment;
  }
}

let template: MemoryDatabase | undefined;

async function emptyDatabase(): Promise<MemoryDatabase> {
  template ??= await openMemoryDatabase(serverMigrations);
  return template.copy();
}
