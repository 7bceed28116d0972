import { defined } from '../../base/assert';
import { fromBase64Url, toBase64Url, toUtf8 } from '../../base/encoding';
import { type JsonObject, parseJson } from '../../base/json';
import type { Random } from '../../base/random';
import { err, ok, type Result } from '../../base/result';
import { openPayload, type PayloadBinding, sealPayload } from '../../crypto/envelope';
import { currentKey, type KeyRing } from '../../crypto/keyRing';
import type { Conflict } from '../../model/conflict';
import type { AccountId, ChangeId, ConflictId, ItemId, KeyId } from '../../model/ids/ids';
import { parseStamp, type Stamp } from '../../model/ids/stamp';
import {
  changeSchema,
  knownChangeFields,
  knownVersionFields,
  type RemoteVersion,
  unknownFields,
} from '../../protocol/changes';
import { defaultMaxItemBytes, maxConflictRecordBytes } from '../../protocol/limits';
import type { ItemChange } from '../../store/outbox';
import {
  decodeItemDocument,
  decodeRecordDocument,
  encodeItemDocument,
  encodeRecordDocument,
  type ItemDocument,
} from './sealedDocument';

/** Between what is stored and what is on the wire: everything that leaves is sealed here, everything that comes is opened. */

/** The keys of a signed-in device. */
export interface SealingKeys {
  readonly accountId: AccountId;
  readonly ring: KeyRing;
}

export interface OpenedItem {
  readonly itemId: ItemId;
  readonly version: number;
  readonly sequence: number;
  readonly stamp: Stamp;
  readonly deleted: boolean;
  readonly reseal: boolean;
  readonly keyId: KeyId;
  readonly document: ItemDocument;
  /** Fields of the wire that this version does not know. */
  readonly wireExtra: JsonObject;
}

export interface OpenedRecord {
  readonly conflictId: ConflictId;
  readonly version: number;
  readonly stamp: Stamp;
  readonly revision: number;
  /** Undefined for a record that was pruned. */
  readonly conflict: Conflict | undefined;
  readonly keyId: KeyId;
  readonly wireExtra: JsonObject;
}

/** Why a version of the wire could not be opened. The first two are kept sealed and tried again later. */
export type OpenError =
  | { readonly type: 'keyMissing'; readonly keyId: KeyId }
  | { readonly type: 'newerFormat' }
  /** Altered, swapped, or malformed: reported, never applied. */
  | { readonly type: 'unsound'; readonly detail: string };

/** The bytes of a change, before base64, that the server takes. */
export interface SizeLimits {
  readonly maxItemBytes: number;
}

export interface SealFailure {
  readonly type: 'tooLarge';
  readonly bytes: number;
  readonly maxBytes: number;
}

/** A document inflates to at most this many bytes; the largest is a conflict record. */
const maxDocumentBytes = 4 * maxConflictRecordBytes(defaultMaxItemBytes);

/** The JSON text of an item's change as it is sent, with a new change id bound to these exact bytes. */
export function sealItemChange(options: {
  readonly change: ItemChange;
  readonly changeId: ChangeId;
  readonly deviceName: string;
  readonly keys: SealingKeys;
  readonly wireExtra: JsonObject | undefined;
  readonly limits: SizeLimits;
  readonly random: Random;
}): Result<string, SealFailure> {
  const { change, changeId, keys, limits } = options;
  const content = defined(change.content, 'a change is sealed only when the device is unlocked');
  const sealed = seal(
    encodeItemDocument({
      content,
      ancestors: change.ancestors,
      deviceName: options.deviceName,
      resolves: change.resolves,
    }),
    { collection: 'item', subjectId: change.itemId, changeType: change.type, stamp: change.stamp },
    keys,
    limits.maxItemBytes,
    options.random,
  );
  if (!sealed.ok) return sealed;
  return ok(
    JSON.stringify({
      ...options.wireExtra,
      collection: 'item',
      changeId,
      itemId: change.itemId,
      baseVersion: change.base.version,
      baseTimestamp: change.base.version === 0 ? null : (change.base.stamp ?? null),
      changeType: change.type,
      timestamp: change.stamp,
      ...sealed.value,
      ...(change.groupId === undefined ? {} : { group: change.groupId }),
      ...(change.resolves === undefined ? {} : { resolves: change.resolves }),
      ...(change.reseal ? { reseal: true } : {}),
    }),
  );
}

/** A conflict record's state to be sent; without a conflict it is the deletion of one that was closed long ago. */
export interface RecordState {
  readonly id: ConflictId;
  readonly revision: number;
  readonly stamp: Stamp;
  readonly conflict: Conflict | undefined;
}

/** The JSON text of a conflict record's state as it is sent. */
export function sealRecordChange(options: {
  readonly record: RecordState;
  readonly changeId: ChangeId;
  readonly groupId: ChangeId | undefined;
  readonly base: { readonly version: number; readonly stamp: Stamp | undefined };
  readonly keys: SealingKeys;
  readonly wireExtra: JsonObject | undefined;
  readonly limits: SizeLimits;
  readonly random: Random;
}): Result<string, SealFailure> {
  const { id, revision, stamp, conflict } = options.record;
  const changeType = conflict === undefined ? 'delete' : 'upsert';
  const sealed = seal(
    conflict === undefined ? toUtf8('{}') : encodeRecordDocument(conflict),
    { collection: 'conflict', subjectId: id, changeType, stamp },
    options.keys,
    maxConflictRecordBytes(options.limits.maxItemBytes),
    options.random,
  );
  if (!sealed.ok) return sealed;
  return ok(
    JSON.stringify({
      ...options.wireExtra,
      collection: 'conflict',
      changeId: options.changeId,
      itemId: id,
      baseVersion: options.base.version,
      baseTimestamp: options.base.stamp ?? null,
      changeType,
      timestamp: stamp,
      revision,
      ...sealed.value,
      ...(options.groupId === undefined ? {} : { group: options.groupId }),
    }),
  );
}

