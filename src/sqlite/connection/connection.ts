import type { SqlSession } from '../engine/sqlSession';

/** `file`: SQLite works on the file itself. `safe`: on a copy in memory, which replaces the file at every commit. */
export type ConnectionMode = 'file' | 'safe';

/** A way to one SQLite file. Everything but `close` is called under the cross-process lock only. */
export interface Connection {
  readonly mode: ConnectionMode;
  readonly session: SqlSession;
  /** Whether what is open is still the file at the path. */
  isCurrent(): boolean;
  /** The number in the file's header that every commit changes. */
  changeCounter(): number;
  /** Ends the open transaction, durably; throws when that failed. */
  commit(): void;
  /** The system's code of a call that failed since the last `clearFailure`. */
  readonly systemCode: string | undefined;
  clearFailure(): void;
  close(): void;
}
