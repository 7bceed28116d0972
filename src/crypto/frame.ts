import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { assert } from '../base/assert';
import { systemCodeOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import { paddedLength } from './padding';
import type { Malformed } from './sealedBox';

/**
 * What is inside a box of text: a header, the bytes (deflated when that is shorter), and zeros up to a padded length.
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 1 | method: 0 stored, 1 raw deflate (RFC 1951) |
 * | 1 | 4 | length of the plaintext, big-endian |
 * | 5 | 4 | length of the body, big-endian |
 * | 9 | as stated | body |
 * | | the rest | padding, ignored |
 */

export type UnpackError = TooLarge | Malformed;

/** Would be longer than the caller is willing to hold; found before anything is inflated. */
export interface TooLarge {
  readonly type: 'tooLarge';
  readonly plaintextBytes: number;
}

const methodStored = 0;
const methodDeflated = 1;
const headerBytes = 9;
/** zlib's default: of levels 1, 3, 6 and 9 the smallest result for 1 KB notes, at the same 30 µs as the others. */
const deflateLevel = 6;
const minChunkBytes = 64; // zlib's least

export function packFrame(plaintext: Uint8Array): Uint8Array {
  const deflated = deflateRawSync(plaintext, {
    level: deflateLevel,
    chunkSize: Math.max(minChunkBytes, plaintext.length),
  });
  const shrinks = deflated.length < plaintext.length;
  const body = shrinks ? deflated : plaintext;
  const frame = new Uint8Array(paddedLength(headerBytes + body.length));
  const header = new DataView(frame.buffer);
  header.setUint8(0, shrinks ? methodDeflated : methodStored);
  header.setUint32(1, plaintext.length);
  header.setUint32(5, body.length);
  frame.set(body, headerBytes);
  return frame;
}

export function unpackFrame(frame: Uint8Array, maxPlaintextBytes: number): Result<Uint8Array, UnpackError> {
  if (frame.length < headerBytes) return malformed('the frame is too short');
  const header = new DataView(frame.buffer, frame.byteOffset, headerBytes);
  const method = header.getUint8(0);
  const plaintextBytes = header.getUint32(1);
  const bodyEnd = headerBytes + header.getUint32(5);
  if (plaintextBytes > maxPlaintextBytes) return err({ type: 'tooLarge', plaintextBytes });
  if (bodyEnd > frame.length) return malformed('the body is cut');
  const body = frame.subarray(headerBytes, bodyEnd);
  if (method === methodDeflated) return inflate(body, plaintextBytes);
  if (method !== methodStored) return malformed('the compression is unknown');
  return body.length === plaintextBytes ? ok(body.slice()) : malformed('the length is wrong');
}

/** The longest frame that a plaintext of this length can give: that of one that does not compress. */
export function longestFrame(plaintextBytes: number): number {
  return paddedLength(headerBytes + plaintextBytes);
}

function inflate(body: Uint8Array, plaintextBytes: number): Result<Uint8Array, UnpackError> {
  if (plaintextBytes === 0) return malformed('the length is wrong');
  let plaintext: Buffer;
  try {
    plaintext = inflateRawSync(body, {
      maxOutputLength: plaintextBytes,
      chunkSize: Math.max(minChunkBytes, plaintextBytes),
    });
  } catch (error) {
    const code = systemCodeOf(error);
    assert(code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE', `inflating failed: ${String(error)}`);
    return malformed(`the compressed body is damaged (${code})`);
  }
  if (plaintext.length !== plaintextBytes) return malformed('the length is wrong');
  return ok(new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length));
}

function malformed(detail: string): Result<never, Malformed> {
  return err({ type: 'malformed', detail });
}
