import { createHash, timingSafeEqual } from 'node:crypto';
import { fromBase64Url, toBase64Url, toUtf8 } from '../base/encoding';
import type { Random } from '../base/random';

/**
 * A device token: `scratch_` and the URL-safe base64 of account id (16 bytes), device id (8 bytes) and 32 random
 * bytes. The store keeps its SHA-256 hash: the secret is random, so a fast hash is enough.
 */

const prefix = 'scratch_';
const accountBytes = 16;
const deviceBytes = 8;
const secretBytes = 32;

export function createToken(random: Random, accountId: string, deviceId: string): string {
  const bytes = Buffer.concat([
    Buffer.from(accountId.replaceAll('-', ''), 'hex'),
    Buffer.from(deviceId, 'hex'),
    random.bytes(secretBytes),
  ]);
  return prefix + toBase64Url(bytes);
}

/** Whose token it says it is; undefined for a text that is no token. Nothing is proven by it. */
export function parseToken(token: string): { accountId: string; deviceId: string } | undefined {
  if (!token.startsWith(prefix)) return undefined;
  const bytes = fromBase64Url(token.slice(prefix.length));
  if (bytes?.byteLength !== accountBytes + deviceBytes + secretBytes) return undefined;
  const hex = Buffer.from(bytes).toString('hex');
  const account = hex.slice(0, 2 * accountBytes);
  return {
    accountId: account.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    deviceId: hex.slice(2 * accountBytes, 2 * (accountBytes + deviceBytes)),
  };
}

export function hashToken(token: string): string {
  return createHash('sha256').update(toUtf8(token)).digest('hex');
}

/** Compares two hashes of tokens in constant time. */
export function sameHash(left: string, right: string): boolean {
  const [leftBytes, rightBytes] = [toUtf8(left), toUtf8(right)];
  return leftBytes.byteLength === rightBytes.byteLength && timingSafeEqual(leftBytes, rightBytes);
}
