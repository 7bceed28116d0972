import type { Random } from '../base/random';
import type { DeviceId } from '../model/ids/ids';
import type { StoreTransaction } from '../store/transaction';

/** What an edit or a merge needs to know of the device that makes it, inside one transaction. */
export interface EditContext {
  readonly store: StoreTransaction;
  readonly device: { readonly id: DeviceId; readonly name: string };
  /** This machine's wall time, milliseconds since 1970. */
  readonly wallMs: number;
  readonly random: Random;
}

/** How texts merge: three-way by line, or the later one whole. */
export type TextPolicy = 'merge' | 'latest';

export interface MergeContext extends EditContext {
  readonly text: TextPolicy;
}
