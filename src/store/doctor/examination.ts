import type { Logger } from '../../base/logger';
import type { Result } from '../../base/result';
import type { Clock } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import type { FileCalls } from '../../sqlite/files/fileCalls';
import type { Maintenance } from '../../sqlite/maintenance';
import type { Snapshots } from '../snapshots/snapshots';
import type { Store } from '../store';
import type { StoreTransaction } from '../transaction';
import type { Finding } from './finding';

/** What the checks of the doctor look at. */
export interface Examination {
  readonly folder: string;
  readonly store: Store;
  readonly database: Maintenance;
  readonly snapshots: Snapshots;
  readonly files: FileCalls;
  /** See `StoreMaintenance.applyAtRest`. */
  readonly applyAtRest: () => Promise<Result<void, StorageError>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The digest as it is kept up, and as it is when computed from every row, which also writes it. */
  readonly digest: {
    readonly current: (store: StoreTransaction) => string;
    readonly recompute: (store: StoreTransaction) => string;
  };
  /** True when a person has agreed that what can be mended is mended. */
  readonly mend: boolean;
}

export type Check = (examination: Examination) => Promise<Result<readonly Finding[], StorageError>>;
