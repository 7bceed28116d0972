/** The limits of the protocol. A server may lower those that are marked so by its settings; a client obeys its answer. */

export const protocolVersion = 1;
/** The oldest protocol version that this code still speaks. */
export const oldestProtocolVersion = 1;

export const maxBatchChanges = 500;
/** Sum of the payloads that a client puts in one push. */
export const maxBatchPayloadBytes = 2 * 1024 * 1024;
export const maxPageChanges = 1000;
/** Sum of the payloads that a server puts in one page; one payload alone may be larger. */
export const maxPagePayloadBytes = 2 * 1024 * 1024;
export const maxManifestEntries = 5000;
export const maxVersionEntries = 100;
export const maxListedDevices = 1000;
/** More than a key ring holds: an account with so many has payloads that no ring opens. */
export const maxListedKeyIds = 1000;

/** A sealed item, in bytes before base64; a server's setting may differ. */
export const defaultMaxItemBytes = 1024 * 1024;
/** A sealed conflict record holds base and two sides. */
export const maxConflictRecordBytes = (maxItemBytes: number): number => 3 * maxItemBytes + 64 * 1024;
/** A body as received and after inflating; a server's setting may differ. */
export const defaultMaxBodyBytes = 8 * 1024 * 1024;
/** An answer, after inflating, that a client is willing to read. */
export const maxAnswerBytes = 16 * 1024 * 1024;

export const maxLoginLength = 64;
export const maxDeviceNameLength = 100;
export const maxInviteLength = 100;
export const maxCursorLength = 200;
export const maxKeyringBytes = 64 * 1024;
export const authKeyBytes = 32;
export const saltBytes = 16;

/** How far ahead of the later of the server's time and the item's current stamp a stamp may be. */
export const maxStampAheadMs = 5 * 60 * 1000;
/** A comment is sent on the event stream this often, three times before a client gives a silent stream up (75 s). */
export const eventHeartbeatMs = 25_000;
