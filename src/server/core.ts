import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import type { Result } from '../base/result';
import type { Clock, Timers } from '../base/time';
import type { Database, StorageError } from '../sqlite/database';
import { createApp } from './app';
import type { AuthHash } from './authHash';
import type { ServerContext, ServerLimits } from './context';
import { EventHub } from './events';
import { createInvite, defaultInviteTermMs } from './invites';
import { createMetrics, type Metrics } from './metrics';
import type { RateLimits } from './rateLimits';
import { createSqliteStorage } from './storage/sqliteStorage';
import type { PruneOutcome, ServerStorage } from './storage/storage';
import { followForeignCommits } from './streams';

export interface ServerOptions {
  /** Opened with `serverMigrations`. Closed by `close`. */
  readonly database: Database;
  readonly clock: Clock;
  /** Only for the heartbeat of open event streams. */
  readonly timers: Timers;
  readonly random: Random;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly authHash: AuthHash;
  readonly rateLimits: RateLimits;
  readonly addressOf?: (request: Request, env: unknown) => string;
}

/**
 * The whole server but for listening: it opens no socket, reads no clock but the one given, and starts no timer but
 * the heartbeat while an event stream is open.
 */
export interface ServerCore {
  readonly app: { fetch(request: Request, env?: unknown): Response | Promise<Response> };
  readonly storage: ServerStorage;
  readonly metrics: Metrics;
  createInvite(termMs?: number): Promise<Result<{ code: string; expiresAt: number }, StorageError>>;
  /** Removes what every active device has acknowledged and the retention has passed over. */
  prune(): Promise<Result<PruneOutcome, StorageError>>;
  /** From now on requests are answered 503, and the event streams have ended. */
  drain(): void;
  close(): Promise<void>;
}

export function createServerCore(options: ServerOptions): ServerCore {
  const { database, clock, random, limits, logger } = options;
  const storage = createSqliteStorage(database, random, clock);
  const metrics = createMetrics();
  const hub = new EventHub(options.timers, count => metrics.streams.set(count));
  let isDraining = false;
  const context: ServerContext = {
    ...options,
    storage,
    metrics,
    hub,
    addressOf: options.addressOf ?? (() => 'local'),
    isDraining: () => isDraining,
  };
  const following = followForeignCommits(context);
  const drain = () => {
    isDraining = true;
    hub.endAll();
  };
  return {
    app: createApp(context),
    storage,
    metrics,
    createInvite: (termMs = defaultInviteTermMs) => createInvite(storage, random, clock.now(), termMs),
    async prune() {
      const pruned = await storage.prune({ now: clock.now(), retentionMs: limits.retentionMs });
      if (pruned.ok) {
        for (const [kind, count] of Object.entries(pruned.value)) metrics.pruned.inc({ kind }, count);
        logger.debug('pruned', { ...pruned.value });
      }
      return pruned;
    },
    drain,
    async close() {
      drain();
      following.dispose();
      await storage.close();
    },
  };
}
