import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker as Thread } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import type { LivenessStrategy } from '../../src/sqlite/lock/liveness';

/** A process at work on a file, with the lines that it has reported. */
export interface Worker {
  readonly lines: readonly string[];
  /** Resolves when it has reported a line that begins so, and answers that line. */
  waitFor(start: string): Promise<string>;
  send(line: string): void;
  /** Ends it at once, as `kill -9` does. */
  kill(): Promise<void>;
  /** Resolves with its exit code when it has ended by itself. */
  ended(): Promise<number | null>;
}

/** Starts processes of one script, which is bundled once so that they start quickly. */
export class WorkerPool {
  readonly #script: string;
  readonly #running = new Set<Worker>();

  /**
   * @param folder where the bundle is put
   * @param script a file of this folder
   */
  constructor(folder: string, script: 'sqliteWorker.ts' | 'storeWorker.ts' = 'sqliteWorker.ts') {
    this.#script = join(folder, 'worker.cjs');
    buildSync({
      entryPoints: [join(__dirname, script)],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: this.#script,
      logLevel: 'error',
    });
  }

  start(
    job: 'write' | 'burst' | 'commit' | 'lock',
    path: string,
    name: string,
    liveness: LivenessStrategy = 'startTime',
  ): Worker {
    const child = spawn(process.execPath, [this.#script, job, path, name, wasmPath(), liveness], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const worker = createWorker(child);
    this.#running.add(worker);
    child.once('exit', () => this.#running.delete(worker));
    return worker;
  }

  /** Starts a thread of this process that holds the lock of the file until it is terminated. */
  async startHolder(path: string): Promise<Thread> {
    const thread = new Thread(this.#script, { argv: ['hold', path, 'thread', wasmPath()] });
    await once(thread, 'message');
    return thread;
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map(worker => worker.kill()));
  }
}

function wasmPath(): string {
  return createRequire(join(process.cwd(), 'package.json')).resolve('sql.js/dist/sql-wasm.wasm');
}

function createWorker(
  child: ChildProcess & { stdout: NodeJS.ReadableStream; stdin: NodeJS.WritableStream },
): Worker {
  const lines: string[] = [];
  const exit = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  const reader = createInterface({ input: child.stdout });
  reader.on('line', line => lines.push(line));
  return {
    lines,
    async waitFor(start) {
      for (let next = 0; ; next++) {
        while (next >= lines.length) {
          const ended = await Promise.race([once(reader, 'line'), exit.then(() => 'ended')]);
          if (ended === 'ended' && next >= lines.length) throw new Error(`ended before it reported ${start}`);
        }
        const line = lines[next];
        if (line?.startsWith('failed')) throw new Error(line);
        if (line?.startsWith(start)) return line;
      }
    },
    send: line => void child.stdin.write(`${line}\n`),
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
    ended: () => exit,
  };
}
