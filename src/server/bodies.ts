import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync, gzip } from 'node:zlib';
import { sizeText } from '../base/amounts';
import { fromUtf8 } from '../base/encoding';
import { systemCodeOf } from '../base/errors';
import { parseJson } from '../base/json';
import { err, ok, type Result } from '../base/result';
import type { Failure } from './outcomes';

/** Objects and arrays inside one another in a body. */
export const maxJsonDepth = 32;
/** Bodies up to this size are inflated at once: quicker than a turn through the thread pool. */
const maxSynchronousGzipBytes = 64 * 1024;
/** Each chunk costs a turn of the event loop. */
const inflatedChunkBytes = 256 * 1024;
/** Answers below this size are not worth compressing. */
const minCompressedBytes = 2 * 1024;

const inflate = promisify(gunzip);
const deflate = promisify(gzip);

/**
 * The body as a value, from JSON or gzip JSON. `maxBytes` bounds it as received and again while it is inflated; depth
 * is bounded before it is parsed. `onReceived` hears its size as received.
 */
export async function readJson(
  request: Request,
  maxBytes: number,
  onReceived: (bytes: number) => void,
): Promise<Result<unknown, Failure>> {
  const received = await readBytes(request, maxBytes);
  if (!received.ok) return received;
  onReceived(received.value.byteLength);
  const inflated = await decode(received.value, request.headers.get('Content-Encoding'), maxBytes);
  if (!inflated.ok) return inflated;
  if (isTooDeep(inflated.value)) {
    return err({
      code: 'malformed',
      title: 'The body is nested too deeply',
      detail: `at most ${maxJsonDepth} levels`,
    });
  }
  const text = fromUtf8(inflated.value);
  const value = text === undefined ? undefined : parseJson(text);
  if (value === undefined) return err({ code: 'malformed', title: 'The body is not JSON in UTF-8' });
  if (namesPrototype(value))
    return err({ code: 'malformed', title: 'The body has a field that no one may name' });
  return ok(value);
}

/** The body of an answer, compressed when that is worth it and the client takes it. */
export async function encodeAnswer(
  body: object,
  acceptEncoding: string | null,
): Promise<{ bytes: Uint8Array; encoding: 'gzip' | undefined }> {
  const bytes = Buffer.from(JSON.stringify(body));
  if (bytes.byteLength < minCompressedBytes || !acceptsGzip(acceptEncoding))
    return { bytes, encoding: undefined };
  return { bytes: await deflate(bytes, { level: constants.Z_BEST_SPEED }), encoding: 'gzip' };
}

async function readBytes(request: Request, maxBytes: number): Promise<Result<Buffer, Failure>> {
  const tooLarge: Failure = {
    code: 'tooLarge',
    title: 'The body is too large',
    detail: `This server takes ${sizeText(maxBytes)}.`,
  };
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBytes) return err(tooLarge);
  if (request.body === null) return ok(Buffer.alloc(0));
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(Buffer.concat(chunks, length));
      length += value.byteLength;
      if (length > maxBytes) {
        await reader.cancel();
        return err(tooLarge);
      }
      chunks.push(value);
    }
  } catch {
    return err({ code: 'malformed', title: 'The body ended early' }); // the client is gone, or cut off
  }
}

async function decode(
  bytes: Buffer,
  given: string | null,
  maxBytes: number,
): Promise<Result<Buffer, Failure>> {
  // Names of codings are the same in any case (RFC 9110, section 8.4.1).
  const encoding = given?.toLowerCase() ?? null;
  if (encoding === null || encoding === '' || encoding === 'identity') return ok(bytes);
  if (encoding !== 'gzip') {
    return err({
      code: 'unsupportedEncoding',
      title: 'The body is encoded in a way that this server does not know',
      detail: 'send gzip, or no Content-Encoding',
    });
  }
  const limits = { maxOutputLength: maxBytes, chunkSize: inflatedChunkBytes };
  try {
    return ok(
      bytes.byteLength <= maxSynchronousGzipBytes ? gunzipSync(bytes, limits) : await inflate(bytes, limits),
    );
  } catch (error) {
    return systemCodeOf(error) === 'ERR_BUFFER_TOO_LARGE'
      ? err({
          code: 'tooLarge',
          title: 'The body is too large once inflated',
          detail: `This server takes ${sizeText(maxBytes)}.`,
        })
      : err({ code: 'malformed', title: 'The body is not gzip' });
  }
}

/** Walks the brackets of JSON text without parsing it; what is inside strings is jumped over. */
function isTooDeep(json: Buffer): boolean {
  let depth = 0;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index];
    if (byte === 0x22) {
      index = endOfString(json, index + 1);
      if (index < 0) return false; // not JSON: the parser says so
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > maxJsonDepth) return true;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}

/** The index of the quote that ends the string; -1 when none does. */
function endOfString(json: Buffer, start: number): number {
  let quote = json.indexOf(0x22, start);
  while (quote >= 0) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
    quote = json.indexOf(0x22, quote + 1);
  }
  return -1;
}

/** True when a field anywhere is named `__proto__`: it could become an object's prototype when it is copied. */
function namesPrototype(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(namesPrototype);
}

function acceptsGzip(acceptEncoding: string | null): boolean {
  return (acceptEncoding ?? '')
    .split(',')
    .some(part => /^\s*(?:gzip|\*)\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/i.test(part));
}
