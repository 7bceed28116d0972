import { join } from 'node:path';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import type { StorageError } from '../sqlite/database';
import { openDatabase } from '../sqlite/openDatabase';
import type { WasmLoader } from '../sqlite/wasmModule';
import type { Payloads } from './payloads';
import { storeApplicationId, storeMigrations } from './schema';
import { createStore, type Store } from './store';

export interface OpenStoreOptions {
  /** The device's folder: `store.db`, its locks and its snapshots. It is made when it is missing. */
  readonly folder: string;
  readonly wasm: WasmLoader;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly payloads: Payloads;
}

export interface OpenedStore {
  readonly store: Store;
}

/** Opens the device's store, and makes it when there is none. */
export async function openStore(options: OpenStoreOptions): Promise<Result<OpenedStore, StorageError>> {
  const { folder, wasm, clock, timers, random, logger, payloads } = options;
  const opened = await openDatabase({
    path: join(folder, storeFileName),
    migrations: storeMigrations,
    applicationId: storeApplicationId,
    wasm,
    clock,
    timers,
    random,
    logger,
  });
  return opened.ok ? ok({ store: createStore(opened.value, payloads) }) : opened;
}

export const storeFileName = 'store.db';
