import { fromBase64Url, fromUtf8, toBase64Url, toUtf8 } from '../base/encoding';

/**
 * Where a device's reading stands. On the wire it is opaque: URL-safe base64 of `epoch.sequence.floor.mark`.
 *
 * `mark` is a random text that the server stored with the transaction that gave the higher of `sequence` and `floor`:
 * a server that was restored from a backup does not know the marks of what it lost, even when it has given the same
 * sequence numbers again since.
 */
export interface Cursor {
  /** Random, of the account; changed when the server finds that it was restored. */
  readonly epoch: string;
  /** Everything up to it has been read; 0 for nothing. */
  readonly sequence: number;
  /**
   * What had been pruned when this reading began with nothing. Such a reader needs no tombstone from before, so its
   * cursor does not expire below it. 0 once the reading is past it.
   */
  readonly floor: number;
  readonly mark: string;
}

const cursorPattern = /^([0-9a-f]{16})\.(\d{1,15})\.(\d{1,15})\.([0-9a-f]{16})$/;

export function formatCursor(cursor: Cursor): string {
  return toBase64Url(toUtf8(`${cursor.epoch}.${cursor.sequence}.${cursor.floor}.${cursor.mark}`));
}

/** Undefined for a text that this server cannot have issued. */
export function parseCursor(text: string): Cursor | undefined {
  const bytes = fromBase64Url(text);
  const match = cursorPattern.exec((bytes && fromUtf8(bytes)) ?? '');
  const [, epoch, sequence, floor, mark] = match ?? [];
  if (epoch === undefined || mark === undefined) return undefined;
  return { epoch, sequence: Number(sequence), floor: Number(floor), mark };
}

/** The sequence whose mark the cursor carries. */
export function markedSequence(cursor: Pick<Cursor, 'sequence' | 'floor'>): number {
  return Math.max(cursor.sequence, cursor.floor);
}
