import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/logger';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { systemClock, systemTimers } from '../../src/base/time';
import { type OpenedStore, type OpenStoreOptions, openStore } from '../../src/store/openStore';
import { Payloads } from '../../src/store/payloads';
import { sqliteWasm } from './sqliteWasm';
import { testCipher } from './storeFixture';

/** A device's folder with its store, for tests on a real file. */
export class StoreFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'store-'));
  nowMs = Date.parse('2026-01-02T03:04:05.678Z');
  /** How far the monotonic clock is ahead of the machine's. */
  skippedMs = 0;
  readonly #opened: OpenedStore[] = [];

  async open(overrides: Partial<OpenStoreOptions> = {}): Promise<OpenedStore> {
    const opened = unwrap(
      await openStore({
        folder: this.path,
        wasm: sqliteWasm,
        clock: { now: () => this.nowMs, monotonic: () => systemClock.monotonic() + this.skippedMs },
        timers: systemTimers,
        random: systemRandom,
        logger: silentLogger,
        payloads: new Payloads(testCipher(), 'sensitive'),
        ...overrides,
      }),
    );
    this.#opened.push(opened);
    return opened;
  }

  get storeFile(): string {
    return join(this.path, 'store.db');
  }

  sizeBytes(): number {
    return statSync(this.storeFile).size;
  }

  /** The files below the folder whose bytes have that text in them. */
  filesWith(text: string | RegExp): readonly string[] {
    return readdirSync(this.path, { recursive: true })
      .map(String)
      .filter(name => existsSync(join(this.path, name)) && statSync(join(this.path, name)).isFile())
      .filter(name => {
        const bytes = readFileSync(join(this.path, name), 'latin1');
        return typeof text === 'string' ? bytes.includes(text) : text.test(bytes);
      });
  }

  async close(): Promise<void> {
    for (const { store } of this.#opened.splice(0)) await store.close();
  }

  async remove(): Promise<void> {
    await this.close();
    rmSync(this.path, { recursive: true });
  }
}
