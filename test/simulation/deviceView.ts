import type { Row, Transaction } from '../../src/sqlite/database';
import { type Token, tokensIn } from './tokens';

/** What a device's store shows: read from its tables, and from nothing that the engine remembers. */
export interface ItemView {
  readonly id: string;
  readonly stamp: string;
  readonly deleted: boolean;
  readonly version: number;
  readonly syncedStamp: string | undefined;
  /** It has a change that is not acknowledged; not a change of the view by itself. */
  readonly isPending: boolean;
  readonly text: string;
}

export interface RecordView {
  readonly id: string;
  readonly itemId: string;
  readonly state: string;
  readonly revision: number;
  readonly stamp: string;
  readonly deleted: boolean;
  readonly sides: readonly { readonly stamp: string; readonly deleted: boolean }[];
  readonly tokens: ReadonlySet<Token>;
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  // Sealed at rest by the mask of the simulation; see `storeFixture`.
  return value instanceof Uint8Array
    ? Buffer.from(value.map(byte => byte ^ atRestMask)).toString('utf8')
    : '';
}

export const atRestMask = 0x5a;

/** The items that are not the same as in `before`. */
export function changedItems(tx: Transaction, before: ReadonlyMap<string, ItemView>): readonly ItemView[] {
  return tx
    .all(
      `SELECT id, last_modified, deleted, version, synced_stamp, payload,
         EXISTS (SELECT 1 FROM changes WHERE item_id = items.id AND acknowledged_ms IS NULL) AS pending
       FROM items ORDER BY id`,
    )
    .flatMap(row => {
      const held = before.get(textOf(row, 'id'));
      const stamp = textOf(row, 'last_modified');
      const deleted = row['deleted'] === 1;
      const version = Number(row['version']);
      const text = contentText(row);
      const syncedStamp = row['synced_stamp'] === null ? undefined : textOf(row, 'synced_stamp');
      // A server that was restored gives a number to another version.
      const isSame =
        held?.stamp === stamp &&
        held.deleted === deleted &&
        held.version === version &&
        held.syncedStamp === syncedStamp &&
        held.text === text;
      if (isSame) return [];
      const isPending = row['pending'] === 1;
      return [{ id: textOf(row, 'id'), stamp, deleted, version, syncedStamp, isPending, text }];
    });
}

/** The conflict records that are not the same as in `before`. */
export function changedRecords(
  tx: Transaction,
  before: ReadonlyMap<string, RecordView>,
): readonly RecordView[] {
  return tx
    .all('SELECT id, item_id, state, revision, stamp, deleted, payload FROM conflicts ORDER BY id')
    .flatMap(row => {
      const held = before.get(textOf(row, 'id'));
      const stamp = textOf(row, 'stamp');
      const revision = Number(row['revision']);
      const deleted = row['deleted'] === 1;
      if (held?.stamp === stamp && held.revision === revision && held.deleted === deleted) return [];
      const payload = contentText(row);
      return [
        {
          id: textOf(row, 'id'),
          itemId: textOf(row, 'item_id'),
          state: textOf(row, 'state'),
          revision,
          stamp,
          deleted,
          sides: deleted ? [] : sidesOf(payload),
          tokens: tokensIn(payload),
        },
      ];
    });
}

export function unsettledText(tx: Transaction): string {
  return tx
    .all('SELECT payload FROM unsettled_saves')
    .map(row => contentText(row))
    .join('\n');
}

export interface CursorView {
  readonly epoch: string;
  readonly sequence: number;
}

/** Where the device's reading stands; the text is opaque to devices, but not to whoever checks them. */
export function cursorView(tx: Transaction): CursorView | undefined {
  const row = tx.get(`SELECT value FROM meta WHERE key = 'cursor'`);
  if (row === undefined) return undefined;
  const [epoch, sequence] = Buffer.from(textOf(row, 'value').slice(1, -1), 'base64url').toString().split('.');
  return epoch === undefined ? undefined : { epoch, sequence: Number(sequence) };
}

/** A sealed value names its place first; see `storeFixture`. */
function contentText(row: Row): string {
  const text = textOf(row, 'payload');
  return typeof row['payload'] === 'string' ? text : text.slice(text.indexOf('\n') + 1);
}

function sidesOf(payload: string): RecordView['sides'] {
  const record: unknown = JSON.parse(payload);
  return ['earlier', 'later'].flatMap(name => {
    const side = fieldOf(record, name);
    const stamp = fieldOf(side, 'stamp');
    return typeof stamp === 'string' ? [{ stamp, deleted: fieldOf(side, 'deleted') === true }] : [];
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && name in value
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
