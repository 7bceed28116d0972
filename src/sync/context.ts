import type { Random } from '../base/random';
import type { DeviceId } from '../model/ids/ids';
import type { StoreTransaction } from '../store/transaction';
import type { TextPolicy } from './merge/bodyMerge';

/** What an edit or a merge needs to know of the device that makes it, inside one transaction. */
export interface EditContext {
  readonly store: StoreTransaction;
  readonly device: { readonly id: DeviceId; readonly name: string };
  /** This machine's wall time, milliseconds since 1970. */
  readonly wallMs: number;
  readonly random: Random;
}

export interface MergeContext extends EditContext {
  readonly text: TextPolicy;
}
