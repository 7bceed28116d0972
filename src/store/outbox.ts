import { assert } from '../base/assert';
import type { ChangeType } from '../model/change';
import type { Content } from '../model/content';
import {
  type ChangeId,
  type ConflictId,
  type ItemId,
  isChangeId,
  isConflictId,
  isItemId,
  isKeyId,
  type KeyId,
} from '../model/ids/ids';
import { isStamp, type Stamp } from '../model/ids/stamp';
import type { Row } from '../sqlite/database';
import { branded, flag, integer, optionalBranded, optionalInteger, optionalText, text } from '../sqlite/rows';
import { sealsItem } from './atRest/itemSeal';
import { stampsOf } from './items';
import type { StoreTransaction } from './transaction';

/**
 * The log of local edits. A row waits until it is frozen (sent for the first time, with its exact bytes), is then in
 * flight until the server has answered, and is acknowledged when it was accepted. A subject has at most one row that
 * waits and one in flight: later edits gather in the one that waits.
 */
export type OutboxChange = ItemChange | RecordChange;

interface ChangeCommon {
  readonly rowId: number;
  readonly stamp: Stamp;
  /** The clock's raw reading, while the change was never sent; undefined once its stamp may not be changed. */
  readonly rawMs: number | undefined;
  /** Changes of one group are accepted by the server all or none. */
  readonly groupId: ChangeId | undefined;
  /** Why the server, or this device, will not take it as it is; it is not sent again until it is edited. */
  readonly refused: string | undefined;
  readonly flight: Flight | undefined;
}

/** What was sent: sent again byte for byte until it is answered. */
export interface Flight {
  readonly changeId: ChangeId;
  /** The JSON text of the change on the wire. */
  readonly frozen: string;
  /** Of the key that it is sealed with; undefined when an older version of the product sealed it. */
  readonly keyId: KeyId | undefined;
}

export interface ItemChange extends ChangeCommon {
  readonly collection: 'item';
  readonly itemId: ItemId;
  readonly type: ChangeType;
  /** Undefined when it is encrypted at rest and the device is locked. */
  readonly content: Content | undefined;
  readonly base: ChangeBase;
  /** The stamps before this change, newest first: the base's, then the base's ancestors. */
  readonly ancestors: readonly Stamp[];
  readonly resolves: ConflictId | undefined;
  /** The same content as its base, to be sealed with a new key: it gives way to whatever it meets. */
  readonly reseal: boolean;
}

/** A conflict record whose state waits to be pushed; the state itself is in the record. */
export interface RecordChange extends ChangeCommon {
  readonly collection: 'conflict';
  readonly itemId: ConflictId;
  /** `delete`: the record was closed so long ago that nobody keeps it. */
  readonly type: ChangeType;
}

export interface ChangeBase {
  /** 0 when no server version existed, or while it is not known yet because the base is itself in flight. */
  readonly version: number;
  readonly stamp: Stamp | undefined;
  readonly deleted: boolean;
  /** Undefined when it is not known. */
  readonly content: Content | undefined;
}

export interface NewItemChange {
  readonly itemId: ItemId;
  readonly type: ChangeType;
  readonly stamp: Stamp;
  readonly rawMs: number | undefined;
  readonly content: Content;
  readonly base: ChangeBase;
  readonly ancestors: readonly Stamp[];
  readonly resolves?: ConflictId | undefined;
  readonly groupId?: ChangeId | undefined;
  readonly reseal?: boolean;
}

export interface NewRecordChange {
  readonly conflictId: ConflictId;
  readonly type?: ChangeType;
  readonly stamp: Stamp;
  readonly groupId?: ChangeId | undefined;
}

/** The change of an item that waits to be sent. */
export function waitingItemChange(store: StoreTransaction, itemId: ItemId): ItemChange | undefined {
  return openItemChanges(store, itemId).waiting;
}

/** The change of an item, or of a record, that waits to be sent. */
export function waitingChange(
  store: StoreTransaction,
  subject: ItemId | ConflictId,
): OutboxChange | undefined {
  const row = store.sql.get(
    'SELECT * FROM changes WHERE item_id = ? AND acknowledged_ms IS NULL AND change_id IS NULL',
    [subject],
  );
  return row && outboxChange(store, row);
}

/** The change of an item that was sent and not answered. */
export function itemChangeInFlight(store: StoreTransaction, itemId: ItemId): ItemChange | undefined {
  return openItemChanges(store, itemId).inFlight;
}

