import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { type Clock, dayMs } from '../base/time';
import { defaultMaxBodyBytes, defaultMaxItemBytes } from '../protocol/limits';
import type { AuthHash } from './authHash';
import type { EventHub } from './events';
import type { Metrics } from './metrics';
import type { RateLimits } from './rateLimits';
import type { ServerStorage } from './storage/storage';

/** What the endpoints work with. */
export interface ServerContext {
  readonly storage: ServerStorage;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly authHash: AuthHash;
  readonly rateLimits: RateLimits;
  readonly metrics: Metrics;
  readonly hub: EventHub;
  /** The client's address, for rate limits. `env` is what the listener hands to `fetch`. */
  readonly addressOf: (request: Request, env: unknown) => string;
  /** True once the server takes no new requests. */
  readonly isDraining: () => boolean;
}

/** The settings that the endpoints obey. */
export interface ServerLimits {
  readonly maxBodyBytes: number;
  readonly maxItemBytes: number;
  readonly maxAccountBytes: number;
  readonly retentionMs: number;
  readonly signUp: 'invite' | 'open' | 'closed';
}

export const defaultServerLimits: ServerLimits = {
  maxBodyBytes: defaultMaxBodyBytes,
  maxItemBytes: defaultMaxItemBytes,
  maxAccountBytes: 1024 * 1024 * 1024,
  retentionMs: 90 * dayMs,
  signUp: 'invite',
};
