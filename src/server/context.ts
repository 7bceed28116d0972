import type { Logger } from '../base/logger';
import type { Random } from '../base/random';
import { type Clock, dayMs } from '../base/time';
import {
  defaultMaxBodyBytes,
  defaultMaxItemBytes,
  maxManifestEntries,
  maxPageChanges,
  maxPagePayloadBytes,
} from '../protocol/limits';
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
  /** Versions, and the sum of their payloads in bytes, in a page of a pull. */
  readonly maxPageChanges: number;
  readonly maxPagePayloadBytes: number;
  /** Entries in a page of the manifest. */
  readonly maxManifestEntries: number;
  /** Answers that are remembered for one device that pushes and never pulls. */
  readonly maxRememberedAnswers: number;
  readonly signUp: 'invite' | 'open' | 'closed';
}

export const defaultServerLimits: ServerLimits = {
  maxBodyBytes: defaultMaxBodyBytes,
  maxItemBytes: defaultMaxItemBytes,
  maxAccountBytes: 1024 * 1024 * 1024,
  retentionMs: 90 * dayMs,
  maxPageChanges,
  maxPagePayloadBytes,
  maxManifestEntries,
  maxRememberedAnswers: 100_000,
  signUp: 'invite',
};