/** What of an item was not acknowledged yet. */
export interface OpenItemChanges {
  readonly waiting: ItemChange | undefined;
  readonly inFlight: ItemChange | undefined;
}

export function openItemChanges(store: StoreTransaction, itemId: ItemId): OpenItemChanges {
  const rows = store.sql.all('SELECT * FROM changes WHERE item_id = ? AND acknowledged_ms IS NULL', [itemId]);
  const found = (isInFlight: boolean) => rows.find(row => (row['change_id'] !== null) === isInFlight);
  const [waiting, inFlight] = [found(false), found(true)].map(row => row && itemChange(store, row));
  return { waiting, inFlight };
}

/** Left to itself, SQLite would look through all that was ever sent. */
const rowsInFlight =
  'changes INDEXED BY changes_in_flight WHERE acknowledged_ms IS NULL AND change_id IS NOT NULL';

/** Everything in flight, oldest first. */
export function changesInFlight(store: StoreTransaction, limit: number): readonly OutboxChange[] {
  return store.sql
    .all(
      `SELECT * FROM changes WHERE id IN (SELECT id FROM ${rowsInFlight} ORDER BY id LIMIT ?) ORDER BY id`,
      [limit],
    )
    .map(row => outboxChange(store, row));
}

/**
 * What waits and is not refused, oldest first, whole groups together. What has a change of its subject in flight, or a
 * version of the server that could not be opened and so not be merged, is left out.
 */
export function sendableChanges(store: StoreTransaction, limit: number): readonly OutboxChange[] {
  const waiting = store.sql.all(
    `SELECT id, group_id FROM changes INDEXED BY changes_waiting
     WHERE acknowledged_ms IS NULL AND change_id IS NULL AND refused IS NULL AND item_id NOT IN (${heldUp})
       AND (group_id IS NULL OR group_id NOT IN (${groupsHeldUp})) ORDER BY id LIMIT ?`,
    [limit],
  );
  const taken = new Set<number>();
  for (const row of waiting) {
    if (taken.size >= limit) break;
    const groupId = optionalText(row, 'group_id');
    const members = groupId === undefined ? [row] : store.sql.all(membersOfGroup, [groupId]);
    if (taken.size + members.length > limit && taken.size > 0) break;
    for (const member of members) taken.add(integer(member, 'id'));
  }
  return [...taken].flatMap(id => {
    const row = store.sql.get('SELECT * FROM changes WHERE id = ?', [id]);
    return row ? [outboxChange(store, row)] : [];
  });
}

const heldUp = `SELECT item_id FROM ${rowsInFlight} UNION ALL SELECT item_id FROM unopened`;
/** A group goes whole or not at all. Left in, many that are refused would fill the limit before what is behind them. */
const groupsHeldUp = `SELECT group_id FROM changes INDEXED BY changes_grouped WHERE group_id IS NOT NULL
  AND acknowledged_ms IS NULL AND (refused IS NOT NULL OR item_id IN (${heldUp}))`;

const membersOfGroup = 'SELECT id FROM changes WHERE group_id = ? AND acknowledged_ms IS NULL ORDER BY id';

/** The change is accepted by itself, whatever becomes of the group that it was in. */
export function leaveGroup(store: StoreTransaction, change: OutboxChange): void {
  store.sql.run('UPDATE changes SET group_id = NULL WHERE item_id = ? AND acknowledged_ms IS NULL', [
    change.itemId,
  ]);
}

/** Waiting changes whose stamps may still be corrected, in the order in which they were made. */
export function neverSentChanges(store: StoreTransaction): readonly OutboxChange[] {
  return store.sql
    .all('SELECT * FROM changes WHERE acknowledged_ms IS NULL AND raw_ms IS NOT NULL ORDER BY timestamp')
    .map(row => outboxChange(store, row));
}

/** How many items have an edit that is not acknowledged. */
export function countPendingItems(store: StoreTransaction): number {
  const row = store.sql.get(
    `SELECT count(DISTINCT item_id) AS total FROM changes
     WHERE acknowledged_ms IS NULL AND collection = 'item' AND reseal = 0`,
  );
  assert(row, 'count answers a row');
  return integer(row, 'total');
}

