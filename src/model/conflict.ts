import type { JsonObject } from '../base/json';
import type { Content } from './content';
import type { ConflictId, DeviceId, ItemId } from './ids/ids';
import type { Stamp } from './ids/stamp';

/** One of the versions that met in a conflict. */
export interface ConflictSide {
  readonly stamp: Stamp;
  readonly deviceId: DeviceId;
  /** The device's name when the conflict was found; shown to people. */
  readonly deviceName: string;
  /** The server's version; 0 for a side that was never accepted. */
  readonly version: number;
  readonly deleted: boolean;
  readonly content: Content;
  /** Fields that a newer version wrote: kept, and sent back unchanged. */
  readonly extra?: JsonObject;
}

export type ConflictState = 'open' | 'resolved' | 'auto';
export type ConflictOutcome = 'merged' | 'lastWriterWins';
export type Resolution = 'keepLocal' | 'keepRemote' | 'keepBoth' | 'merge' | 'undo';

/**
 * What happened when two versions of an item met. The same on every device: `earlier` and `later` are by stamp;
 * which of them a reader calls local or remote depends on the reader's device.
 */
export interface Conflict {
  readonly id: ConflictId;
  readonly itemId: ItemId;
  /** Undefined when the base is not known. */
  readonly base?: ConflictSide;
  readonly earlier: ConflictSide;
  readonly later: ConflictSide;
  /** `merged`: nothing overlapped. `lastWriterWins`: where both had changed the same, the later side won. */
  readonly outcome: ConflictOutcome;
  /** The fields, and the keys of JSON bodies, in which the later side won over the earlier one. */
  readonly keys: readonly string[];
  readonly detectedAt: Stamp;
  readonly detectedBy: DeviceId;
  readonly state: ConflictState;
  readonly resolution?: Resolution;
  /** Grows with each change of state; with `stamp` it decides which of two states of one record is current. */
  readonly revision: number;
  readonly stamp: Stamp;
  /** Fields that a newer version wrote: kept, and sent back unchanged. */
  readonly extra?: JsonObject;
}

/** True when `left` is the later state of the record. */
export function supersedes(
  left: Pick<Conflict, 'revision' | 'stamp'>,
  right: Pick<Conflict, 'revision' | 'stamp'>,
): boolean {
  return left.revision !== right.revision ? left.revision > right.revision : left.stamp > right.stamp;
}
