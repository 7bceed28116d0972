import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import type { Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import type { StorageError } from '../sqlite/database';
import type { WasmLoader } from '../sqlite/engine/wasmModule';
import { nodeFileCalls } from '../sqlite/files/fileCalls';
import { type OpenedDatabase, openDatabase } from '../sqlite/openDatabase';
import { makeStoreFolder } from '../sqlite/storageErrors';
import { repairStore } from './storage/repair';
import { serverApplicationId, serverMigrations } from './storage/schema';

/** What opening the store takes from the machine. */
export interface StoreHost {
  readonly wasm: WasmLoader;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

export const storeName = 'server.db';
/** Pages in memory: the server has one file and many readers of it. */
const cacheKib = 64 * 1024;

export const storePath = (dataFolder: string): string => join(dataFolder, storeName);

/** Opens the server's file in its folder, which is made for this user alone when it is missing. */
export async function openStore(
  path: string,
  host: StoreHost,
): Promise<Result<OpenedDatabase, StorageError>> {
  const { clock, random, logger } = host;
  return openDatabase({
    ...host,
    path,
    migrations: serverMigrations,
    applicationId: serverApplicationId,
    cacheKib,
    migrationBackup: async file => {
      const backup = `${file}.before-schema-${serverMigrations.length}`;
      await copyFile(file, backup);
      logger.info('copied the store before its schema is changed', { backup });
    },
    salvage: tx => repairStore(tx, random, clock.now()),
    onRecovered: ({ setAside }) =>
      logger.error('the store was damaged: it was set aside and what could be read is in a new one', {
        setAside,
      }),
  });
}

/** Makes the folder for this user alone when it is missing. */
export const makeDataFolder = (dataFolder: string): Result<void, StorageError> =>
  makeStoreFolder(nodeFileCalls, dataFolder);
