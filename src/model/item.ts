import type { Content } from './content';
import type { DeviceId, ItemId } from './ids/ids';
import type { Stamp } from './ids/stamp';

/** A note, a snippet or a config, as this device holds it now. */
export interface Item {
  readonly id: ItemId;
  /** For a deleted item: what it held, so that it can be restored. */
  readonly content: Content;
  readonly lastModified: Stamp;
  /** The device that made the last modification. */
  readonly deviceId: DeviceId;
  /** The server's version that this content is, or was made on; 0 before the first push. */
  readonly version: number;
  readonly deleted: boolean;
}

/** One version of an item in its history. */
export interface ItemVersion {
  readonly content: Content;
  readonly stamp: Stamp;
  readonly deviceId: DeviceId;
  /** 0 for a version that was never pushed. */
  readonly version: number;
  readonly deleted: boolean;
}
