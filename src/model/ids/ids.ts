/** Identifiers are strings with a brand each, so that one is never passed for another. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A version 4 UUID in lower case. */
export type ItemId = Branded<'ItemId'>;
/** A version 4 UUID in lower case: one attempt to push one change. */
export type ChangeId = Branded<'ChangeId'>;
/** 32 lower-case hexadecimal digits, derived from the item and the two versions that met. */
export type ConflictId = Branded<'ConflictId'>;
/** 16 lower-case hexadecimal digits, random. Fixed width, because it closes a stamp. */
export type DeviceId = Branded<'DeviceId'>;
/** A version 4 UUID in lower case. */
export type AccountId = Branded<'AccountId'>;
/** 16 lower-case hexadecimal digits, random: names one data key of a key ring. */
export type KeyId = Branded<'KeyId'>;

/** Enough of an id for a person to tell it apart by. */
export function shortId(id: string): string {
  return id.slice(0, shortIdLength);
}
const shortIdLength = 8;

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const hex16Pattern = /^[0-9a-f]{16}$/;
export const hex32Pattern = /^[0-9a-f]{32}$/;

export const isItemId = (text: string): text is ItemId => uuidPattern.test(text);
export const isChangeId = (text: string): text is ChangeId => uuidPattern.test(text);
export const isAccountId = (text: string): text is AccountId => uuidPattern.test(text);
export const isConflictId = (text: string): text is ConflictId => hex32Pattern.test(text);
export const isDeviceId = (text: string): text is DeviceId => hex16Pattern.test(text);
export const isKeyId = (text: string): text is KeyId => hex16Pattern.test(text);