/** True when nothing waits and nothing is in flight. */
export function isOutboxEmpty(store: StoreTransaction): boolean {
  return store.sql.get('SELECT 1 FROM changes WHERE acknowledged_ms IS NULL LIMIT 1') === undefined;
}

/** Writes the waiting change of an item, in place of the one that waits. */
export function putWaitingItemChange(store: StoreTransaction, change: NewItemChange): void {
  dropWaiting(store, change.itemId);
  const { content, base } = change;
  const seals = content.sensitive || base.content?.sensitive === true || sealsItem(store, change.itemId);
  const write = (value: Content) => store.payloads.writeContent(value, change.itemId, seals);
  store.sql.run(
    `INSERT INTO changes(collection, item_id, change_type, timestamp, raw_ms, payload, base_version, base_timestamp,
       base_deleted, base_payload, ancestors, resolves, group_id, reseal) VALUES ('item',?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    [
      change.itemId,
      change.type,
      change.stamp,
      change.rawMs ?? null,
      write(change.content),
      change.base.version,
      change.base.stamp ?? null,
      change.base.deleted ? 1 : 0,
      change.base.content === undefined ? null : write(change.base.content),
      JSON.stringify(change.ancestors),
      change.resolves ?? null,
      change.groupId ?? null,
      change.reseal ? 1 : 0,
    ],
  );
}

/**
 * Notes that a record's state is to be pushed, in place of an older state that waits; in the group of that one, when
 * the new state has none.
 */
export function putWaitingRecordChange(store: StoreTransaction, change: NewRecordChange): void {
  const before = store.sql.get(
    'SELECT group_id FROM changes WHERE item_id = ? AND acknowledged_ms IS NULL AND change_id IS NULL',
    [change.conflictId],
  );
  const groupBefore = before && optionalText(before, 'group_id');
  dropWaiting(store, change.conflictId);
  store.sql.run(
    `INSERT INTO changes(collection, item_id, change_type, timestamp, base_version, base_deleted, ancestors, group_id)
     VALUES ('conflict', ?, ?, ?, 0, 0, '[]', ?)`,
    [change.conflictId, change.type ?? 'upsert', change.stamp, change.groupId ?? groupBefore ?? null],
  );
}

/** Takes back everything that waits only to be sealed with a new key. The server's version is the item's again. */
export function dropReseals(store: StoreTransaction, itemId?: ItemId): void {
  const [which, parameters] = itemId === undefined ? ['', []] : ['AND item_id = ?', [itemId]];
  const waits = `acknowledged_ms IS NULL AND change_id IS NULL AND reseal = 1 ${which}`;
  store.sql.run(
    `UPDATE items SET last_modified = synced_stamp
     WHERE synced_stamp IS NOT NULL AND id IN (SELECT item_id FROM changes WHERE ${waits})`,
    parameters,
  );
  store.sql.run(`DELETE FROM changes WHERE ${waits}`, parameters);
}

export function dropWaiting(store: StoreTransaction, subject: ItemId | ConflictId): void {
  store.sql.run('DELETE FROM changes WHERE item_id = ? AND acknowledged_ms IS NULL AND change_id IS NULL', [
    subject,
  ]);
}

/** Freezes a waiting change as it is sent. False when it has changed since it was read. */
export function freeze(
  store: StoreTransaction,
  change: OutboxChange,
  flight: Flight,
  nowMs: number,
): boolean {
  const changed = store.sql.run(
    `UPDATE changes SET change_id = ?, frozen = ?, key_id = ?, sent_ms = ?, raw_ms = NULL
     WHERE id = ? AND change_id IS NULL AND acknowledged_ms IS NULL AND timestamp = ?`,
    [flight.changeId, flight.frozen, flight.keyId ?? null, nowMs, change.rowId, change.stamp],
  );
  return changed === 1;
}

/** The server has accepted it. What it held is in the item's history; the row stays as a line of the log. */
export function acknowledge(store: StoreTransaction, change: OutboxChange, nowMs: number): void {
  store.sql.run(
    'UPDATE changes SET acknowledged_ms = ?, frozen = NULL, payload = NULL, base_payload = NULL WHERE id = ?',
    [nowMs, change.rowId],
  );
}

/**
 * Takes an answered change out of flight: it waits again, or makes way for the one that waited behind it, which then
 * stands on the same base and still names it as an ancestor. A resolution that now holds an edit as well is none any more.
 */
export function thaw(store: StoreTransaction, change: OutboxChange): void {
  const behind = store.sql.get(
    'SELECT id FROM changes WHERE item_id = ? AND acknowledged_ms IS NULL AND change_id IS NULL',
    [change.itemId],
  );
  if (!behind) {
    store.sql.run('UPDATE changes SET change_id = NULL, frozen = NULL WHERE id = ?', [change.rowId]);
    return;
  }
  store.sql.run(
    `UPDATE changes SET (base_version, base_timestamp, base_deleted, base_payload) =
       (SELECT base_version, base_timestamp, base_deleted, base_payload FROM changes WHERE id = ?),
       group_id = coalesce(group_id, (SELECT group_id FROM changes WHERE id = ?)),
       resolves = CASE WHEN EXISTS (SELECT 1 FROM changes AS flown
         WHERE flown.id = ? AND (flown.reseal = 1 OR flown.resolves IS changes.resolves)) THEN resolves END
     WHERE id = ?`,
    [change.rowId, change.rowId, change.rowId, integer(behind, 'id')],
  );
  store.sql.run('DELETE FROM changes WHERE id = ?', [change.rowId]);
}

export function removeChange(store: StoreTransaction, change: OutboxChange): void {
  store.sql.run('DELETE FROM changes WHERE id = ?', [change.rowId]);
}

/** The change stays in the outbox but is not sent again until it is edited. */
export function refuse(store: StoreTransaction, change: OutboxChange, reason: string): void {
  store.sql.run('UPDATE changes SET refused = ? WHERE id = ?', [reason, change.rowId]);
}

/** Changes that were refused are sent again. */
export function forgetRefusals(store: StoreTransaction): void {
  store.sql.run('UPDATE changes SET refused = NULL WHERE refused IS NOT NULL AND acknowledged_ms IS NULL');
}

/** Gives a waiting change another stamp. */
export function restampChange(store: StoreTransaction, change: OutboxChange, stamp: Stamp): void {
  store.sql.run('UPDATE changes SET timestamp = ? WHERE id = ?', [stamp, change.rowId]);
}

/** The reasons of changes that were refused. */
export function refusals(
  store: StoreTransaction,
  limit: number,
): readonly { itemId: string; reason: string }[] {
  return store.sql
    .all(
      'SELECT item_id, refused FROM changes WHERE refused IS NOT NULL AND acknowledged_ms IS NULL LIMIT ?',
      [limit],
    )
    .map(row => ({ itemId: text(row, 'item_id'), reason: text(row, 'refused') }));
}

function itemChange(store: StoreTransaction, row: Row): ItemChange {
  const change = outboxChange(store, row);
  assert(change.collection === 'item', 'item ids and conflict ids never meet');
  return change;
}

function outboxChange(store: StoreTransaction, row: Row): OutboxChange {
  const common: ChangeCommon = {
    rowId: integer(row, 'id'),
    stamp: branded(row, 'timestamp', isStamp),
    rawMs: optionalInteger(row, 'raw_ms'),
    groupId: optionalBranded(row, 'group_id', isChangeId),
    refused: optionalText(row, 'refused'),
    flight: flightOf(row),
  };
  const type = text(row, 'change_type') === 'delete' ? 'delete' : 'upsert';
  if (text(row, 'collection') === 'conflict') {
    return { ...common, collection: 'conflict', itemId: branded(row, 'item_id', isConflictId), type };
  }
  const itemId = branded(row, 'item_id', isItemId);
  return {
    ...common,
    collection: 'item',
    itemId,
    type,
    content: store.payloads.readContent(row, 'payload', itemId),
    base: {
      version: integer(row, 'base_version'),
      stamp: optionalBranded(row, 'base_timestamp', isStamp),
      deleted: flag(row, 'base_deleted'),
      content:
        row['base_payload'] === null ? undefined : store.payloads.readContent(row, 'base_payload', itemId),
    },
    ancestors: stampsOf(text(row, 'ancestors')),
    resolves: optionalBranded(row, 'resolves', isConflictId),
    reseal: flag(row, 'reseal'),
  };
}

function flightOf(row: Row): Flight | undefined {
  const changeId = optionalBranded(row, 'change_id', isChangeId);
  const frozen = optionalText(row, 'frozen');
  if (changeId === undefined || frozen === undefined) return undefined;
  return { changeId, frozen, keyId: optionalBranded(row, 'key_id', isKeyId) };
}
