import { createHash } from 'node:crypto';
import { type Logger, silentLogger } from '../../src/base/logger';
import { type Random, systemRandom } from '../../src/base/random';
import { ok } from '../../src/base/result';
import { type Clock, systemTimers, type Timers } from '../../src/base/time';
import type { AuthHash } from '../../src/server/authHash';
import { defaultServerLimits, type ServerLimits } from '../../src/server/context';
import { createServerCore, type ServerCore } from '../../src/server/core';
import { noRateLimits, type RateLimits } from '../../src/server/rateLimits';
import { serverMigrations } from '../../src/server/storage/schema';
import type { Database } from '../../src/sqlite/database';
import { openMemoryDatabase } from './memoryDatabase';

/** A hash that costs nothing and runs on this thread: for tests and the simulator. */
export const fastAuthHash: AuthHash = {
  hash: async key => ok(createHash('sha256').update(key).digest('hex')),
  verify: async (key, stored) => ok(createHash('sha256').update(key).digest('hex') === stored),
  decoy: () => 'none',
};

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function createManualClock(start: number): ManualClock {
  let now = start;
  return {
    now: () => now,
    monotonic: () => now - start,
    advance: ms => {
      now += ms;
    },
  };
}

export interface TestServerOptions {
  readonly database?: Database;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: Random;
  readonly limits?: Partial<ServerLimits>;
  readonly rateLimits?: RateLimits;
  readonly logger?: Logger;
  readonly addressOf?: (request: Request, env: unknown) => string;
}

/** 2025-01-01T00:00:00Z */
export const testEpochMs = 1_735_689_600_000;

/** The real server app over a database in memory, without rate limits, open for signing up. */
export async function createTestServer(options: TestServerOptions = {}): Promise<ServerCore> {
  return createServerCore({
    database: options.database ?? (await openMemoryDatabase(serverMigrations)),
    clock: options.clock ?? createManualClock(testEpochMs),
    timers: options.timers ?? systemTimers,
    random: options.random ?? systemRandom,
    limits: { ...defaultServerLimits, signUp: 'open', ...options.limits },
    logger: options.logger ?? silentLogger,
    authHash: fastAuthHash,
    rateLimits: options.rateLimits ?? noRateLimits,
    ...(options.addressOf === undefined ? {} : { addressOf: options.addressOf }),
  });
}