export function openItem(
  version: RemoteVersion & { readonly collection: 'item' },
  keys: SealingKeys,
): Result<OpenedItem, OpenError> {
  const bytes = open(version, keys);
  if (!bytes.ok) return bytes;
  const document = decodeItemDocument(bytes.value);
  if (!document.ok) return err(openErrorOf(document.error));
  return ok({
    itemId: version.itemId,
    version: version.version,
    sequence: version.sequence,
    stamp: version.timestamp,
    deleted: version.changeType === 'delete',
    reseal: version.reseal ?? false,
    keyId: version.keyId,
    document: document.value,
    wireExtra: unknownFields(version, knownFields),
  });
}

export function openRecord(
  version: RemoteVersion & { readonly collection: 'conflict' },
  keys: SealingKeys,
): Result<OpenedRecord, OpenError> {
  const opened = {
    conflictId: version.itemId,
    version: version.version,
    stamp: version.timestamp,
    revision: version.revision,
    keyId: version.keyId,
    wireExtra: unknownFields(version, knownFields),
  };
  const conflict = openConflict(version, keys);
  return conflict.ok ? ok({ ...opened, conflict: conflict.value }) : conflict;
}

/**
 * The record of a change as it was sent (its JSON text); undefined when it is none, or the key is gone.
 */
export function openSentRecord(frozen: string, keys: SealingKeys): Conflict | undefined {
  const change = changeSchema.safeParse(parseJson(frozen));
  if (!change.success || change.data.collection !== 'conflict') return undefined;
  const conflict = openConflict(change.data, keys);
  return conflict.ok ? conflict.value : undefined;
}

/** Undefined for a record that was pruned. */
function openConflict(
  sealed: SealedSubject & { readonly collection: 'conflict'; readonly revision: number },
  keys: SealingKeys,
): Result<Conflict | undefined, OpenError> {
  const bytes = open(sealed, keys);
  if (!bytes.ok) return bytes;
  if (sealed.changeType === 'delete') return ok(undefined);
  const conflict = decodeRecordDocument(bytes.value);
  if (!conflict.ok) return err(openErrorOf(conflict.error));
  if (conflict.value.id !== sealed.itemId || conflict.value.revision !== sealed.revision) {
    return err({ type: 'unsound', detail: 'the record is not the one that the server names' });
  }
  return ok(conflict.value);
}

/** Also those of a change: what a server says of itself never becomes what this device asks for. */
const knownFields: ReadonlySet<string> = new Set([...knownChangeFields, ...knownVersionFields]);

type BindingFields = Pick<PayloadBinding, 'collection' | 'subjectId' | 'changeType' | 'stamp'>;

interface SealedFields {
  readonly keyId: KeyId;
  readonly originDeviceId: string;
  readonly payload: string;
}

function seal(
  plaintext: Uint8Array,
  fields: BindingFields,
  keys: SealingKeys,
  maxBytes: number,
  random: Random,
): Result<SealedFields, SealFailure> {
  // A text that compresses well must not pass here and then be too large to open elsewhere.
  if (plaintext.length > maxDocumentBytes) {
    return err({ type: 'tooLarge', bytes: plaintext.length, maxBytes: maxDocumentBytes });
  }
  const key = currentKey(keys.ring);
  const deviceId = parseStamp(fields.stamp).deviceId;
  const binding = { ...fields, accountId: keys.accountId, deviceId, keyId: key.keyId };
  const payload = sealPayload({ plaintext, binding, key, random });
  if (payload.length > maxBytes) return err({ type: 'tooLarge', bytes: payload.length, maxBytes });
  return ok({ keyId: key.keyId, originDeviceId: deviceId, payload: toBase64Url(payload) });
}

/** What a payload is bound to, and sealed with. */
type SealedSubject = Pick<
  RemoteVersion,
  'collection' | 'itemId' | 'changeType' | 'timestamp' | 'originDeviceId' | 'keyId' | 'payload'
>;

function open(version: SealedSubject, keys: SealingKeys): Result<Uint8Array, OpenError> {
  const sealed = fromBase64Url(version.payload);
  if (sealed === undefined) return err({ type: 'unsound', detail: 'the payload is not base64' });
  const opened = openPayload(
    sealed,
    {
      accountId: keys.accountId,
      collection: version.collection,
      subjectId: version.itemId,
      changeType: version.changeType,
      stamp: version.timestamp,
      deviceId: version.originDeviceId,
      keyId: version.keyId,
    },
    keys.ring,
    maxDocumentBytes,
  );
  if (opened.ok) return opened;
  switch (opened.error.type) {
    case 'keyMissing':
      return err({ type: 'keyMissing', keyId: opened.error.keyId });
    case 'unsupportedVersion':
      return err({ type: 'newerFormat' });
    default:
      return err({ type: 'unsound', detail: opened.error.type });
  }
}

function openErrorOf(error: { readonly type: string }): OpenError {
  return error.type === 'newerFormat' ? { type: 'newerFormat' } : { type: 'unsound', detail: error.type };
}
