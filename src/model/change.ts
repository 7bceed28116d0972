import type { Content } from './content';
import type { ItemId } from './ids/ids';
import type { Stamp } from './ids/stamp';

export type ChangeType = 'upsert' | 'delete';

/** The version that a change was made on: what both sides of a concurrent pair have in common. */
export interface Base {
  /** The server's version; 0 when the item had never been pushed. */
  readonly version: number;
  readonly stamp: Stamp;
  readonly deleted: boolean;
  /** Undefined when it is not known any more: then it is never guessed. */
  readonly content?: Content;
}

/** A local edit, in the outbox until the server has acknowledged it. */
export interface Change {
  readonly itemId: ItemId;
  readonly type: ChangeType;
  readonly stamp: Stamp;
  readonly content: Content;
  /** Undefined for an item that no server version existed of. */
  readonly base?: Base;
}
